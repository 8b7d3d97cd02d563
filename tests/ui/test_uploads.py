import io

import numpy as np
import pytest
from PIL import Image

from recam_core import UserError
from recam_core.system.cache import Cache
from ui.session import uploads


@pytest.fixture(autouse=True)
def store(monkeypatch):
    fresh = Cache(uploads.STORE_BYTES, lambda upload: upload.nbytes)
    monkeypatch.setattr(uploads, "_STORE", fresh)
    monkeypatch.delenv("RECAM_KEEP_UPLOADS", raising=False)
    return fresh


def png(seed=0, side=40):
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def test_a_picture_is_found_by_its_own_session_and_by_a_link():
    mine = {}
    picture = uploads.take_in(mine, "mine.png", png())
    assert uploads.find(mine, picture.sha256) is picture
    assert np.array_equal(uploads.find({}, picture.sha256).pixels, picture.pixels)
    assert uploads.find({}, "0" * 64) is None


def test_an_operator_can_keep_pictures_within_their_session(monkeypatch, store):
    monkeypatch.setenv("RECAM_KEEP_UPLOADS", "0")
    mine = {}
    picture = uploads.take_in(mine, "mine.png", png())
    assert uploads.find(mine, picture.sha256) is picture
    assert uploads.find({}, picture.sha256) is None
    assert store.values() == []


def test_switching_it_off_hides_what_was_kept_before(monkeypatch):
    picture = uploads.take_in({}, "mine.png", png())
    monkeypatch.setenv("RECAM_KEEP_UPLOADS", "0")
    assert uploads.find({}, picture.sha256) is None


def test_a_bad_file_leaves_nothing_behind(store):
    mine = {}
    with pytest.raises(UserError, match=r"notes\.jpg"):
        uploads.take_in(mine, "notes.jpg", b"no picture")
    assert mine.get(uploads.OWN, {}) == {}
    assert store.values() == []


def test_a_session_keeps_the_latest_pictures(monkeypatch):
    monkeypatch.setattr(uploads, "MAX_OWN", 2)
    mine = {}
    taken = [uploads.take_in(mine, f"{n}.png", png(n)) for n in range(3)]
    assert list(mine[uploads.OWN]) == [taken[1].sha256, taken[2].sha256]


def test_the_store_is_bounded_by_bytes_and_the_longest_unused_goes(monkeypatch):
    size = uploads.take_in({}, "0.png", png()) and uploads._STORE.values()[0].nbytes
    monkeypatch.setattr(uploads, "_STORE", Cache(int(2.5 * size), lambda upload: upload.nbytes))
    first, second = (uploads.take_in({}, f"{n}.png", png(n)).sha256 for n in range(2))
    assert uploads.find({}, first)
    uploads.take_in({}, "2.png", png(2))
    assert uploads.find({}, second) is None
    assert uploads.find({}, first)


def photo():
    rows, columns = np.mgrid[0:120, 0:160]
    stream = io.BytesIO()
    Image.fromarray(np.stack([rows, columns, rows + columns], -1).astype(np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


def test_of_a_photo_its_file_is_kept_and_opens_to_the_same_pixels():
    mine, data = {}, photo()
    picture = uploads.take_in(mine, "photo.jpg", data)
    assert mine[uploads.OWN][picture.sha256].content == data
    assert mine[uploads.OWN][picture.sha256].nbytes < picture.pixels.nbytes / 4
    again = uploads.find({}, picture.sha256)
    assert np.array_equal(again.pixels, picture.pixels)
    assert (again.name, again.sha256, again.original_size) == (picture.name, picture.sha256, picture.original_size)


def test_the_picture_that_is_looked_at_is_decoded_once(monkeypatch):
    mine = {}
    first, second = (uploads.take_in(mine, name, data).sha256 for name, data in (("a.jpg", photo()), ("b.png", png())))
    names, read = [], uploads.read_image
    monkeypatch.setattr(uploads, "read_image", lambda data, name: names.append(name) or read(data, name=name))
    for sha in (first, first, second, second, first):
        assert uploads.find(mine, sha).sha256 == sha
    assert names == ["a.jpg", "a.jpg"]


def test_switched_off_an_open_picture_of_a_link_is_not_found(monkeypatch):
    sha, other = uploads.take_in({}, "a.jpg", photo()).sha256, {}
    assert uploads.find(other, sha)
    monkeypatch.setenv("RECAM_KEEP_UPLOADS", "0")
    assert uploads.find(other, sha) is None
