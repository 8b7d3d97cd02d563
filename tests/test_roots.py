"""Which folders may be named, and what is found in them."""

import os

import pytest

from recam_core.records import UserError
from recam_core.roots import allowed_file, allowed_folder, coco_folders, coco_splits


@pytest.fixture
def data(tmp_path):
    """A folder with one data set in COCO's layout, of which one split has no pictures."""
    mine = tmp_path / "data" / "mine"
    (mine / "val").mkdir(parents=True)
    (mine / "annotations").mkdir()
    for split in ("train", "val"):
        (mine / "annotations" / f"instances_{split}.json").touch()
    (tmp_path / "data" / "other").mkdir()
    return tmp_path / "data"


def test_splits_need_pictures_and_annotations(data):
    assert coco_splits(data / "mine") == ["val"]
    assert coco_splits(data / "other") == []


def test_any_folder_may_be_named_where_no_roots_are_set(data, monkeypatch):
    monkeypatch.delenv("RECAM_DATA_ROOTS", raising=False)
    assert allowed_folder(f" {data / 'mine'} ") == data / "mine"
    assert coco_folders() == []
    for text in ("", str(data / "nowhere"), "~nobody-of-that-name", "a\0b", "x" * 300):
        with pytest.raises(UserError, match="There is no folder"):
            allowed_folder(text)


def test_a_file_must_be_there_and_be_a_file(data, monkeypatch):
    monkeypatch.delenv("RECAM_DATA_ROOTS", raising=False)
    file = data / "mine" / "annotations" / "instances_val.json"
    assert allowed_file(f" {file} ") == file
    for text in ("", str(data), str(data / "nowhere"), "~nobody-of-that-name", "a\0b", "x" * 300):
        with pytest.raises(UserError, match="There is no file"):
            allowed_file(text)


def test_roots_bound_what_may_be_named(data, monkeypatch, tmp_path):
    monkeypatch.setenv("RECAM_DATA_ROOTS", os.pathsep.join([str(data), str(tmp_path / "gone")]))
    assert coco_folders() == [data / "mine"]
    assert allowed_folder(str(data / "mine")) == data / "mine"
    (data / "way out").symlink_to(tmp_path)
    for text in ("/etc", str(data / ".."), str(data / "way out"), str(data / "mine" / ".." / "..")):
        for allowed in (allowed_folder, allowed_file):
            with pytest.raises(UserError, match="Data must lie in"):
                allowed(text)
