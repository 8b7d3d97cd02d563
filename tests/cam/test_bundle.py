import hashlib
import io
import json
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from pycocotools.mask import decode

from recam_core.cam.bundle import evidence_bundle, file_names
from recam_core.cam.scales import scaled_maps
from recam_core.images.visualise import CLASS_COLOURS, difference_overlay, error_overlay, overlay
from recam_core.records import CamResult, DisplayOptions, UserError
from recam_core.system.files import write_folder, zip_bytes

PICTURE = np.random.default_rng(0).integers(0, 256, (2, 4, 3), dtype=np.uint8)
RAW = np.array([[[0, 1, 2, 4], [0, 0, 0, 0]], [[8, 4, 4, 0], [0, 0, 0, 2]]], dtype=np.float32)


DISPLAY = {"threshold": 0.3, "opacity": 0.5, "palette": "viridis", "scale": "each", "grow": False}


def result(readout="cam", raw=RAW, classes=("wine glass", "dog"), picture=PICTURE) -> CamResult:
    maps = raw / (raw.max(axis=(1, 2), keepdims=True) + np.float32(1e-5))
    return CamResult(picture, classes, np.array([0.9, 0.25], np.float32), raw, maps, maps[:, ::4, ::4], readout)


def bundle(*results, **changes):
    shown = {name: changes.pop(name) for name in list(changes) if name in DISPLAY}
    options = {"class_ids": [39, 11], "display": DisplayOptions(**(DISPLAY | shown)), "manifest": {}} | changes
    return evidence_bundle(results or [result()], **options)


def pixels(data) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_the_files_of_two_readouts():
    files = bundle(result("cam"), result("product", RAW * 3))
    assert sorted(files) == sorted([
        "picture.png", "maps.npz", "manifest.json",
        *(f"{r}/{f}" for r in ("cam", "product")
          for f in ("coco.json", "yolo.txt", "voc.xml",
                    "overlay_wine_glass.png", "mask_wine_glass.png", "overlay_dog.png", "mask_dog.png", "labels.png")),
        "product/difference_wine_glass.png", "product/difference_dog.png",
    ])  # fmt: skip


def test_opacity_that_grows_is_in_the_overlays_too():
    files = bundle(grow=True)
    assert np.array_equal(
        pixels(files["cam/overlay_dog.png"]), overlay(PICTURE, result().maps[1], "viridis", 0.5, True)
    )
    assert json.loads(files["manifest.json"])["grow"] is True


def test_differences_and_errors_are_what_the_screen_shows():
    truth = np.zeros((2, 2, 4), np.uint8)
    truth[0, 0] = 1
    truth[1] = 255  # nobody knows
    files = bundle(result("cam"), result("w", RAW[::-1].copy()), truth=truth)
    cam, w = result().maps[0], result("w", RAW[::-1].copy()).maps[0]
    assert np.array_equal(pixels(files["w/difference_wine_glass.png"]), difference_overlay(PICTURE, w - cam, 0.5))
    assert np.array_equal(pixels(files["cam/error_wine_glass.png"]), error_overlay(PICTURE, cam > 0.3, truth[0], 0.5))
    assert not any("error_dog" in name for name in files)
    grown = bundle(result("cam"), result("w", RAW[::-1].copy()), grow=True)
    assert np.array_equal(pixels(grown["w/difference_wine_glass.png"]), difference_overlay(PICTURE, w - cam, 0.5, True))


def test_pictures_masks_and_labels_hold_what_was_computed():
    files = bundle()
    assert np.array_equal(pixels(files["picture.png"]), PICTURE)
    assert np.array_equal(pixels(files["cam/overlay_dog.png"]), overlay(PICTURE, result().maps[1], "viridis", 0.5))
    # wine glass: 0, 1/4, 2/4, 4/4;  dog: 8/8, 4/8, 4/8, 0 and 2/8
    assert (pixels(files["cam/mask_wine_glass.png"]) // 255).tolist() == [[0, 0, 1, 1], [0, 0, 0, 0]]
    assert (pixels(files["cam/mask_dog.png"]) // 255).tolist() == [[1, 1, 1, 0], [0, 0, 0, 0]]
    # at the third pixel 4/(8+ε) is a touch more than 2/(4+ε): dog
    labels = Image.open(io.BytesIO(files["cam/labels.png"]))
    assert np.asarray(labels).tolist() == [[12, 12, 12, 40], [0, 0, 0, 0]]
    assert np.array_equal(np.asarray(labels.convert("RGB"))[0, 3], CLASS_COLOURS[40])


def test_one_scale_for_all_classes_of_a_readout():
    files = bundle(scale="together")  # wine glass: 0, 1/8, 2/8, 4/8
    assert (pixels(files["cam/mask_wine_glass.png"]) // 255).tolist() == [[0, 0, 0, 1], [0, 0, 0, 0]]
    assert (pixels(files["cam/mask_dog.png"]) // 255).tolist() == [[1, 1, 1, 0], [0, 0, 0, 0]]
    maps = scaled_maps(result(), "together")
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, RAW / 8, atol=1e-5)
    with pytest.raises(UserError, match="each, together; got 'both'"):
        bundle(scale="both")


def test_maps_are_float32_rows_of_classes_without_pickle():
    files = bundle(result("cam"), result("w", RAW * 3))
    with np.load(io.BytesIO(files["maps.npz"]), allow_pickle=False) as maps:
        assert sorted(maps.files) == ["cam", "raw_cam", "raw_w", "w"]
        assert all(maps[key].dtype == np.float32 for key in maps.files)
        assert np.array_equal(maps["raw_w"], RAW * 3)
        assert np.array_equal(maps["w"], result("w", RAW * 3).maps)


def test_the_masks_can_be_recomputed_from_the_maps():
    for scale in ("each", "together"):
        files = bundle(scale=scale)
        with np.load(io.BytesIO(files["maps.npz"])) as maps:
            assert np.array_equal(maps["cam"][1] > np.float32(0.3), pixels(files["cam/mask_dog.png"]) == 255)


def test_the_manifest_describes_and_checks_every_file():
    files = bundle(result("cam"), result("w"), manifest={"model": "scenes", "threshold": "overruled"})
    manifest = json.loads(files["manifest.json"])
    assert manifest["model"] == "scenes"
    assert manifest["threshold"] == 0.3
    assert manifest["readouts"] == ["cam", "w"]
    assert manifest["scale"] == "each"
    assert manifest["classes"] == [
        {"name": "wine glass", "file_name": "wine_glass", "id": 39, "label": 40, "probability": pytest.approx(0.9)},
        {"name": "dog", "file_name": "dog", "id": 11, "label": 12, "probability": 0.25},
    ]
    assert manifest["files"].keys() == files.keys() - {"manifest.json"}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256(files[name]).hexdigest() == digest
    for array in ("cam", "raw_cam", "w", "raw_w"):
        assert "(2, 2, 4) float32, rows = classes" in manifest["arrays"][array]
    assert "stage-1" in manifest["arrays"]["raw_cam"]
    assert "stage-2" in manifest["arrays"]["raw_w"]


def test_the_same_results_give_the_same_bytes():
    assert zip_bytes(bundle()) == zip_bytes(bundle())


def test_no_evidence_at_all_is_still_a_bundle():
    files = bundle(result(raw=np.zeros_like(RAW)), scale="together")
    assert not pixels(files["cam/labels.png"]).any()


def test_file_names_are_plain_and_distinct():
    assert file_names(["wine glass", "T-Shirt/top", "dog"]) == ["wine_glass", "t_shirt_top", "dog"]
    assert file_names(["Café", "Straße", "猫", "犬", ""]) == ["cafe", "strae", "class", "class_2", "class_3"]
    assert file_names(["dog", "Dog", "dog_2", "DOG "]) == ["dog", "dog_2", "dog_2_2", "dog_3"]
    assert [len(name) for name in file_names(["x" * 500, "x" * 501])] == [60, 62]


HOSTILE = ["../../etc/passwd", "/abs", "..", "a\\..\\b", "a\0b", "\u2025/\u2215up", "C:x", "a\nb"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_class_names_stay_in_the_folder(hostile, tmp_path):
    files = bundle(result(classes=(hostile, "dog")))
    write_folder(files, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    written = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert written == set(files)
    assert all(name.count("/") <= 1 for name in files)
    assert json.loads(files["manifest.json"])["classes"][0]["name"] == hostile


@pytest.mark.parametrize(
    ("results", "changes", "sentence"),
    [
        ([], {}, "nothing to save"),
        ([result("cam"), result("cam")], {}, "can be saved once; got cam, cam"),
        ([result("../cam")], {}, "can be saved once"),
        ([result("cam"), result("w", classes=("dog", "wine glass"))], {}, "same picture and classes"),
        ([result("cam"), result("w", picture=255 - PICTURE)], {}, "same picture and classes"),
        ([result()], {"class_ids": [1]}, "one class id for each of 2 classes; got 1"),
    ],
)
def test_contradictions_are_refused(results, changes, sentence):
    options = {"class_ids": [39, 11], "display": DisplayOptions(), "manifest": {}} | changes
    with pytest.raises(UserError, match=sentence):
        evidence_bundle(results, **options)


def test_every_map_is_cut_at_its_own_threshold_where_there_are_some():
    files = bundle(scale="together", own_thresholds={"cam": [0.6, 0.45]})
    maps = result().maps
    assert np.array_equal(pixels(files["cam/mask_wine_glass.png"]) > 0, maps[0] > 0.6)  # of its own maximum
    assert np.array_equal(pixels(files["cam/mask_dog.png"]) > 0, maps[1] > 0.45)
    assert np.asarray(Image.open(io.BytesIO(files["cam/labels.png"]))).tolist() == [[12, 12, 12, 40], [0, 0, 0, 0]]
    assert json.loads(files["manifest.json"])["own_thresholds"] == {"cam": [0.6, 0.45]}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools and numpy 2
def test_masks_and_boxes_are_read_back_by_the_formats_own_rules():
    files = bundle(threshold=0.1)
    cut = result().maps > 0.1
    coco = json.loads(files["cam/coco.json"])
    assert {c["id"]: c["name"] for c in coco["categories"]} == {40: "wine glass", 12: "dog"}
    for row, mask in zip(coco["annotations"], cut, strict=True):
        code = row["segmentation"] | {"counts": row["segmentation"]["counts"].encode()}
        assert np.array_equal(decode(code), mask)
        assert row["area"] == mask.sum()
    assert coco["annotations"][1]["bbox"] == [0, 0, 4, 2]
    glass, *dogs = [line.split() for line in files["cam/yolo.txt"].decode().splitlines()]
    assert [float(number) for number in glass] == [39, 0.625, 0.25, 0.75, 0.5]  # three of four columns, the upper row
    assert all(line[0] == "11" for line in dogs)
    things = ElementTree.fromstring(files["cam/voc.xml"]).findall("object")
    assert [int(things[0].findtext(f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax")] == [2, 1, 4, 1]
    assert things[0].findtext("name") == "wine glass"
