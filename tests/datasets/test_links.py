"""What links in a data set may lead to where an operator has bounded the folders with data."""

import os

import numpy as np
import pytest
from small_data import H, W, label_map, picture

from recam_core.datasets import open_dataset
from recam_core.datasets.on_disk import inside
from recam_core.records import UserError

REFUSED = "leads out of the data set and of the folders in RECAM_DATA_ROOTS"
# pycocotools 2.0.11 hands numpy 2 an object with the old form of __array__
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def moved(tmp_path, monkeypatch):
    """Move a file or folder of a data set out of it and leave a link; the operator allows the set's folder alone."""
    monkeypatch.delenv("RECAM_DATA_ROOTS", raising=False)
    (tmp_path / "outside").mkdir()

    def move(root, name):
        path, there = root / name, tmp_path / "outside" / name.replace("/", "-")
        path.rename(there)
        path.symlink_to(there)

    return move


def allow(monkeypatch, *folders):
    monkeypatch.setenv("RECAM_DATA_ROOTS", os.pathsep.join(map(str, folders)))


def first_picture(kind, root, split):
    """Everything that is read of a data set's first picture."""
    dataset = open_dataset(kind, str(root), split)
    dataset.check(0)
    dataset.mask(0)
    return dataset.labels(0), dataset.image(0)


VOC = [
    "JPEGImages", "JPEGImages/2007_000001.jpg", "Annotations", "Annotations/2007_000001.xml", "SegmentationClass",
    "SegmentationClass/2007_000001.png", "ImageSets/Segmentation/train.txt", "ImageSets",
]  # fmt: skip


@pytest.mark.parametrize("name", VOC)
def test_links_of_a_devkit(voc, moved, monkeypatch, tmp_path, name):
    moved(voc, name)
    first_picture("voc", voc, "train")  # one person at home
    allow(monkeypatch, voc.parent)
    with pytest.raises(UserError, match=REFUSED):
        first_picture("voc", voc, "train")
    allow(monkeypatch, voc.parent, tmp_path / "outside")
    first_picture("voc", voc, "train")


@pytest.mark.parametrize("name", ["val", "val/a.png", "annotations", "annotations/instances_val.json"])
def test_links_of_coco_s_layout(coco, moved, monkeypatch, tmp_path, name):
    moved(coco, name)
    first_picture("coco", coco, "val")
    allow(monkeypatch, coco)
    with pytest.raises(UserError, match=REFUSED):
        first_picture("coco", coco, "val")
    allow(monkeypatch, coco, tmp_path / "outside")
    first_picture("coco", coco, "val")


def test_links_of_a_folder_of_one_s_own(pets, moved, monkeypatch, tmp_path):
    moved(pets, "masks")
    moved(pets, "cat/b.PNG")
    dataset = open_dataset("folder", str(pets), "")  # one person at home
    assert dataset.names == ["cat/a.jpg", "cat/b.PNG", "dog/a.jpg"]
    assert dataset.has_mask(2)
    allow(monkeypatch, pets)
    with pytest.raises(UserError, match=f"“masks” {REFUSED}"):
        open_dataset("folder", str(pets), "")
    allow(monkeypatch, pets, tmp_path / "outside")
    dataset = open_dataset("folder", str(pets), "")
    assert dataset.names == ["cat/a.jpg", "cat/b.PNG", "dog/a.jpg"]
    assert dataset.has_mask(2)


@pytest.mark.parametrize("split", ["", "train"])
def test_a_table_that_is_a_link_is_not_read_out(pets, monkeypatch, tmp_path, split):
    picture(pets / "train" / "cat" / "1.jpg")
    picture(pets / "val" / "cat" / "1.jpg")
    (tmp_path / "secret").write_text("root:x:0:0\n")
    (pets / "labels.csv" if not split else pets / "val" / "labels.csv").symlink_to(tmp_path / "secret")
    allow(monkeypatch, pets)
    with pytest.raises(UserError, match=REFUSED) as refusal:
        open_dataset("folder", str(pets), split)
    assert "root:" not in str(refusal.value)


def test_links_inside_of_a_data_set_are_followed(voc, monkeypatch):
    allow(monkeypatch, voc)
    (voc / "JPEGImages" / "again.jpg").symlink_to(voc / "JPEGImages" / "2007_000001.jpg")
    (voc / "SegmentationClass" / "again.png").symlink_to("2007_000001.png")
    (voc / "ImageSets" / "Segmentation" / "mine.txt").write_text("again\n")
    label_map(voc / "SegmentationClass" / "2007_000001.png", np.full((H, W), 3))
    assert first_picture("voc", voc, "mine")[0].sum() == 1


def test_a_link_to_itself_is_refused(tmp_path, monkeypatch):
    allow(monkeypatch, tmp_path)
    (tmp_path / "a").symlink_to(tmp_path / "a")
    with pytest.raises(UserError, match=REFUSED):
        inside(tmp_path / "a", tmp_path)
