"""What the browser gets against the float32 maps it was made from."""

import json

import cv2
import numpy as np
import pytest

from recam_core import HeatmapOptions, class_curves, load_pair, read_out, read_sample
from recam_core.cam.pipeline import gather_evidence
from recam_core.networks.readouts import READOUTS
from recam_core.records import EPSILON, CamResult
from ui.components.heatview import maps as heatmaps
from ui.components.heatview.maps import numbers
from ui.compute.packing import unpack
from ui.widgets.truth import class_truth

CLASSES = ["boat", "fish", "dog"]


def heat_payload(results, name, truth=None, known=None):
    curves = {
        scale: [class_curves(result, truth, scale, known) for result in results] for scale in ("each", "together")
    }
    return heatmaps.heat_payload(results, curves, name, truth)


@pytest.fixture(scope="module")
def results():
    picture, _ = read_sample("scene-fish-boat")
    evidence = gather_evidence(picture.pixels, load_pair("scenes"), HeatmapOptions())
    return [read_out(evidence, readout, CLASSES) for readout in READOUTS]


@pytest.fixture(scope="module")
def truth():
    _, labels = read_sample("scene-fish-boat")
    names = load_pair("scenes").classes
    return class_truth(labels, labels.shape, [names.index(name) for name in CLASSES])


def grids(header, blobs):
    shape = (len(header["views"]), len(header["classes"]), *header["grid"])
    return np.frombuffer(blobs["maps"], np.uint8).reshape(shape)


@pytest.mark.parametrize("size", [(160, 160), (300, 451), (97, 64)])
def test_the_screen_shows_the_maps_that_are_counted(size):
    picture = cv2.resize(read_sample("scene-fish-boat")[0].pixels, size[::-1])
    evidence = gather_evidence(picture, load_pair("scenes"), HeatmapOptions())
    results = [read_out(evidence, readout, CLASSES) for readout in READOUTS]
    for result, stored in zip(results, grids(*unpack(heat_payload(results, "x"))), strict=True):
        for exact, eight_bit in zip(result.maps, stored, strict=True):
            drawn = cv2.resize(eight_bit.astype(np.float32) / 255, size[::-1], interpolation=cv2.INTER_LINEAR)
            assert np.abs(drawn - exact).max() < 0.12  # at the peak of a kink between two cells
            assert np.abs(drawn - exact).mean() < 0.003


def test_areas_are_counted_in_float32_not_in_eight_bits(results):
    header, _ = unpack(heat_payload(results, "x"))
    thresholds = np.linspace(0, 1, header["thresholds"]).astype(np.float32)
    for v, result in enumerate(results):
        shared = result.raw / (result.raw.max() + np.float32(EPSILON))
        for scale, maps in (("each", result.maps), ("together", shared)):
            brute = [[(m > t).mean() for t in thresholds] for m in maps]
            np.testing.assert_allclose(header["covered"][scale][v], brute, atol=5.1e-6)  # five digits travel


def test_rates_are_those_of_a_pixel_by_pixel_count(results, truth):
    masks, known = truth
    masks = masks.copy()
    masks[:, :5] = 255
    header, _ = unpack(heat_payload(results, "x", masks, known))
    for v, result in enumerate(results):
        for c in range(len(CLASSES)):
            curve = header["quality"]["each"][v][c]
            counted, object_ = masks[c] != 255, masks[c] == 1
            for step in (0, 13, 30, 77):
                above = (result.maps[c] > np.float32(step / 100)) & counted
                union = (above | object_).sum()
                expected = [(above & object_).sum(), (object_ & ~above).sum(), (above & ~object_).sum()]
                rates = [curve[name][step] for name in ("iou", "fn", "fp")]
                np.testing.assert_allclose(rates, np.array(expected) / union, atol=5.1e-6)
            ious = [-1 if iou is None else iou for iou in curve["iou"]]
            assert ious[round(curve["best"] * 100)] == max(ious)


def test_where_nobody_knows_the_truth_there_is_null(results, truth):
    masks, _ = truth
    header, blobs = unpack(heat_payload(results, "x", masks, [True, False, True]))
    for view in header["quality"]["each"] + header["quality"]["together"]:
        assert [curve is None for curve in view] == [False, True, False]
    assert blobs["mask"] == masks.tobytes()
    header, blobs = unpack(heat_payload(results, "x"))
    assert header["quality"] is None
    assert "mask" not in blobs


def test_an_empty_map_has_a_peak_of_zero_and_no_number_json_cannot_hold(truth):
    masks, known = truth
    height, width = masks.shape[1:]
    nothing = np.zeros((3, height, width), np.float32)
    empty = [
        CamResult(np.zeros((height, width, 3), np.uint8), tuple(CLASSES), np.zeros(3), nothing, nothing,
                  np.zeros((3, height // 4, width // 4), np.float32), readout)
        for readout in READOUTS
    ]  # fmt: skip
    header, blobs = unpack(heat_payload(empty, "x", masks, known))
    assert header["peaks"] == [[0, 0, 0]] * len(READOUTS)
    assert not any(blobs["maps"])
    dog = header["quality"]["each"][0][2]
    assert dog is None  # neither map nor object has a pixel
    assert header["quality"]["each"][0][0]["fn"] == [1.0] * 101
    assert "NaN" not in json.dumps(header, allow_nan=False)


def test_the_picture_is_the_working_size_and_the_rest_names_itself(results):
    header, _ = unpack(heat_payload(results, "Hündin <b>.jpg"))
    height, width = results[0].picture.shape[:2]
    described = {"width": width, "height": height, "name": "Hündin <b>.jpg", "type": "image/jpeg"}
    assert header["picture"] == described
    assert [entry["name"] for entry in header["classes"]] == CLASSES
    assert [view["label"] for view in header["views"]] == [row.label for row in READOUTS.values()]


def test_numbers_have_five_digits_and_null_for_the_undefined():
    assert numbers(np.array([[0.123456789, np.nan], [1, 0]])) == [[0.12346, None], [1.0, 0.0]]
