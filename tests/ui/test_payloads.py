import pytest

from recam_core.records import UserError
from ui.compute import payloads


def test_a_payload_is_kept_once_under_the_hash_of_its_content():
    name = payloads.put(b"one store")
    assert payloads.put(b"one store") == name
    assert payloads.get(name) == b"one store"
    assert payloads.get("0" * 64) is None


def test_a_payload_larger_than_the_store_is_refused_and_drops_nothing():
    name = payloads.put(b"abcd")
    with pytest.raises(UserError, match=r"may take 32 MB.*fewer classes"):
        payloads.put(bytes(payloads.MAX_BYTES + 1))
    assert payloads.get(name) == b"abcd"
