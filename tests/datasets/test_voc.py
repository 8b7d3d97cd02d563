"""Pascal VOC's devkit: where it may lie, its lists and masks, labels from XML that is not trusted."""

import numpy as np
import pytest
from PIL import Image
from small_data import H, W, annotate, label_map, picture

from recam_core.datasets.class_names import VOC_CLASSES
from recam_core.datasets.voc import Voc, read_annotation
from recam_core.records import UserError
from recam_core.system.layouts import voc_splits

DOG, CAT = VOC_CLASSES.index("dog"), VOC_CLASSES.index("cat")
LISTS = "ImageSets/Segmentation"


def named(dataset, i):
    return {dataset.classes[k] for k in np.flatnonzero(dataset.labels(i))}


@pytest.mark.parametrize("up", [0, 1, 2])
def test_the_devkit_may_be_named_by_the_folders_above_it(voc, up):
    root = [voc, *voc.parents][up]
    assert Voc(str(root), "val").names == ["2007_000002"]
    assert voc_splits(root) == ["train", "val"]


def test_labels_are_those_of_all_objects_difficult_ones_included(voc):
    dataset = Voc(str(voc), "train")
    assert [dataset.name(i) for i in range(2)] == ["2007_000001", "2007_000003"]
    assert [named(dataset, i) for i in range(2)] == [{"dog", "person"}, {"sofa"}]


def test_parts_of_a_person_are_no_classes(voc):
    part = "<annotation><object><name>person</name><part><name>head</name></part></object></annotation>"
    (voc / "Annotations" / "2007_000001.xml").write_text(part)
    assert named(Voc(str(voc), "train"), 0) == {"person"}


def test_boxes_count_pixels_from_one_and_lie_in_the_picture_that_they_were_drawn_for(voc):
    box = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"
    dog = f"<object><name>dog</name>{box.format(1, 1, 20, 30)}<part><name>head</name>{box.format(3, 3, 5, 5)}</part></object>"
    others = f"<object><name>Dog</name>{box.format(41, 31.5, 60, 40)}</object><object><name>cat</name></object>"
    path = voc / "Annotations" / "2007_000001.xml"
    path.write_text(f"<annotation><size><width>{W}</width><height>{H}</height></size>{dog}{others}</annotation>")
    dataset = Voc(str(voc), "train")
    (boxes,) = dataset.boxes(0).items()
    assert boxes[0] == DOG
    assert boxes[1].tolist() == [[0, 0, 20, 30], [40, 30.5, W, H]]
    path.write_text(f"<annotation><size><width>500</width><height>{H}</height></size>{dog}</annotation>")
    with pytest.raises(UserError, match=rf"is {W}×{H} pixels, its annotation is for 500×{H}"):
        dataset.boxes(0)
    path.unlink()
    assert Voc(str(voc), "train").boxes(0) is None


def test_without_an_xml_labels_are_those_of_the_mask(voc):
    (voc / "Annotations" / "2007_000001.xml").unlink()
    (voc / "Annotations" / "2007_000003.xml").unlink()
    dataset = Voc(str(voc), "train")
    assert [named(dataset, i) for i in range(2)] == [{"dog"}, set()]
    (voc / "Annotations" / "2007_000002.xml").unlink()
    assert Voc(str(voc), "train").notes == ("There is no folder Annotations: labels are those of the masks.",)
    for mask in (voc / "SegmentationClass").iterdir():
        mask.unlink()
    with pytest.raises(UserError, match=r"neither Annotations/.* nor SegmentationClass"):
        Voc(str(voc), "train")


def test_masks_are_palette_files_with_255_for_ignored(voc):
    dataset = Voc(str(voc), "train")
    expected = np.zeros((H, W), np.uint8)
    expected[:10], expected[10] = DOG + 1, 255
    assert np.array_equal(dataset.mask(0), expected)
    assert dataset.mask(1) is None
    assert [dataset.has_mask(i) for i in range(2)] == [True, False]


def test_train_aug_says_where_its_two_parts_go(voc):
    with pytest.raises(UserError) as refused:
        Voc(str(voc), "train_aug")
    for words in (
        "1,464",
        "10,582",
        f"{voc}/SegmentationClassAug/*.png",
        f"{voc}/{LISTS}/train_aug.txt",
        "are missing",
    ):
        assert words in str(refused.value)
    (voc / LISTS / "train_aug.txt").write_text("2007_000001\n")
    with pytest.raises(UserError, match=r"Now SegmentationClassAug is missing; train needs neither"):
        Voc(str(voc), "train_aug")


@pytest.mark.parametrize("text", [
    "2007_000001\n2007_000002\n",
    "/JPEGImages/2007_000001.jpg /SegmentationClassAug/2007_000001.png\n"
    "/JPEGImages/2007_000002.jpg /SegmentationClassAug/2007_000002.png",
    "\ufeff2007_000001\r\n\r\n2007_000002\r\n2007_000001\r\n",
], ids=["names", "paths", "odd"])  # fmt: skip
def test_both_forms_of_the_list_are_read_and_masks_are_grey(voc, text):
    (voc / LISTS / "train_aug.txt").write_text(text, "utf-8")
    label_map(voc / "SegmentationClassAug" / "2007_000001.png", np.full((H, W), 15))
    dataset = Voc(str(voc), "train_aug")
    assert dataset.names == ["2007_000001", "2007_000002"]
    assert np.array_equal(dataset.mask(0), np.full((H, W), 15))  # SBD's lies above the devkit's
    assert np.array_equal(dataset.mask(1), np.full((H, W), CAT + 1))  # the devkit's where SBD has none


def test_missing_pictures_are_left_out_and_all_missing_is_refused(voc):
    (voc / "JPEGImages" / "2007_000003.jpg").unlink()
    dataset = Voc(str(voc), "train")
    assert (dataset.names, dataset.missing) == (["2007_000001"], ("2007_000003",))
    (voc / "JPEGImages" / "2007_000001.jpg").rename(voc / "JPEGImages" / "2007_000001.JPG")
    assert Voc(str(voc), "train").image(0).shape == (H, W, 3)
    (voc / LISTS / "train.txt").write_text("x\ny\n")
    with pytest.raises(
        UserError, match=r"None of the 2 pictures that train.txt names is in JPEGImages/, for example x"
    ):
        Voc(str(voc), "train")


@pytest.mark.parametrize(("root", "split", "complaint"), [
    ("", "train", "has no folder JPEGImages"),
    ("/nowhere", "train", "has no folder JPEGImages"),
    (None, "test", "has no split 'test'; there are lists of train, val"),
    (None, "", "has no split ''"),
    (None, "../../train", "A split is the name of a list"),
    (None, "a\0b", "A split is the name of a list"),
    (None, "é" * 150, "A split is the name of a list"),
    (None, "a" * 400, "A split is the name of a list"),
])  # fmt: skip
def test_what_is_not_there_is_refused(voc, root, split, complaint):
    with pytest.raises(UserError, match=complaint):
        Voc(str(voc) if root is None else root, split)


def test_lists_that_hold_no_names_are_refused(voc):
    (voc / LISTS / "val.txt").write_text("\n \n")
    with pytest.raises(UserError, match=r"val\.txt is empty"):
        Voc(str(voc), "val")
    for nonsense in (b"\xff\xfe\x00", "Käse".encode("cp1252")):
        (voc / LISTS / "val.txt").write_bytes(nonsense)
        with pytest.raises(UserError, match=r"val\.txt is not a text file in UTF-8"):
            Voc(str(voc), "val")


BOMB = '<!DOCTYPE a [<!ENTITY b "dog"><!ENTITY c "&b;&b;&b;&b;">]><annotation><name>&c;</name></annotation>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><annotation><name>&x;</name></annotation>'


@pytest.mark.parametrize("data", [
    b'<?xml version="1.0" encoding="x-nobody"?><annotation/>', b'<?xml version="1.0" encoding="utf-32"?><annotation/>',
    BOMB.encode(), OUTSIDE.encode(), BOMB.encode("utf-16"), b"", b"<annotation><name>dog</annotation>", b"\x89PNG\r\n",
    b"<name>&unknown;</name>", b"<annotation>" + b" " * (1 << 20),
], ids=["unknown encoding", "wide encoding",
    "entities", "a file", "utf-16", "empty", "broken", "a picture", "unknown entity", "huge"])  # fmt: skip
def test_hostile_xml_is_refused_by_name(voc, data):
    (voc / "Annotations" / "2007_000001.xml").write_bytes(data)
    dataset = Voc(str(voc), "train")
    with pytest.raises(UserError, match=r"^2007_000001\.xml (is no annotation of VOC|has more than 1 MB)"):
        dataset.labels(0)


def test_deep_xml_is_only_read(tmp_path):
    path = tmp_path / "deep.xml"
    path.write_text("<object>" * 20_000 + "<name>dog</name>" + "</object>" * 20_000)
    assert "dog" in dict(read_annotation(path).objects)


def test_a_picture_that_cannot_be_read_is_named(voc):
    (voc / "JPEGImages" / "2007_000001.jpg").write_bytes(b"")
    dataset = Voc(str(voc), "train")
    for look in (dataset.image, dataset.check):
        with pytest.raises(UserError, match=r"“2007_000001.jpg” is empty"):
            look(0)


def test_masks_must_match_the_upright_picture(voc):
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (H, W)).save(voc / "JPEGImages" / "2007_000001.jpg", exif=turned)  # shown as 50×40
    dataset = Voc(str(voc), "train")
    assert dataset.image(0).shape == (*dataset.mask(0).shape, 3)
    dataset.check(0)
    label_map(voc / "SegmentationClass" / "2007_000001.png", np.zeros((W, H)))
    for look in (dataset.mask, dataset.check):
        with pytest.raises(
            UserError, match=r"“mask 2007_000001.png” is 40×50 pixels, but the picture is 50×40.*on its side"
        ):
            look(0)


def test_strange_values_in_a_mask_are_refused(voc):
    label_map(voc / "SegmentationClass" / "2007_000001.png", np.full((H, W), 21))
    with pytest.raises(UserError, match=r"holds the label values 21, but there are 20 classes"):
        Voc(str(voc), "train").mask(0)


def test_names_may_hold_any_letters(voc):
    picture(voc / "JPEGImages" / "Käse_日本.jpg")
    annotate(voc, "Käse_日本", ("cow", 0))
    (voc / LISTS / "mine.txt").write_text("Käse_日本\n", "utf-8")
    dataset = Voc(str(voc), "mine")
    assert dataset.image(0).shape == (H, W, 3)
    assert named(dataset, 0) == {"cow"}
    assert voc_splits(voc) == ["train", "val", "mine"]
