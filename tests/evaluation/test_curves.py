"""Curves of a threshold slider against brute force at all 101 thresholds."""

import numpy as np
import pytest

from recam_core.cam.scales import scaled_maps
from recam_core.evaluation.curves import above, class_curves
from recam_core.evaluation.metrics import SLIDER
from recam_core.records import CamResult, UserError

SHAPE = (9, 11)
THRESHOLDS = [np.float32(i / 100) for i in range(101)]


def result_of(raw):
    raw = np.asarray(raw, np.float32)
    maps = raw / (raw.max(axis=(1, 2), keepdims=True) + np.float32(1e-5))
    picture, classes = np.zeros((*raw.shape[1:], 3), np.uint8), tuple(f"c{i}" for i in range(len(raw)))
    return CamResult(picture, classes, np.ones(len(raw), np.float32), raw, maps, maps[:, ::4, ::4], "w")


@pytest.fixture
def result():
    raw = np.random.default_rng(0).random((3, *SHAPE), np.float32) * np.array([1, 7, 0.2], np.float32)[:, None, None]
    raw[:, :2] = 0
    return result_of(raw)


@pytest.fixture
def truth():
    return np.random.default_rng(1).choice(np.array([0, 1, 255], np.uint8), (3, *SHAPE), p=[0.5, 0.4, 0.1])


def brute(values, truth, threshold):
    counted = truth != 255
    predicted, actual = (values > threshold)[counted], (truth == 1)[counted]
    union = (predicted | actual).sum()
    return [np.nan] * 3 if union == 0 else [
        (predicted & actual).sum() / union, (actual & ~predicted).sum() / union, (predicted & ~actual).sum() / union,
    ]  # fmt: skip


def test_edges_are_what_a_slider_in_hundredths_sends():
    assert SLIDER.tolist() == [float(t) for t in THRESHOLDS]


def test_above_is_strict_at_every_edge():
    assert above(SLIDER).tolist() == [len(SLIDER) - 1 - i for i in range(101)]
    assert above(np.array([0, 0.005, 1, 2], np.float32))[[0, 1, 99, 100]].tolist() == [3, 2, 2, 1]


@pytest.mark.parametrize("scale", ["each", "together"])
def test_curves_equal_brute_force(result, truth, scale):
    divisor = result.raw.max(axis=(1, 2), keepdims=True) if scale == "each" else result.raw.max()
    maps = result.raw / (divisor + np.float32(1e-5))
    curves = class_curves(result, truth, scale)
    for k in range(3):
        covered = [(maps[k] > t).mean() for t in THRESHOLDS]
        np.testing.assert_allclose(curves.covered[k], covered, atol=1e-12)
        iou, fn, fp = zip(*(brute(maps[k], truth[k], t) for t in THRESHOLDS), strict=True)
        for got, expected in ((curves.iou, iou), (curves.fn, fn), (curves.fp, fp)):
            np.testing.assert_allclose(got[k], expected, atol=1e-12)
        assert curves.best[k] == int(np.nanargmax(iou))
    np.testing.assert_allclose(curves.iou + curves.fn + curves.fp, 1)


def test_values_exactly_at_a_threshold_are_not_above_it():
    raw = np.array([[[0.25, 0.5, 1.0, 0.0]]], np.float32)
    result = result_of(raw)
    exact = CamResult(result.picture, result.classes, result.scores, raw, raw, raw, "w")
    covered = class_curves(exact).covered[0]
    assert covered[[24, 25, 49, 50, 99, 100]].tolist() == [0.75, 0.5, 0.5, 0.25, 0.25, 0]


def test_ignored_pixels_count_neither_for_nor_against(result, truth):
    ignored = truth[0] == 255
    changed = result_of(np.where(ignored, 0.9 * result.raw.max(axis=(1, 2), keepdims=True), result.raw))
    before, after = (class_curves(r, truth) for r in (result, changed))
    assert np.array_equal(before.iou[0], after.iou[0])
    assert not np.array_equal(before.covered[0], after.covered[0])


def test_without_a_truth_only_coverage_is_known(result):
    curves = class_curves(result)
    assert (curves.iou, curves.fn, curves.fp, curves.best) == (None, None, None, None)


def test_a_class_whose_truth_is_unknown_has_no_figures(result, truth):
    curves = class_curves(result, truth, known=[True, False, True])
    assert np.isnan([curves.iou[1], curves.fn[1], curves.fp[1]]).all()
    assert np.array_equal(curves.iou[[0, 2]], class_curves(result, truth).iou[[0, 2]])
    assert np.isfinite(curves.covered).all()


def test_an_empty_map_without_an_object_is_undefined_and_with_one_is_missed():
    result = result_of(np.zeros((2, 4, 4)))
    truth = np.stack([np.zeros((4, 4)), np.eye(4)]).astype(np.uint8)
    for scale in ("each", "together"):
        curves = class_curves(result, truth, scale)
        assert np.isnan(curves.iou[0]).all()
        assert (curves.iou[1] == 0).all()
        assert (curves.fn[1] == 1).all()
        assert (curves.covered == 0).all()


def test_the_best_threshold_is_the_first_of_the_highest_iou():
    raw = np.full((1, 1, 10), 0.25, np.float32)
    raw[0, 0, :4] = 1.0
    truth = (raw > 0.5).astype(np.uint8)
    assert class_curves(result_of(raw), truth).best.tolist() == [25]  # 0.25 / 1.00001 is no longer above 0.25


def test_an_unknown_scale_is_refused(result):
    with pytest.raises(UserError, match="one of each, together; got 'global'"):
        scaled_maps(result, "global")
