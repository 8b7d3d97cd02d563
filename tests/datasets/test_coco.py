"""COCO's file layout: a small folder made by hand, every refusal, and the real 128 photos."""

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as rle

from recam_core.datasets import missing_words
from recam_core.datasets.coco import Coco
from recam_core.datasets.coco_shapes import outline_of
from recam_core.records import UserError
from recam_core.system.layouts import coco_splits

# pycocotools 2.0.11 hands numpy 2 an object with the old form of __array__
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

H, W = 40, 50
CAT, DOG, TREE = 1, 2, 3  # label values: the sparse ids 3, 17, 90 by their order


def box(x0, y0, x1, y1):
    area = np.zeros((H, W), np.uint8)
    area[y0:y1, x0:x1] = 1
    return area


def polygon(x0, y0, x1, y1):
    return [[x0, y0, x1, y0, x1, y1, x0, y1]]


def counts(area):
    """Uncompressed RLE, as COCO stores crowds: run lengths down the columns, first of zeros."""
    flat = area.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *edges, flat.size]).tolist()
    return {"size": [H, W], "counts": runs if flat[0] == 0 else [0, *runs]}


def compressed(area):
    packed = rle.encode(np.asfortranarray(area))
    return {"size": packed["size"], "counts": packed["counts"].decode()}


def annotation(number, category, segmentation, area, image=1, crowd=0):
    return {"id": number, "image_id": image, "category_id": category, "segmentation": segmentation, "area": area,
            "bbox": [0, 0, 1, 1], "iscrowd": crowd}  # fmt: skip


def instances():
    return {
        "images": [{"id": n, "file_name": name, "height": H, "width": W} for n, name in ((1, "a.png"), (2, "b.png"))],
        "categories": [{"id": 90, "name": "tree"}, {"id": 3, "name": "cat"}, {"id": 17, "name": "dog"}],
        "annotations": [
            annotation(1, 3, polygon(10, 10, 20, 20), 100),  # the small cat comes before the large dog
            annotation(2, 17, polygon(5, 5, 35, 30), 750),
            annotation(3, 90, counts(box(0, 0, 25, 12)), 300, crowd=1),
            annotation(4, 90, compressed(box(40, 30, 50, 40)), 100),
        ],
    }


@pytest.fixture
def root(tmp_path):
    (tmp_path / "val").mkdir()
    (tmp_path / "annotations").mkdir()
    for i, name in enumerate(("a.png", "b.png", "c.png")):
        Image.new("RGB", (W, H), (10 * i, 20, 30)).save(tmp_path / "val" / name)
    write(tmp_path, instances())
    write(tmp_path, {"c.png": ["tree", "cat"], "a.png": ["dog"]}, "image_labels")
    return tmp_path


def write(root, content, kind="instances"):
    text = content if isinstance(content, str) else json.dumps(content)
    (root / "annotations" / f"{kind}_val.json").write_text(text, "utf-8")


def changed(change):
    content = instances()
    change(content)
    return content


def test_classes_are_numbered_by_the_order_of_their_ids(root):
    assert Coco(str(root), "val").classes == ("cat", "dog", "tree")


def test_smaller_objects_lie_on_top_and_crowds_are_ignored_where_no_object_is(root):
    expected = np.zeros((H, W), np.uint8)
    expected[:12, :25] = 255
    expected[5:30, 5:35] = DOG
    expected[10:20, 10:20] = CAT
    expected[30:40, 40:50] = TREE
    mask = Coco(str(root), "val").mask(0)
    assert mask.dtype == np.uint8
    assert np.array_equal(mask, expected)


def test_a_picture_without_annotations_is_all_background(root):
    dataset = Coco(str(root), "val")
    assert not dataset.mask(1).any()
    assert not dataset.labels(1).any()


def test_image_labels_add_pictures_without_masks_and_change_no_others(root):
    dataset = Coco(str(root), "val")
    assert [dataset.name(i) for i in range(len(dataset))] == ["a.png", "b.png", "c.png"]
    assert [dataset.labels(i).tolist() for i in range(3)] == [[1, 1, 1], [0, 0, 0], [1, 0, 1]]
    assert dataset.mask(2) is None
    assert dataset.image(2)[0, 0].tolist() == [20, 20, 30]


def test_without_an_image_labels_file_there_are_no_others(root):
    (root / "annotations" / "image_labels_val.json").unlink()
    assert len(Coco(str(root), "val")) == 2


@pytest.mark.parametrize("split", ["train", "annotations/none"])
def test_a_missing_folder_is_named(root, split):
    with pytest.raises(UserError, match=f"no folder '{split}' with pictures"):
        Coco(str(root), split)


def test_no_root_is_no_data_set():
    with pytest.raises(UserError, match="Expected COCO's layout"):
        Coco("", "val")


def test_a_missing_picture_is_left_out_and_named(root):
    (root / "val" / "b.png").unlink()
    dataset = Coco(str(root), "val")
    assert [dataset.name(i) for i in range(len(dataset))] == ["a.png", "c.png"]
    assert dataset.missing == ("b.png",)
    assert dataset.labels(1).tolist() == [1, 0, 1]
    assert missing_words(dataset) == "1 of 3 pictures are named but not there (b.png); it goes on without them."


def test_a_data_set_without_any_of_its_pictures_is_refused(root):
    for name in ("a.png", "b.png", "c.png"):
        (root / "val" / name).unlink()
    with pytest.raises(
        UserError, match=r"None of the 3 pictures that instances_val.json names is in val/, for example a\.png"
    ):
        Coco(str(root), "val")


@pytest.mark.parametrize("name", ["../a.png", "/etc/hostname", "x/../../a.png"])
def test_a_name_that_leads_out_of_the_folder_is_refused(root, name):
    write(root, changed(lambda c: c["images"][0].update(file_name=name)))
    with pytest.raises(UserError, match="would lie outside of val/"):
        Coco(str(root), "val")


def test_pictures_may_lie_in_folders(root):
    (root / "val" / "deep").mkdir()
    (root / "val" / "a.png").rename(root / "val" / "deep" / "a.png")
    write(root, changed(lambda c: c["images"][0].update(file_name="deep/a.png")))
    (root / "annotations" / "image_labels_val.json").unlink()
    assert Coco(str(root), "val").names == ["b.png", "deep/a.png"]


def test_files_of_test_splits_are_told_apart_from_damaged_ones(root):
    write(root, changed(lambda c: c.pop("annotations")))
    with pytest.raises(UserError, match=r"has no annotations: it lists pictures only .* such as train2017 or val2017"):
        Coco(str(root), "val")
    (root / "annotations" / "instances_val.json").rename(root / "annotations" / "image_info_val.json")
    with pytest.raises(UserError, match=r"image_info_val\.json lists pictures without labels \(a test split\)"):
        Coco(str(root), "val")


def test_a_check_finds_pictures_of_another_size_than_their_annotations(root):
    Image.new("RGB", (H, W)).save(root / "val" / "a.png")
    dataset = Coco(str(root), "val")
    assert [dataset.has_mask(i) for i in range(3)] == [True, True, False]
    with pytest.raises(UserError, match=r"“a.png” is 40×50 pixels, its annotations are for 50×40"):
        dataset.check(0)
    dataset.check(1)
    dataset.check(2)


def test_a_broken_picture_is_named(root):
    (root / "val" / "b.png").write_bytes((root / "val" / "b.png").read_bytes()[:60])
    dataset = Coco(str(root), "val")
    for look in (dataset.image, dataset.check):
        with pytest.raises(UserError, match=r"“b\.png” is damaged or cut short"):
            look(1)


def test_missing_annotations_are_named(root):
    (root / "annotations" / "instances_val.json").unlink()
    with pytest.raises(UserError, match=r"no instances_val\.json in annotations/"):
        Coco(str(root), "val")


@pytest.mark.parametrize("content", [
    pytest.param("{not json", id="garbage"),
    pytest.param("", id="empty"),
    pytest.param([1, 2], id="a list"),
    pytest.param("null", id="null"),
    pytest.param(changed(lambda c: c.pop("annotations")), id="no annotations"),
    pytest.param(changed(lambda c: c.pop("images")), id="no images"),
    pytest.param(changed(lambda c: c.pop("categories")), id="no categories"),
    pytest.param(changed(lambda c: c["images"][0].pop("file_name")), id="no file name"),
    pytest.param(changed(lambda c: c["annotations"][0].pop("image_id")), id="no image id"),
    pytest.param(changed(lambda c: c["annotations"][0].update(category_id=5)), id="unknown category"),
])  # fmt: skip
def test_files_that_are_no_instances_are_refused_by_name(root, content):
    write(root, content)
    with pytest.raises(UserError, match=r"instances_val\.json"):
        Coco(str(root), "val")


def put(part, i=0, **fields):
    return changed(lambda content: content[part][i].update(fields))


@pytest.mark.parametrize(("content", "complaint"), [
    (put("images", id=float("nan")), "entry 0 of images has the id nan; expected a whole number"),
    (put("images", id=""), "the id ''"), (put("images", id=None), "the id None"), (put("images", id=1.5), "the id 1.5"),
    (put("images", id=True), "the id True"), (put("images", id=2), "two entries of images have the id '2'"),
    (put("images", file_name=3), "the file_name 3; expected a text"), (put("images", file_name="\ud800.png"), "the file_name"),
    (put("images", file_name="b.png"), "two entries of images have the file_name 'b.png'"),
    (put("images", file_name="./b.png"), "two entries of images have the file_name 'b.png'"),
    (put("images", height="x"), "the height 'x' and the width 50; expected whole numbers from 1 to 65536"),
    (put("images", height=40.5), "the height 40.5"), (put("images", height=None), "the height None and the width 50"),
    (put("images", height=-40), "the height -40"), (put("images", height=0), "the height 0"),
    (put("images", height=10**7, width=10**7), "the height 10000000"),
    (put("images", height=60_000, width=60_000), "at most 120 million pixels"),
    (put("categories", id=1.5), "entry 0 of categories has the id 1.5"), (put("categories", id=[]), "the id []"),
    (put("categories", id=3), "two entries of categories have the id '3'"),
    (put("categories", name="cat"), "two entries of categories have the name 'cat'"),
    (put("categories", name=7), "the name 7; expected a text"), (put("categories", name=""), "the name ''"),
    (put("categories", name="\udc00"), "the name"),
    (put("annotations", 1, area="x"), "entry 1 of annotations has the area 'x' and iscrowd 0"),
    (put("annotations", area=float("inf")), "the area inf"),
    (put("annotations", area=10**400), "the area 1000"), (put("annotations", iscrowd=[]), r"iscrowd \[\]"),
    (put("annotations", iscrowd=2), "iscrowd 2"), (put("annotations", image_id=""), "the image_id and category_id '' and 3"),
    (put("annotations", category_id={}), "category_id 1 and {}"), (put("annotations", category_id=5), "uses the category 5"),
    (changed(lambda c: c["annotations"].append(7)), "entry 4 of annotations is no object"),
    (changed(lambda c: c["images"].append([])), "entry 2 of images is no object"),
    ("[" * 100_000, "is not a COCO instances file"), ("{" + "\"a\":{" * 100_000, "is not a COCO instances file"),
])  # fmt: skip
def test_odd_entries_are_refused_by_their_position(root, content, complaint):
    write(root, content)
    with pytest.raises(UserError, match=r"^instances_val\.json.*" + complaint.replace("[]", r"\[\]")):
        Coco(str(root), "val")


LONG = [x for i in range(50_000) for x in ((i % 2) * 49, i % 40)]


@pytest.mark.parametrize(("segmentation", "complaint"), [
    ([[1e300, 1, 2, 3, 4, 5]], "far outside"), ([[float("nan"), 1, 2, 3, 4, 5]], "far outside"),
    ([[-(2**63), 1, 2, 3, 4, 5]], "far outside"), ([[1, 2]], "at least three corners"), ([[1, 2, 3, 4]], "at least three"),
    ([[1, 2, 3, 4, 5, 6, 7]], "at least three"), ([["1", "2", "3", "4", "5", "6"]], "at least three"), ([[[1], 2]], ""),
    ([{}], "at least three"), (0, "expected polygons"), ("abc", "expected polygons"), ({"size": [H, W]}, "expected"),
    ([5, 5, 30, 5, 30, 30], "at least three"), ([[[5, 5], [30, 5], [30, 30]]], "at least three"),
    ([LONG], "longer than"), ([[10**30, 1, 2, 3, 4, 5]], "at least three"),
    ({"size": [W, H], "counts": [H * W]}, r"its size is \[50, 40\]"), ({"counts": [H * W]}, "its size is None"),
    ({"size": [H, W], "counts": [10**10]}, "no whole numbers"), ({"size": [H, W], "counts": [H * W, 1]}, "add up to 2001"),
    ({"size": [H, W], "counts": [-1, H * W, 1]}, "no whole numbers"), ({"size": [H, W], "counts": ["a"]}, "no whole numbers"),
    ({"size": [H, W], "counts": 3}, "no whole numbers"), ({"size": [H, W], "counts": "ppppppppppp"}, "no run lengths"),
    ({"size": [H, W], "counts": "é"}, "no run lengths"), ({"size": [H, W], "counts": "1"}, "add up to 1,"),
    ({"size": [H, W], "counts": "o"}, "no "), ({"size": [10**9, 10**9], "counts": "1"}, "its size is"),
])  # fmt: skip
def test_odd_segmentations_are_refused_and_nothing_falls(root, segmentation, complaint):
    write(root, changed(lambda c: c.update(annotations=[annotation(1, 3, segmentation, 9)])))
    dataset = Coco(str(root), "val")
    for look in (dataset.mask, dataset.check):
        with pytest.raises(UserError, match=rf"Annotation 1 of picture 1 has no usable segmentation \(.*{complaint}"):
            look(0)


def test_run_lengths_are_read_as_pycocotools_does():
    rng = np.random.default_rng(0)
    for _ in range(50):
        area = (rng.random(rng.integers(1, 60, 2)) < rng.random()).astype(np.uint8)
        packed = rle.encode(np.asfortranarray(area))
        outline = outline_of({"size": list(area.shape), "counts": packed["counts"].decode()}, *area.shape)
        columns = np.zeros(area.size, np.uint8)
        outline.paint(columns, 1)
        assert np.array_equal(columns.reshape(area.T.shape).T, area)
        assert (outline.area, outline.faults) == (area.sum(), ())


def test_polygons_are_filled_as_pycocotools_does():
    rng = np.random.default_rng(0)
    for _ in range(50):
        parts = [(100 * rng.random(2 * rng.integers(3, 12)) - 20).tolist() for _ in range(rng.integers(1, 4))]
        columns = np.zeros(60 * 70, np.uint8)
        outline_of(parts, 60, 70).paint(columns, 1)
        assert np.array_equal(columns.reshape(70, 60).T, rle.decode(rle.merge(rle.frPyObjects(parts, 60, 70))))


def test_annotations_need_no_number_of_their_own(root):
    write(root, changed(lambda c: [entry.pop("id") for entry in c["annotations"]]))
    assert Coco(str(root), "val").mask(0).any()


@pytest.mark.parametrize("split", ["..", ".", "", "x" * 400, "a\0b", "../val"])
def test_a_split_is_a_plain_name(root, split):
    (root / "annotations" / "instances_...json").write_text(json.dumps(instances()))
    with pytest.raises(UserError, match=r"has no folder .* with pictures"):
        Coco(str(root), split)
    assert coco_splits(root) == ["val"]


def test_more_classes_than_a_label_map_holds_are_refused(root):
    many = [{"id": i, "name": f"c{i}"} for i in range(1, 256)]
    write(root, instances() | {"categories": many})
    with pytest.raises(UserError, match="more than 254 categories"):
        Coco(str(root), "val")


@pytest.mark.parametrize(("content", "complaint"), [
    ({"c.png": ["horse"]}, "names the class 'horse'"), ("{", "as JSON"), (["c.png"], "as JSON"), ({"c.png": 3}, "as JSON"),
    ('{"c.png": ["cat"], "./c.png": []}', "two entries of pictures have the file name 'c.png'"),
    ('{"c.png": ["cat"], "c.png": []}', "two entries"), ({"c.png": [[]]}, "as JSON"),
    ({"c.png": "cat"}, "as JSON"), ({"\ud800.png": ["cat"]}, "as JSON"), ("[" * 100_000, "as JSON"),
])  # fmt: skip
def test_image_labels_that_make_no_sense_are_refused(root, content, complaint):
    write(root, content, "image_labels")
    with pytest.raises(UserError, match=r"image_labels_val\.json.*" + complaint):
        Coco(str(root), "val")


def test_reading_annotations_prints_nothing(root, capsys):
    Coco(str(root), "val")
    assert capsys.readouterr() == ("", "")


def test_the_128_photos(coco128):
    dataset = Coco(str(coco128), "train2017")
    assert len(dataset.classes) == 80
    assert (dataset.classes[0], dataset.classes[79]) == ("person", "toothbrush")
    assert len(dataset) == 128
    masked = [i for i in range(128) if dataset.mask(i) is not None]
    assert len(masked) == 100
    for i in masked[::25]:
        mask = dataset.mask(i)
        assert mask.shape == dataset.image(i).shape[:2]
        values = [k for k in np.unique(mask) if k not in (0, 255)]
        assert set(values) <= set((np.flatnonzero(dataset.labels(i)) + 1).tolist())
