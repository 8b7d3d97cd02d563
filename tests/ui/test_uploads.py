import io

import numpy as np
import pytest
from cachetools import LRUCache
from PIL import Image

from recam_core import UserError
from ui import uploads


@pytest.fixture(autouse=True)
def store(monkeypatch):
    fresh = LRUCache(uploads.STORE_BYTES, getsizeof=uploads._STORE.getsizeof)
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
    assert uploads.find({}, picture.sha256) is picture
    assert uploads.find({}, "0" * 64) is None


def test_an_operator_can_keep_pictures_within_their_session(monkeypatch, store):
    monkeypatch.setenv("RECAM_KEEP_UPLOADS", "0")
    mine = {}
    picture = uploads.take_in(mine, "mine.png", png())
    assert uploads.find(mine, picture.sha256) is picture
    assert uploads.find({}, picture.sha256) is None
    assert len(store) == 0


def test_switching_it_off_hides_what_was_kept_before(monkeypatch):
    picture = uploads.take_in({}, "mine.png", png())
    monkeypatch.setenv("RECAM_KEEP_UPLOADS", "0")
    assert uploads.find({}, picture.sha256) is None


def test_a_bad_file_leaves_nothing_behind(store):
    mine = {}
    with pytest.raises(UserError, match=r"notes\.jpg"):
        uploads.take_in(mine, "notes.jpg", b"no picture")
    assert mine.get(uploads.OWN, {}) == {}
    assert len(store) == 0


def test_a_session_keeps_the_latest_pictures(monkeypatch):
    monkeypatch.setattr(uploads, "MAX_OWN", 2)
    mine = {}
    taken = [uploads.take_in(mine, f"{n}.png", png(n)) for n in range(3)]
    assert list(mine[uploads.OWN]) == [taken[1].sha256, taken[2].sha256]


def test_the_store_is_bounded_by_bytes_and_the_longest_unused_goes(monkeypatch):
    size = 40 * 40 * 3
    monkeypatch.setattr(uploads, "_STORE", LRUCache(2 * size, getsizeof=uploads._STORE.getsizeof))
    first, second = (uploads.take_in({}, f"{n}.png", png(n)).sha256 for n in range(2))
    assert uploads.find({}, first)
    uploads.take_in({}, "2.png", png(2))
    assert uploads.find({}, second) is None
    assert uploads.find({}, first)
