"""Which folders may be named, and what is found in them."""

import os

import pytest

from recam_core.records import UserError
from recam_core.system import folders
from recam_core.system.folders import (
    DataFolder,
    allowed_file,
    allowed_folder,
    bounded,
    data_folders,
    data_roots,
)
from recam_core.system.layouts import changed, coco_splits


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
    assert data_folders() == []
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
    assert DataFolder("coco", data / "mine") in data_folders()
    assert allowed_folder(str(data / "mine")) == data / "mine"
    (data / "way out").symlink_to(tmp_path)
    for text in ("/etc", str(data / ".."), str(data / "way out"), str(data / "mine" / ".." / "..")):
        for allowed in (allowed_folder, allowed_file):
            with pytest.raises(UserError, match="Data must lie in"):
                allowed(text)


def test_a_variable_that_names_no_folder_allows_nothing(data, monkeypatch):
    for nothing in (os.pathsep, os.pathsep * 3):
        monkeypatch.setenv("RECAM_DATA_ROOTS", nothing)
        assert (bounded(), data_roots(), data_folders()) == (True, [], [])
        for allowed in (allowed_folder, allowed_file):
            with pytest.raises(UserError, match="RECAM_DATA_ROOTS is set on this server and names no folder"):
                allowed(str(data / "mine"))
    monkeypatch.setenv("RECAM_DATA_ROOTS", "")  # as if it were not set
    assert not bounded()
    assert allowed_folder(str(data / "mine")) == data / "mine"


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_data_sets_of_every_kind_are_found_by_the_names_of_their_files(data, monkeypatch, tmp_path):
    picture(data / "VOCdevkit" / "VOC2012" / "JPEGImages" / "1.jpg")
    picture(data / "VOCdevkit" / "VOC2012" / "ImageSets" / "Segmentation" / "train.txt")
    picture(data / "pets" / "cat" / "1.jpg")
    picture(data / "parted" / "train" / "cat" / "1.jpg")
    picture(data / "table" / "labels.csv")
    picture(data / "loose" / "1.jpg")
    picture(tmp_path / "outside" / "cat" / "1.jpg")
    (data / "outside").symlink_to(tmp_path / "outside")
    (data / "a file").touch()
    monkeypatch.setenv("RECAM_DATA_ROOTS", str(data))
    assert data_folders() == [
        DataFolder("voc", data / "VOCdevkit" / "VOC2012"),
        DataFolder("coco", data / "mine"),
        DataFolder("folder", data / "parted"),
        DataFolder("folder", data / "pets"),
        DataFolder("folder", data / "table"),
    ]


def test_a_data_set_is_listed_once_however_it_is_reached(data, monkeypatch):
    base = data / "VOCdevkit" / "VOC2012"
    picture(base / "JPEGImages" / "1.jpg")
    picture(base / "ImageSets" / "Segmentation" / "train.txt")
    monkeypatch.setenv(
        "RECAM_DATA_ROOTS", os.pathsep.join([str(data / "VOCdevkit"), str(base), str(data / "VOCdevkit")])
    )
    assert data_folders() == [DataFolder("voc", base)]


def test_looking_at_a_huge_folder_is_bounded(data, monkeypatch):
    for i in range(60):
        picture(data / f"set-{i}" / "cat" / "1.jpg")
    monkeypatch.setattr(folders, "LISTED", 50)
    monkeypatch.setattr(folders, "LOOKED_AT", 20)
    monkeypatch.setenv("RECAM_DATA_ROOTS", str(data))
    assert 15 < len(data_folders()) <= 20


def test_what_was_changed_is_noticed(data):
    before = changed("coco", str(data / "mine"), "val")
    assert before > 0
    assert changed("scenes", "", "val") == changed("coco", str(data / "nowhere"), "val") == 0
    os.utime(data / "mine" / "annotations" / "instances_val.json", ns=(before + 10, before + 10))
    assert changed("coco", str(data / "mine"), "val") == before + 10
    picture(data / "pets" / "cat" / "1.jpg")
    now = changed("folder", str(data / "pets"), "")
    os.utime(data / "pets" / "cat", ns=(now + 10, now + 10))
    assert changed("folder", str(data / "pets"), "") == now + 10
