import json
import struct

import pytest

from ui.compute.packing import pack, payload_id, read_header, unpack


def make_header(**changes):
    header = {
        "version": 1,
        "picture": {"width": 4, "height": 3, "name": "Hündin.jpg", "type": "image/png"},
        "grid": [2, 3],
        "views": [{"key": "cam", "label": "CAM"}, {"key": "w", "label": "w"}],
        "classes": [{"name": "dog", "score": 0.9}],
    }
    return header | changes


BLOBS = {"picture": b"PNG!", "maps": bytes(range(12)), "mask": bytes(12)}


def test_layout_is_length_then_json_then_blobs():
    packed = pack(make_header(), BLOBS)
    (length,) = struct.unpack("<I", packed[:4])
    header = json.loads(packed[4 : 4 + length].decode("utf-8"))
    assert header["picture"]["name"] == "Hündin.jpg"
    assert [(blob["name"], blob["offset"], blob["length"]) for blob in header["blobs"]] == [
        ("picture", 0, 4),
        ("maps", 4, 12),
        ("mask", 16, 12),
    ]
    assert packed[4 + length :] == b"".join(BLOBS.values())


def test_unpack_gives_back_what_was_packed():
    header, blobs = unpack(pack(make_header(), BLOBS))
    assert blobs == BLOBS
    assert {name: value for name, value in header.items() if name != "blobs"} == make_header()
    assert read_header(pack(make_header(), BLOBS)) == header


def test_numbers_survive_exactly():
    value = 0.1 + 0.2
    assert read_header(pack(make_header(covered=[value]), BLOBS))["covered"] == [value]


@pytest.mark.parametrize("changes", [{"maps": bytes(11)}, {"maps": bytes(13)}, {"mask": bytes(6)}, {"picture": b""}])
def test_a_blob_that_does_not_fit_the_header_is_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        pack(make_header(), BLOBS | changes)


def test_a_missing_blob_is_refused():
    with pytest.raises(ValueError, match="maps"):
        pack(make_header(), {"picture": b"PNG!"})


def test_numbers_json_cannot_hold_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        pack(make_header(peaks=[float("nan")]), BLOBS)


def test_id_is_the_content_and_nothing_else():
    one, same, other = pack(make_header(), BLOBS), pack(make_header(), BLOBS), pack(make_header(version=2), BLOBS)
    assert payload_id(one) == payload_id(same) != payload_id(other)
    assert payload_id(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
