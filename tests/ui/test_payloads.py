from concurrent.futures import ThreadPoolExecutor

import pytest

from recam_core.records import UserError
from ui.compute import payloads
from ui.compute.payloads import PayloadStore


def test_what_was_put_is_got_back_and_the_rest_is_none():
    store = PayloadStore(10)
    name = store.put(b"abc")
    assert store.get(name) == b"abc"
    assert store.get("0" * 64) is None


def test_the_longest_unused_goes_first():
    store = PayloadStore(9)
    first, second, third = store.put(b"aaa"), store.put(b"bbb"), store.put(b"ccc")
    store.get(first)
    fourth = store.put(b"ddd")
    assert store.get(second) is None
    assert [store.get(name) for name in (first, third, fourth)] == [b"aaa", b"ccc", b"ddd"]


def test_bytes_count_not_items():
    store = PayloadStore(10)
    small = [store.put(bytes([k])) for k in range(5)]
    store.put(b"x" * 8)
    assert [store.get(name) is not None for name in small] == [False, False, False, True, True]


def test_the_same_payload_counts_once_and_becomes_recent():
    store = PayloadStore(6)
    first = store.put(b"aaa")
    second = store.put(b"bbb")
    assert store.put(b"aaa") == first
    store.put(b"ccc")
    assert store.get(first) == b"aaa"
    assert store.get(second) is None


def test_a_payload_larger_than_the_store_is_refused_and_drops_nothing():
    store = PayloadStore(4)
    name = store.put(b"abcd")
    with pytest.raises(UserError, match="fewer classes"):
        store.put(b"abcde")
    assert store.get(name) == b"abcd"


def test_threads_keep_the_bound():
    store = PayloadStore(1000)
    items = [bytes([k % 256]) * (1 + k % 97) + str(k % 50).encode() for k in range(400)]
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(store.put, items))
    kept = {name: found for name in names if (found := store.get(name)) is not None}
    assert kept
    assert sum(len(found) for found in kept.values()) <= 1000
    assert store._total == sum(len(found) for found in store._items.values())


def test_the_process_has_one_store_of_32_mb():
    assert payloads.STORE.max_bytes == 32 * 1024 * 1024
    assert payloads.get(payloads.put(b"one store")) == b"one store"
