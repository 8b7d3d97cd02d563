"""A folder of one's own: classes as folders or in a table, splits, masks, and everything odd that people have on disk."""

import json
import os
import time
import unicodedata

import numpy as np
import pytest
from PIL import Image
from small_data import H, W, label_map, picture

from recam_core.datasets.folder import Folder
from recam_core.records import UserError
from recam_core.system.layouts import folder_splits


def labelled(dataset):
    return {
        dataset.name(i): {dataset.classes[k] for k in np.flatnonzero(dataset.labels(i))} for i in range(len(dataset))
    }


@pytest.fixture
def table(tmp_path):
    """Three pictures, one of them in a folder, and a way to write their labels."""
    root = tmp_path / "mine"
    for name in ("a.jpg", "b.jpg", "deep/c.png"):
        picture(root / name)

    def write(text, name="labels.csv"):
        (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return root

    return write


# ---- one folder per class


def test_a_folder_of_pictures_is_a_class(pets):
    dataset = Folder(str(pets), "")
    assert dataset.classes == ("cat", "dog")
    assert labelled(dataset) == {"cat/a.jpg": {"cat"}, "cat/b.PNG": {"cat"}, "dog/a.jpg": {"dog"}}
    assert dataset.image(1).shape == (H, W, 3)
    assert [dataset.has_mask(i) for i in range(3)] == [False, False, True]
    assert dataset.mask(2)[6, 0] == 2
    assert dataset.notes == ()


def test_other_files_are_counted_and_hidden_ones_are_nothing(pets):
    (pets / "cat" / "notes.txt").write_text("x")
    (pets / "cat" / ".DS_Store").write_text("x")
    (pets / "cat" / "._a.jpg").write_text("x")
    (pets / "cat" / "more").mkdir()
    (pets / "__MACOSX").mkdir()
    picture(pets / "beside.jpg")
    dataset = Folder(str(pets), "")
    assert len(dataset) == 3
    assert dataset.classes == ("cat", "dog")
    assert dataset.notes == (
        "1 pictures beside the folders of classes have no label and are left out.",
        "1 folders inside the folders of classes are not looked into.",
        "1 files are no pictures and are passed over.",
    )


def test_an_empty_folder_is_a_class_without_pictures(pets):
    (pets / "emu").mkdir()
    assert Folder(str(pets), "").classes == ("cat", "dog", "emu")


def test_links_that_lead_out_are_not_followed_where_the_operator_bounds_them(pets, tmp_path, monkeypatch):
    monkeypatch.setenv("RECAM_DATA_ROOTS", str(pets))
    picture(tmp_path / "secret" / "s.jpg")
    (pets / "cat" / "s.jpg").symlink_to(tmp_path / "secret" / "s.jpg")
    (pets / "secret").symlink_to(tmp_path / "secret")
    (pets / "dog" / "again.jpg").symlink_to(pets / "cat" / "a.jpg")
    (pets / "masks" / "cat").symlink_to(tmp_path / "secret")
    dataset = Folder(str(pets), "")
    assert list(labelled(dataset)) == ["cat/a.jpg", "cat/b.PNG", "dog/a.jpg", "dog/again.jpg"]
    assert dataset.notes == (
        "1 links lead out of the folder and are not followed.",
        "1 files in masks/ are no PNG and count for no mask.",  # the link, which is not entered
    )


def test_splits_share_the_classes_of_all(tmp_path):
    picture(tmp_path / "train" / "dog" / "1.jpg")
    picture(tmp_path / "train" / "cat" / "1.jpg")
    picture(tmp_path / "val" / "emu" / "1.jpg")
    (tmp_path / "val" / "labels").mkdir()  # an empty class of val
    assert folder_splits(tmp_path) == ["train", "val"]
    train, val = (Folder(str(tmp_path), split) for split in ("train", "val"))
    assert train.classes == val.classes == ("cat", "dog", "emu", "labels")
    assert labelled(val) == {"emu/1.jpg": {"emu"}}
    with pytest.raises(UserError, match=r"has no split ''; choose train or val\."):
        Folder(str(tmp_path), "")
    with pytest.raises(UserError, match=r"no split '\.\./mine'"):
        Folder(str(tmp_path), "../mine")


def test_a_split_may_have_a_table_while_another_has_folders(tmp_path):
    picture(tmp_path / "train" / "dog" / "1.jpg")
    picture(tmp_path / "val" / "1.jpg")
    (tmp_path / "val" / "labels.csv").write_text("file,labels\n1.jpg,cat\n")
    assert Folder(str(tmp_path), "train").classes == Folder(str(tmp_path), "val").classes == ("cat", "dog")


def test_a_class_may_be_called_train_where_it_holds_pictures(tmp_path):
    picture(tmp_path / "train" / "1.jpg")
    picture(tmp_path / "bus" / "1.jpg")
    assert folder_splits(tmp_path) == [""]
    assert Folder(str(tmp_path), "").classes == ("bus", "train")


def test_names_in_any_spelling(tmp_path):
    name = unicodedata.normalize("NFD", "Käfer ☕")
    picture(tmp_path / name / "Ünï 日本.JPEG")
    dataset = Folder(str(tmp_path), "")
    assert dataset.classes == ("Käfer ☕",)  # composed, however the file system spells it
    assert dataset.image(0).shape == (H, W, 3)


def test_names_that_nobody_can_write_down_are_passed_over(pets):
    for name in (b"\xfe", b"cat/\xfe.jpg", b"masks/\xfe.png"):
        odd = os.path.join(os.fsencode(pets), name)
        os.mkdir(odd) if name == b"\xfe" else os.close(os.open(odd, os.O_CREAT))
    dataset = Folder(str(pets), "")
    assert (dataset.classes, len(dataset)) == (("cat", "dog"), 3)
    assert dataset.notes == ("2 names of files or folders are not in UTF-8 and are passed over; rename them.",)
    (pets / "labels.csv").write_text("file,labels\ncat/a.jpg,cat\n")
    assert any("2 names of files" in note for note in Folder(str(pets), "").notes)
    picture(pets / "train" / "cat" / "1.jpg")
    os.mkdir(os.path.join(os.fsencode(pets), b"train\xfe"))
    assert folder_splits(pets) == ["", "train"]


def test_folders_that_are_links_are_said(tmp_path):
    picture(tmp_path / "real" / "a.jpg")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "cat").symlink_to(tmp_path / "real")
    with pytest.raises(UserError, match="Links to folders are not followed"):
        Folder(str(tmp_path / "mine"), "")


@pytest.mark.parametrize(("root", "split", "complaint"), [
    ("", "", "There is no folder ''"), ("/nowhere/at/all", "", "There is no folder"),
    (None, "val", "it is not divided. Leave the split empty"),
])  # fmt: skip
def test_what_is_not_there_is_refused(pets, root, split, complaint):
    with pytest.raises(UserError, match=complaint):
        Folder(str(pets) if root is None else root, split)


def test_a_folder_without_a_layout_is_refused(tmp_path):
    picture(tmp_path / "a.jpg")
    with pytest.raises(UserError, match=r"holds no data set\. Expected one folder of pictures per class"):
        Folder(str(tmp_path), "")


# ---- tables


@pytest.mark.parametrize(("text", "name"), [
    ("file,labels\na.jpg,dog;cat\nb.jpg,\ndeep/c.png, cat \n", "labels.csv"),
    ("\ufefffile,labels\r\na.jpg,dog;cat\r\nb.jpg,\r\n\r\ndeep\\c.png,cat\r\n", "labels.csv"),
    ("file;labels\na.jpg;dog;cat\nb.jpg;\ndeep/c.png;cat", "labels.csv"),
    ('file;labels\na.jpg;"dog;cat"\nb.jpg;""\n"deep/c.png";cat', "labels.csv"),
    ("file\tlabels\na.jpg\tdog;cat\nb.jpg\t\ndeep/c.png\tcat\n", "labels.csv"),
    ("File,cat,dog\na.jpg,1,1\nb.jpg,0,\ndeep/c.png,1.0,0\n", "labels.csv"),
    ("file,labels\na.jpg,dog\na.jpg,cat\nb.jpg,\ndeep/c.png,cat\n", "labels.csv"),
    ('{"a.jpg": ["dog", "cat", "cat"], "b.jpg": [], "deep/c.png": ["cat"]}', "labels.json"),
], ids=["plain", "BOM", "semicolons", "quoted", "tabs", "columns", "duplicate", "json"])  # fmt: skip
def test_tables_of_every_form_say_the_same(table, text, name):
    dataset = Folder(str(table(text, name)), "")
    assert dataset.classes == ("cat", "dog")
    assert labelled(dataset) == {"a.jpg": {"cat", "dog"}, "b.jpg": set(), "deep/c.png": {"cat"}}
    assert dataset.missing == ()


def test_a_duplicate_is_said(table):
    dataset = Folder(str(table("file,labels\na.jpg,dog\na.jpg,cat\n")), "")
    assert dataset.notes == (
        "1 lines of labels.csv name a picture again; its labels are joined.",
        "2 pictures are not named in labels.csv and are left out.",
    )


def test_json_that_names_a_picture_again_is_joined_and_said(table):
    text = '{"a.jpg": ["dog"], "./a.jpg": ["cat"], "b.jpg": ["emu"], "b.jpg": ["dog"]}'
    dataset = Folder(str(table(text, "labels.json")), "")
    assert labelled(dataset) == {"a.jpg": {"cat", "dog"}, "b.jpg": {"dog", "emu"}}
    assert dataset.notes[0] == "2 entries of labels.json name a picture again; its labels are joined."


def test_two_spellings_of_one_picture_are_joined(table):
    nfc, nfd = (unicodedata.normalize(form, "Käse.jpg") for form in ("NFC", "NFD"))
    root = table(f"file,labels\n{nfc},dog\n{nfd},cat\n")
    picture(root / nfd)
    assert list(labelled(Folder(str(root), "")).values()) == [{"cat", "dog"}]


def test_names_without_a_file_are_missing(table):
    dataset = Folder(str(table("file,labels\na.jpg,dog\ngone.jpg,emu\n")), "")
    assert dataset.missing == ("gone.jpg",)
    assert labelled(dataset) == {"a.jpg": {"dog"}}
    assert dataset.classes == ("dog", "emu")
    with pytest.raises(
        UserError, match=r"None of the 1 pictures that labels.csv names is in mine/, for example gone.jpg"
    ):
        Folder(str(table("file,labels\ngone.jpg,emu\n")), "")


def test_names_are_found_in_another_spelling(table):
    root = table(f"file,labels\n{unicodedata.normalize('NFC', 'Käse.jpg')},dog\n")
    picture(root / unicodedata.normalize("NFD", "Käse.jpg"))
    assert len(Folder(str(root), "")) == 1


@pytest.mark.parametrize(("text", "complaint"), [
    ("", "Expected the columns"),
    ("a.jpg,dog\n", "begins with 'a.jpg, dog'"),
    ("file\na.jpg\n", "begins with 'file'"),
    ("file,labels\n", "names no picture"),
    ("file,labels\na,b.jpg,dog\n", "line 2 has 3 cells, its header 2"),
    ("file,cat,dog\na.jpg,1\n", "line 2 has 2 cells, its header 3"),
    ("file,cat,dog\na.jpg,1,yes\n", "line 2 holds 'yes' where 0 or 1 was expected"),
    ("file,cat,cat\na.jpg,1,1\n", "two columns of one name"),
    ("file,cat,\na.jpg,1,1\n", "a column without one"),
    ("file,labels\n../a.jpg,dog\n", "names the file '../a.jpg'; expected a path below"),
    ("file,labels\n/etc/passwd,dog\n", "expected a path below"),
    ("file,labels\n..\\a.jpg,dog\n", "expected a path below"),
    ("file,labels\n,dog\n", "expected a path below"),
    ("file,labels\na.jpg," + "x" * 200_000, "is no CSV: field larger"),
    ("file,labels\nKäse.jpg,dog\n".encode("latin-1"), "is not in UTF-8"),
    ("file,labels\na.jpg,dog\n".encode("utf-16-le"), "begins with 'f"),
])  # fmt: skip
def test_tables_that_make_no_sense_are_refused(table, text, complaint):
    with pytest.raises(UserError, match=rf"labels\.csv.*{complaint}"):
        Folder(str(table(text)), "")


@pytest.mark.parametrize(("text", "complaint"), [
    ("{", "is not JSON"), ("[" * 100_000, "is not JSON"), ("[1]", "holds a list"), ('{"a.jpg": "dog"}', "no list of names"),
    ('{"a.jpg": ["\\ud800"]}', "no list of names"), ('{"\\ud800.jpg": ["a"]}', "expected a path below"),
    ('{"a.jpg": {"dog": 1}}', "no list of names"),
    ('{"a.jpg": [1]}', "no list of names"), ('{"../a.jpg": []}', "expected a path below"), ("{}", "names no picture"),
])  # fmt: skip
def test_json_that_makes_no_sense_is_refused(table, text, complaint):
    with pytest.raises(UserError, match=rf"labels\.json.*{complaint}"):
        Folder(str(table(text, "labels.json")), "")


# ---- masks and pictures


def test_masks_are_found_by_path_or_by_a_stem_of_its_own(pets):
    (pets / "masks" / "dog" / "a.png").rename(pets / "masks" / "a.png")  # two pictures have that stem
    label_map(pets / "masks" / "b.png", np.full((H, W), 1))
    dataset = Folder(str(pets), "")
    assert [dataset.has_mask(i) for i in range(3)] == [False, True, False]
    assert (dataset.mask(1) == 1).all()


def test_masks_that_do_not_fit_are_refused(pets):
    label_map(pets / "masks" / "b.png", np.full((H, W), 3))
    label_map(pets / "masks" / "dog" / "a.png", np.zeros((W, H)))
    (pets / "masks" / "cat").mkdir()
    (pets / "masks" / "cat" / "a.png").write_bytes(b"no")
    dataset = Folder(str(pets), "")
    for i, complaint in enumerate(("a mask must be a PNG, got text", "label values 3, but there are 2", "on its side")):
        with pytest.raises(UserError, match=complaint):
            dataset.mask(i)


def test_turned_pictures_have_masks_as_they_are_shown(pets):
    turned = Image.Exif()
    turned[0x0112] = 8
    Image.new("RGB", (H, W)).save(pets / "dog" / "a.jpg", exif=turned)
    dataset = Folder(str(pets), "")
    assert dataset.image(2).shape[:2] == dataset.mask(2).shape == (H, W)
    dataset.check(2)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_masks_fit_the_upright_picture_in_every_format(tmp_path, suffix):
    for orientation in range(1, 9):
        root, turned = tmp_path / str(orientation), Image.Exif()
        turned[0x0112] = orientation
        (root / "dog").mkdir(parents=True)
        Image.new("RGB", (W, H)).save(root / "dog" / f"a.{suffix}", exif=turned)
        shape = (H, W) if orientation < 5 else (W, H)
        label_map(root / "masks" / "a.png", np.ones(shape))
        dataset = Folder(str(root), "")
        dataset.check(0)
        assert dataset.image(0).shape[:2] == dataset.mask(0).shape == shape


def test_too_many_classes_for_a_mask_are_refused(table):
    names = ";".join(f"c{i}" for i in range(300))
    root = table(f"file,labels\na.jpg,{names}\n")
    assert len(Folder(str(root), "").classes) == 300
    label_map(root / "masks" / "a.png", np.zeros((H, W)))
    with pytest.raises(UserError, match="300 classes do not fit label maps"):
        Folder(str(root), "")


def test_a_picture_that_cannot_be_read_is_named(pets):
    (pets / "cat" / "a.jpg").write_text("hello")
    dataset = Folder(str(pets), "")
    for look in (dataset.image, dataset.check):
        with pytest.raises(UserError, match=r"“a\.jpg” cannot be read: .* got text"):
            look(0)


@pytest.mark.slow
def test_a_hundred_thousand_files_open_in_seconds(tmp_path):
    (tmp_path / "one").mkdir()
    for i in range(50_000):  # an open file each would take longer than the whole constructor
        os.close(os.open(tmp_path / "one" / f"{i}.jpg", os.O_CREAT | os.O_WRONLY))
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "a.jpg").touch()
    names = {f"one/{i}.jpg": ["one"] for i in range(100_000)}
    start = time.process_time()
    dataset = Folder(str(tmp_path), "")
    assert len(dataset) == 50_001
    (tmp_path / "labels.json").write_text(json.dumps(names))
    assert len(Folder(str(tmp_path), "").missing) == 50_000
    assert time.process_time() - start < 8
