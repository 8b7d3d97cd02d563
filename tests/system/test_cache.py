from concurrent.futures import ThreadPoolExecutor

from recam_core.system.cache import Cache


def test_what_was_put_is_got_back_and_the_rest_is_none():
    cache = Cache(10, len)
    cache.put("a", b"abc")
    assert cache.get("a") == b"abc"
    assert cache.get("b") is None


def test_the_longest_unused_goes_first():
    cache = Cache(9, len)
    for name in ("first", "second", "third"):
        cache.put(name, b"aaa")
    cache.get("first")
    cache.put("fourth", b"ddd")
    assert [cache.get(name) is not None for name in ("first", "second", "third", "fourth")] == [True, False, True, True]


def test_bytes_count_not_items():
    cache = Cache(10, len)
    for k in range(5):
        cache.put(k, b"x")
    cache.put("large", b"x" * 8)
    assert [cache.get(k) is not None for k in range(5)] == [False, False, False, True, True]


def test_without_a_size_items_count():
    cache = Cache(2)
    for k in range(3):
        cache.put(k, "x" * 100)
    assert cache.values() == ["x" * 100] * 2
    assert cache.get(0) is None


def test_what_is_put_again_counts_once_and_becomes_recent():
    cache = Cache(6, len)
    for name in ("first", "second", "first", "third"):
        cache.put(name, b"aaa")
    assert cache.get("first") == b"aaa"
    assert cache.get("second") is None


def test_what_is_larger_than_all_drops_nothing_and_is_not_kept():
    cache = Cache(4, len)
    cache.put("fits", b"abcd")
    cache.put("too large", b"abcde")
    assert (cache.get("fits"), cache.get("too large")) == (b"abcd", None)


def test_sizes_are_taken_anew_because_values_grow():
    cache, growing = Cache(4, len), [1]
    cache.put("growing", growing)
    growing += [2, 3]
    cache.put("new", [1, 2])
    assert cache.get("growing") is None
    assert cache.get("new") == [1, 2]


def test_what_is_needed_stays_and_the_next_goes_instead():
    cache = Cache(2, needed=lambda value: value == "needed")
    for name, value in (("a", "needed"), ("b", "not"), ("c", "not")):
        cache.put(name, value)
    assert [cache.get(name) for name in "abc"] == ["needed", None, "not"]


def test_threads_keep_the_bound():
    cache = Cache(1000, len)
    items = [bytes([k % 256]) * (1 + k % 97) for k in range(400)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: cache.put(hash(item), item), items))
    assert 900 < sum(map(len, cache.values())) <= 1000


def test_a_cleared_one_is_empty():
    cache = Cache(2)
    cache.put("a", 1)
    cache.clear()
    assert cache.values() == []
