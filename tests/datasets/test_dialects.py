"""Data sets as other tools write them: every kind that people reported trouble with, in several spellings."""

import json
import re
import time
import unicodedata

import numpy as np
import pytest
from PIL import Image
from small_data import H, W, label_map, picture

from recam_core.__main__ import main
from recam_core.datasets import left_out_words, open_dataset
from recam_core.datasets.check import check_dataset
from recam_core.datasets.coco import POLYGONS
from recam_core.datasets.voc import read_annotation
from recam_core.records import UserError
from recam_core.system.layouts import voc_splits

# pycocotools 2.0.11 hands numpy 2 an object with the old form of __array__
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SQUARE = [5, 5, 15, 5, 15, 15, 5, 15]


def checked(kind, root, split):
    return [*check_dataset(kind, str(root), split)][-1]


def labelled(dataset):
    return {
        dataset.name(i): {dataset.classes[k] for k in np.flatnonzero(dataset.labels(i))} for i in range(len(dataset))
    }


# ---- VOC


def devkit(root, pictures, lines, suffix="jpg"):
    (root / "Annotations").mkdir(parents=True)
    (root / "ImageSets" / "Segmentation").mkdir(parents=True)
    for name, objects in pictures.items():
        picture(root / "JPEGImages" / f"{name}.{suffix}")
        body = "".join(f"<object><name>{label}</name></object>" for label in objects)
        (root / "Annotations" / f"{name}.xml").write_text(f"<annotation>{body}</annotation>", "utf-8")
    data = lines if isinstance(lines, bytes) else lines.encode()
    (root / "ImageSets" / "Segmentation" / "train.txt").write_bytes(data)
    return root


@pytest.mark.parametrize(("names", "lines", "meant"), [
    (["img", "img 2"], "img 2\n", ["img 2"]), (["img 1", "img 2"], "img 1\nimg 2\n", ["img 1", "img 2"]),
    (["a", "b"], "a  1\nb -1\n", ["a", "b"]), (["a b", "c"], "a b 1\nc  0\n", ["a b", "c"]),
    (["a b"], "/JPEGImages/a b.jpg /SegmentationClassAug/a b.png\n", ["a b"]),
    (["x", "y"], "JPEGImages/x.jpg SegmentationClass/y.png\n", ["x"]),
    (["a b"], "JPEGImages\\a b.jpg\r\n", ["a b"]), (["a"], "/home/me/my data/JPEGImages/a.jpg\n", ["a"]),
    (["Käse"], unicodedata.normalize("NFD", "Käse") + "\n", ["Käse"]),
    (["Käse", "b"], "Käse\r\nb".encode("utf-16"), ["Käse", "b"]),
    (["a b", "it's"], "\"a b\"\rit's\r", ["a b", "it's"]), (["a\u2028b", "a,b%20"], "a\u2028b\na,b%20\n", ["a\u2028b", "a,b%20"]),
])  # fmt: skip
def test_a_line_of_a_list_means_one_picture(tmp_path, names, lines, meant):
    dataset = open_dataset("voc", str(devkit(tmp_path, {name: ["dog"] for name in names}, lines)), "train")
    assert (dataset.names, dataset.missing) == (meant, ())
    assert all(dataset.labels(i).sum() == 1 for i in range(len(meant)))


def test_a_missing_picture_whose_name_holds_a_space_is_named_whole(tmp_path):
    dataset = open_dataset("voc", str(devkit(tmp_path, {"a": ["dog"]}, "a\nimg 3\nb 1\n")), "train")
    assert dataset.missing == ("img 3", "b")


@pytest.mark.slow
def test_a_million_lines_are_read_in_seconds(tmp_path):
    root = devkit(tmp_path, {"0": ["dog"]}, "".join(f"{i}\n" for i in range(1_000_000)))
    start = time.process_time()
    assert len(open_dataset("voc", str(root), "train").missing) == 999_999
    assert time.process_time() - start < 10


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "jfif", "jpe", "JPG", "tif"])
def test_pictures_of_a_devkit_may_be_of_any_kind(tmp_path, suffix):
    root = devkit(tmp_path, {"a": ["dog"]}, "a\n", "png")
    with Image.open(root / "JPEGImages" / "a.png") as image:
        image.save(root / "JPEGImages" / f"b.{suffix}", "JPEG" if suffix in ("jfif", "jpe") else None)
    (root / "JPEGImages" / "a.png").unlink()
    (root / "JPEGImages" / f"b.{suffix}").rename(root / "JPEGImages" / f"a.{suffix}")
    report = checked("voc", root, "train")
    assert (report.pictures, report.broken_count, sum(report.per_class)) == (1, 0, 1)


@pytest.mark.parametrize("names", [("a",), ("a", "b")])
def test_a_kind_of_picture_that_is_not_read_is_named(tmp_path, names):
    root = devkit(tmp_path, {name: ["dog"] for name in names}, "".join(f"{name}\n" for name in names))
    (root / "JPEGImages" / "a.jpg").rename(root / "JPEGImages" / "a.HEIC")
    words = "in a kind that is not read (1 as .heic); save them as JPEG or PNG."
    if len(names) == 1:
        with pytest.raises(UserError, match=re.escape(words)):
            open_dataset("voc", str(root), "train")
    else:
        assert words in open_dataset("voc", str(root), "train").notes[-1]


def test_names_that_are_not_voc_s_are_understood_or_named(tmp_path):
    objects = {"a": ["Person", "airplane"], "b": ["helmet", "Dining Table", "tv"], "c": ["helmet", "potted-plant", ""]}
    report = checked("voc", devkit(tmp_path, objects, "a\nb\nc\n"), "train")
    there = {name for name, count in zip(report.classes, report.per_class, strict=True) if count}
    assert there == {"person", "aeroplane", "diningtable", "tvmonitor", "pottedplant"}
    assert report.notes[0] == "“helmet” is no class of VOC and is left out (2 pictures)."
    assert "“airplane” is read as aeroplane (1 picture)." in report.notes
    assert "“(an object without a name)” is no class of VOC and is left out (1 picture)." in report.notes


@pytest.mark.parametrize("command", [
    ("train", "--estimate", "--recipe", "scenes"), ("evaluate", "--model", "none-such"), ("check",)
], ids=lambda command: command[0])  # fmt: skip
def test_every_command_says_once_which_names_are_left_out(tmp_path, capsys, monkeypatch, command):
    monkeypatch.setattr("recam_core.training.cost.estimate_cost", lambda *_: "nothing to do")
    root = devkit(tmp_path, {"a": ["helmet", "dog"], "b": ["helmet", "tv"], "c": ["vest"]}, "a\nb\nc\n")
    (root / "Annotations" / "c.xml").write_text("<annotation><object><name>vest</name>")
    main([*command, "--dataset", "voc", "--root", str(root), "--split", "train"])
    out, err = capsys.readouterr()
    output = out + err
    assert output.count("helmet") == 1, output
    if command[0] != "check":
        assert "left out (in so many of 3 pictures): “helmet” in 2. " in err


def test_a_set_of_voc_s_own_names_says_nothing(tmp_path):
    root = devkit(tmp_path, {"a": ["Person", "airplane"]}, "a\n")
    assert left_out_words(open_dataset("voc", str(root), "train")) == ""


def test_many_names_that_are_left_out_are_counted(tmp_path):
    root = devkit(tmp_path, {"a": [f"part-{k}" for k in range(30)]}, "a\n")
    words = left_out_words(open_dataset("voc", str(root), "train"))
    assert words.count("“part-") == 10
    assert "and 20 more names" in words


def test_an_object_s_name_is_neither_that_of_its_parts_nor_the_owner_s(tmp_path):
    (tmp_path / "a.xml").write_text(
        "<annotation><owner><name>cat</name></owner>"
        "<object><part><name>head</name></part><name> dog </name></object></annotation>"
    )
    assert [name for name, _ in read_annotation(tmp_path / "a.xml").objects] == ["dog"]


@pytest.mark.parametrize("encoding", ["gbk", "GB2312", "big5", "shift_jis", "euc-kr", "utf-8", "utf-16", "latin-1"])
def test_xml_in_other_encodings(tmp_path, encoding):
    folder = {"euc-kr": "폴더", "latin-1": "Käse", "shift_jis": "日本"}.get(encoding, "文件")
    body = f"<annotation><folder>{folder}</folder><object><name>dog</name></object></annotation>"
    text = f'<?xml version="1.0" encoding="{encoding}"?>{body}'
    (tmp_path / "a.xml").write_bytes(text.encode(encoding))
    assert [name for name, _ in read_annotation(tmp_path / "a.xml").objects] == ["dog"]
    (tmp_path / "a.xml").write_bytes(text.replace(encoding, "utf-8").encode("gbk", "ignore") + b"\xff")
    with pytest.raises(UserError, match=r"encoding|UTF-8|no annotation"):
        read_annotation(tmp_path / "a.xml")
    (tmp_path / "a.xml").write_text(
        f"\n{text.replace(encoding, 'utf-16')}", "utf-8"
    )  # what .NET writes by default, saved otherwise
    assert [name for name, _ in read_annotation(tmp_path / "a.xml").objects] == ["dog"]
    (tmp_path / "a.xml").write_text(text.replace(encoding, "klingon"))
    with pytest.raises(UserError, match="not in the encoding that it says"):
        read_annotation(tmp_path / "a.xml")


def test_hidden_lists_are_no_splits(tmp_path):
    root = devkit(tmp_path, {"a": ["dog"]}, "a\n")
    (root / "ImageSets" / "Segmentation" / "._train.txt").write_bytes(b"\0\5\x16\7")
    assert voc_splits(root) == ["train"]


# ---- masks


@pytest.mark.parametrize(("write", "usable"), [
    (lambda p: Image.fromarray(np.full((H, W), 255, np.uint8)).save(p), 2), (lambda p: label_map(p, np.zeros((H, W))), 2),
    (lambda p: label_map(p, np.full((H, W), 9)), 0), (lambda p: Image.new("1", (W, H), 1).save(p), 0),
    (lambda p: Image.new("RGB", (W, H), (48, 112, 32)).save(p), 0), (lambda p: p.write_bytes(b"\x89PNG\r\n\x1a\n"), 0),
])  # fmt: skip
def test_masks_that_name_no_class_are_remarked_or_broken(pets, write, usable):
    (pets / "cat" / "b.PNG").unlink()
    (pets / "masks" / "cat").mkdir()
    for name in ("cat", "dog"):
        write(pets / "masks" / name / "a.png")
    report = checked("folder", pets, "")
    assert report.masks - report.broken_count == usable
    assert any("2 of 2 masks show no class" in note for note in report.notes) == bool(usable)


def test_colour_masks_are_read_by_voc_s_colours_or_as_grey(pets):
    for colour, value in (((128, 0, 0), 1), ((0, 128, 0), 2), ((1, 1, 1), 1), ((2, 2, 2), 2)):
        Image.new("RGB", (W, H), colour).save(pets / "masks" / "dog" / "a.png")
        assert (open_dataset("folder", str(pets), "").mask(2) == value).all()


def test_masks_of_another_class_than_their_picture_s_are_counted(pets):
    label_map(pets / "masks" / "dog" / "a.png", np.ones((H, W)))  # of a cat
    note = next(note for note in checked("folder", pets, "").notes if "not labelled with" in note)
    assert note.startswith("1 of 1 masks show a class that their picture is not labelled with.")


def test_an_indexed_mask_in_voc_s_colours_but_of_other_indices_is_refused(pets):
    colours = Image.new("RGB", (W, H))
    colours.paste(
        (0, 128, 0), (5, 5, 20, 20)
    )  # VOC's label 2, which a palette of as many colours as there are calls 1 or 0
    colours.quantize(2).save(pets / "masks" / "dog" / "a.png")
    with pytest.raises(UserError, match="in the colour that VOC gives to the label"):
        open_dataset("folder", str(pets), "").mask(2)


@pytest.mark.parametrize("name", ["dog/a.PNG", "dog/a.jpg.png", "dog/a.Png"])
def test_masks_are_found_in_other_spellings(pets, name):
    (pets / "masks" / "dog" / "a.png").rename(pets / "masks" / name)
    assert open_dataset("folder", str(pets), "").has_mask(2)


def test_what_lies_among_the_masks_and_is_none_is_counted(pets):
    Image.new("L", (W, H)).save(pets / "masks" / "dog" / "a.jpg")
    Image.new("L", (W, H)).save(pets / "masks" / "dog" / "a_mask.png")
    notes = open_dataset("folder", str(pets), "").notes
    assert "1 files in masks/ are no PNG and count for no mask." in notes
    assert "1 PNG files in masks/ belong to no picture; call a mask as its picture." in notes


# ---- tables


def table(root, text, name="labels.csv"):
    picture(root / "a.jpg")
    picture(root / "b.jpg")
    (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


@pytest.mark.parametrize("text", [
    'file,labels\na.jpg,"dog,person"\nb.jpg,cat\n', 'file,labels\na.jpg,"dog, person"\nb.jpg,cat\n',
    "file;labels\na.jpg;dog,person\nb.jpg;cat\n", "file\tlabels\na.jpg\tdog,person\nb.jpg\tcat\n",
    "file,labels\na.jpg,dog|person\nb.jpg,cat\n", "file,labels\na.jpg,\"['dog', 'person']\"\nb.jpg,\"['cat']\"\n",
    "file,labels\na.jpg,['dog' 'person']\nb.jpg,['cat']\n", 'file,labels\na.jpg,"[""dog"", ""person""]"\nb.jpg,"[""cat""]"\n',
    'file,labels\na.jpg,"[dog, person]"\nb.jpg,[cat]\n', 'file,labels\na.jpg,"(""dog"", ""person"")"\nb.jpg,cat\n',
    "file,labels\na.jpg,dog;person\nb.jpg,cat\n".encode("utf-16"), "\n\nfile,labels\na.jpg,dog;person\n\nb.jpg,cat\n",
    b"file;labels\ra.jpg;dog,person\rb.jpg;cat\r", "sep=;\nfile;labels\na.jpg;dog;person\nb.jpg;cat\n",
    '"sep=,"\r\nfile,label\r\na.jpg,dog;person\r\nb.jpg,cat\r\n', "Filename,class\na.jpg,dog;person\nb.jpg,cat\n",
    "file|labels\na.jpg|dog;person\nb.jpg|cat\n", "image,cat,dog,person\na.jpg,False,True,TRUE\nb.jpg,1,0,0\n",
    "file,labels\na.jpg,dog；person\nb.jpg,cat\n", "file,labels\na.jpg,dog、person\nb.jpg,cat\n",
    "id,tag\na,dog\tperson\nB,cat\n",
    ",labels,File Name\n0,dog;person,a.jpg\n1,cat,b.jpg\n", "file,labels\n'a.jpg','dog;person'\nb.jpg,'cat'\n",
    "filename,width,class,xmin\na.jpg,50,dog,1\na.jpg,50,person,2\nb.jpg,50,cat,3\n",
])  # fmt: skip
def test_labels_are_parted_in_many_ways(tmp_path, text):
    dataset = open_dataset("folder", str(table(tmp_path, text)), "")
    assert labelled(dataset) == {"a.jpg": {"dog", "person"}, "b.jpg": {"cat"}}


@pytest.mark.parametrize(("text", "classes", "doubt"), [
    ("file,labels\na.jpg,traffic light;dog\nb.jpg,dog\n", ("dog", "traffic light"), ""),
    ("file,labels\na.jpg,traffic light\nb.jpg,dog\n", ("dog", "traffic light"), "“traffic light”; each is one class"),
    ("file,labels\na.jpg,dog person\nb.jpg,cat\n", ("cat", "dog person"), "“dog person”; each is one class"),
    ("file,labels\na.jpg,cat dog\na.jpg,cat\nb.jpg,dog\n", ("cat", "dog"), "separated at spaces"),
    ('file,labels\na.jpg,cat;dog\nb.jpg,"tench, Tinca"\n', ("cat", "dog", "tench, Tinca"), "“tench, Tinca”; each is one"),
    ('file,labels\na.jpg,"cat, dog"\nb.jpg,dog\n', ("cat", "dog"), "separated at commas"),
    ("file,labels\na.jpg,\"['tench, Tinca', 'dog']\"\nb.jpg,dog\n", ("dog", "tench, Tinca"), ""),
    ("file,labels\na.jpg,nan\nb.jpg,dog\n", ("dog", "nan"), "“nan” is taken for a class"),
    ("file,labels,split\na.jpg,cat,val\nb.jpg,dog,train\n", ("cat", "dog"), "columns of labels.csv are passed over: “split”"),
    ("file,tag,dog\na.jpg,1,0\nb.jpg,0,1\n", ("dog", "tag"), ""),
])  # fmt: skip
def test_names_of_several_words_stay_whole_and_doubt_is_said(tmp_path, text, classes, doubt):
    dataset = open_dataset("folder", str(table(tmp_path, text)), "")
    assert dataset.classes == classes
    assert any(doubt in note for note in dataset.notes) if doubt else not dataset.notes


@pytest.mark.parametrize(("text", "line"), [
    ('file,labels\na.jpg,"dog\nb.jpg,cat\n', 2), ('file,labels\na.jpg,dog\nb.jpg,"cat\n', 3),
    ('file,labels\na.jpg,"dog\nb.jpg,"cat"\n', 2), ('file,labels\n"a.jpg,dog\nb.jpg,cat"\n', 2),
    ('file;labels\na.jpg;"dog\nb.jpg;cat\n', 2),
])  # fmt: skip
def test_a_quote_that_swallows_rows_is_refused_with_its_line(tmp_path, text, line):
    with pytest.raises(UserError, match=rf"labels\.csv, line {line}, .*quote"):
        open_dataset("folder", str(table(tmp_path, text)), "")


# ---- COCO


def an(number, image=1, category=1, drop=(), **fields):
    entry = {"id": number, "image_id": image, "category_id": category, "segmentation": [SQUARE], "area": 100,
             "bbox": [5, 5, 10, 10], "iscrowd": 0} | fields  # fmt: skip
    return {key: value for key, value in entry.items() if key not in drop}


def im(number, name, **fields):
    return {"id": number, "file_name": name, "width": W, "height": H} | fields


def coco(root, images=None, annotations=None, categories=None, files=("a.png", "b.png")):
    for name in files:
        picture(root / "train" / name)
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    content = {
        "images": images or [im(1, "a.png"), im(2, "b.png")],
        "annotations": annotations or [an(1), an(2, 2, 2)],
        "categories": categories or [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
    }
    (root / "annotations" / "instances_train.json").write_text(json.dumps(content))
    return root


@pytest.mark.parametrize("how", [
    {"annotations": [an(1, drop=["iscrowd", "area", "id", "bbox"]), an(2, 2, 2, iscrowd=None, area=None)]},
    {"annotations": [an(1, iscrowd=False, area="100"), an(2, 2, 2, iscrowd=0.0)]},
    {"images": [im(10**400, "a.png"), im(2, "b.png")], "annotations": [an(1, 10**400), an(2, 2, 2)]},
    {"annotations": [an(1, iscrowd="false"), an(2, 2, 2, iscrowd="0")]},
    {"images": [im("1", "a.png"), im("2", "b.png")], "annotations": [an(1, "1"), an(2, "2", 2)]},
    {"images": [im("one", "a.png"), im("two", "b.png")], "annotations": [an(1, "one"), an(2, "two", 2)]},
    {"images": [im(1.0, "a.png"), im(2.0, "b.png")], "annotations": [an(1, "1"), an(2, 2, "2")]},
    {"images": [im(1, "a.png", width=50.0, height="40"), {"id": 2, "file_name": "b.png"}]},
    {"categories": [{"id": "1", "name": "dog"}, {"id": "2", "name": "cat"}]},
    {"images": [im(1, "train\\a.png"), im(2, "/home/me/train/b.png")]}, {"images": [im(1, "C:\\x\\a.png"), im(2, "./b.png")]},
    {"images": [im(1, "A.PNG"), im(2, "b")]}, {"images": [im(1, "https://x.org/d/%61.png?raw=1"), im(2, "x/b.jpg")]},
    {"images": [im(1, "a.png", width=0, height=0), im(2, "b.png")]},
    {"annotations": [an(1, segmentation={"size": [H, W], "counts": [0.0, 100.0, W * H - 100.0]}), an(2, 2, 2, area=0)]},
])  # fmt: skip
def test_fields_of_other_tools(tmp_path, how):
    report = checked("coco", coco(tmp_path, **how), "train")
    assert (report.per_class, report.masks, report.broken, report.missing) == ((1, 1), 2, (), ())
    dataset = open_dataset("coco", str(tmp_path), "train")
    assert [(dataset.mask(i) > 0).sum() for i in range(2)] == [100, 100]
    assert dataset.names == ["a.png", "b.png"]


def test_an_area_that_is_missing_is_counted(tmp_path):
    large = [[0, 0, 40, 0, 40, 30, 0, 30]]
    root = coco(tmp_path, annotations=[an(1, area=0), an(2, 1, 2, segmentation=large, drop=["area"])])
    assert (open_dataset("coco", str(root), "train").mask(0)[5:15, 5:15] == 1).all()  # the smaller on top


def test_pictures_are_found_in_another_spelling_and_folder(tmp_path):
    nfc, nfd = (unicodedata.normalize(form, "Käse.png") for form in ("NFC", "NFD"))
    root = coco(tmp_path, [im(1, nfc), im(2, "train/deep/b.png")], files=(nfd, "deep/b.png"))
    assert checked("coco", root, "train").pictures == 2
    root = coco(tmp_path / "two", [im(1, "x/a.png"), im(2, "y/a.png"), im(3, "b.png")])
    assert open_dataset("coco", str(root), "train").missing == ("x/a.png", "y/a.png")  # both may mean a.png


@pytest.mark.parametrize("above", ["none", "", None, "animal", "root"])
def test_a_category_that_only_stands_above_others_is_no_class(tmp_path, above):
    root = {"id": 0, "name": "animal", "supercategory": above}
    others = [{"id": i, "name": name, "supercategory": "animal"} for i, name in ((1, "dog"), (2, "cat"))]
    assert checked("coco", coco(tmp_path, categories=[root, *others]), "train").classes == ("dog", "cat")


def test_an_annotation_file_among_the_pictures_is_sent_where_it_belongs(tmp_path):
    root = coco(tmp_path, categories=[{"id": 1, "name": "dog"}, {"id": 2, "name": "Dog"}])
    (root / "annotations" / "instances_train.json").rename(root / "train" / "_annotations.coco.json")
    with pytest.raises(UserError, match=r"beside the pictures; move it to annotations/instances_train\.json\."):
        checked("coco", root, "train")
    (root / "train" / "_annotations.coco.json").rename(root / "annotations" / "instances_train.json")
    words = "“dog” and “Dog” are classes of their own, though they differ in capitals alone."
    assert words in checked("coco", root, "train").notes


def test_strays_are_named_and_a_root_category_is_no_class(tmp_path):
    root = coco(
        tmp_path,
        annotations=[an(1), an(2, 2, 2), an(3, 99)],
        categories=[
            {"id": 0, "name": "dog", "supercategory": "none"},
            {"id": 1, "name": "dog", "supercategory": "dog"},
            {"id": 2, "name": "cat", "supercategory": "dog"},
        ],
    )
    report = checked("coco", root, "train")
    assert report.classes == ("dog", "cat")
    assert "1 annotations belong to pictures that are not listed (image_id 99) and are left out." in report.notes
    assert any("'dog' stands above others" in note for note in report.notes)


BAD = [
    [[5, 5, 9]],
    [[1, 2, 3, 4, 5, float("nan")]],
    {"size": [H, W], "counts": [1.5, 1998.5]},
    SQUARE,
    [[0.1, 0.1, 0.9, 0.1, 0.9, 0.9]],
]


@pytest.mark.parametrize("bad", BAD)
def test_good_outlines_count_beside_bad_ones(tmp_path, bad):
    root = coco(tmp_path, annotations=[an(1), an(7, 1, 2, segmentation=bad, bbox=[20, 20, 10, 10]), an(2, 2, 2)])
    report = checked("coco", root, "train")
    assert (report.masks, report.broken_count) == (2, 0)
    assert any("Annotation 7 of picture 1 has no usable segmentation" in note for note in report.notes)
    mask = open_dataset("coco", str(root), "train").mask(0)
    assert (mask[5:15, 5:15] == 1).all()
    assert (mask[20:30, 20:30] == 255).all()  # nobody knows
    assert (mask > 0).sum() == 200


def test_a_bad_part_of_an_outline_leaves_the_good_one(tmp_path):
    root = coco(tmp_path, annotations=[an(1, segmentation=[SQUARE, [1, 2], []]), an(2, 2, 2)])
    report = checked("coco", root, "train")
    assert report.broken_count == 0
    assert any("Annotation 1 of picture 1 has a part that cannot be used" in note for note in report.notes)
    assert (open_dataset("coco", str(root), "train").mask(0) == 1).sum() == 100


@pytest.mark.parametrize("nothing", [[[5, 5, 15, 5, 10, 5]], {"size": [H, W], "counts": [W * H]}])
def test_an_outline_without_a_pixel_is_named(tmp_path, nothing):
    root = coco(tmp_path, annotations=[an(1), an(7, 1, 2, segmentation=nothing), an(2, 2, 2)])
    report = checked("coco", root, "train")
    assert report.notes[0] == "Annotation 7 of picture 1 covers no pixel (1 picture)."
    assert (open_dataset("coco", str(root), "train").mask(0) > 0).sum() == 100


@pytest.mark.parametrize("segmentation", [None, []])
def test_boxes_alone_are_no_masks(tmp_path, segmentation):
    boxes = [an(1, segmentation=segmentation), an(2, 2, 2, drop=["segmentation"])]
    report = checked("coco", coco(tmp_path, annotations=boxes, images=[im(1, "a.png"), im(2, "b.png")]), "train")
    assert (report.masks, report.broken_count, report.per_class) == (0, 0, (1, 1))
    (boxes,) = open_dataset("coco", str(tmp_path), "train").boxes(0).items()
    assert (boxes[0], boxes[1].tolist()) == (0, [[5, 5, 15, 15]])
    assert report.notes[0].startswith(
        "2 pictures without a mask have 2 boxes, which serve for training, and for MaxBoxAcc"
    )


def test_a_picture_of_too_many_polygons_is_refused_at_once(tmp_path):
    root = coco(tmp_path, annotations=[an(1, segmentation=[SQUARE] * (POLYGONS + 1)), an(2, 2, 2)])
    start = time.process_time()
    assert "polygons; at most" in checked("coco", root, "train").broken[0][1]
    assert time.process_time() - start < 10
