"""Insertion, deletion and the pointing game, against what was worked out by hand."""

import numpy as np
import pytest
import torch

from recam_core.datasets.scenes import Scenes
from recam_core.evaluation.faithfulness import (
    BATCH,
    CurveStep,
    LogitCurves,
    area,
    class_logits,
    deleted,
    inserted,
    logit_curves,
    pointing,
)
from recam_core.networks.pair import build_pair
from recam_core.records import UserError

H, W = 36, 40


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(0)
    return build_pair("untrained", "tiny", Scenes.classes)


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)


def test_the_strongest_pixels_go_first_and_equal_ones_in_reading_order():
    picture = np.array([[[0] * 3, [10] * 3, [20] * 3, [30] * 3]], np.uint8)
    values = np.array([[0.2, 0.9, 0.2, 0.0]], np.float32)
    mean = 15
    assert deleted(picture, values, 4)[:, 0, :, 0].tolist() == [
        [0, 10, 20, 30],
        [0, mean, 20, 30],
        [mean, mean, 20, 30],
        [mean, mean, mean, 30],
        [mean] * 4,
    ]


def test_insertion_ends_with_the_picture_and_begins_with_a_blurred_one(picture):
    values = np.random.default_rng(1).random((H, W), np.float32)
    frames = inserted(picture, values, 5)
    assert np.array_equal(frames[-1], picture)
    assert frames[0].std() < picture.std() / 2
    sharp = [(frame == picture).all(axis=2).mean() for frame in frames]
    assert sharp == pytest.approx(np.arange(6) / 5, abs=0.02)


def test_the_area_is_that_of_trapezoids():
    assert area(np.array([0.0, 1, 1])) == pytest.approx(0.75)
    assert area(np.array([2.0, 2, 2, 2])) == pytest.approx(2)
    assert LogitCurves(np.array([4.0, 0]), np.array([0.0, 4])).areas == (2, 2)


@torch.no_grad()
def alone_logit(model, frame):
    return float(model.scores(model.features(model.preprocess(frame)))[0, 3])


def test_curves_are_logits_of_the_changed_pictures(pair, picture):
    maps = {"cam": np.random.default_rng(2).random((H, W), np.float32), "w": np.zeros((H, W), np.float32)}
    models = {"cam": pair.cam, "w": pair.recam}
    *steps, curves = logit_curves(models, picture, maps, k=3, steps=6)
    assert [step.done for step in steps][:2] == [BATCH, 14]
    assert steps[-1] == CurveStep(28, 28)
    assert list(curves) == ["cam", "w"]
    for name in maps:
        frames = deleted(picture, maps[name], 6)
        alone = [alone_logit(models[name], frame) for frame in frames]
        assert curves[name].deletion == pytest.approx(alone, abs=1e-4)
    assert curves["cam"].insertion[-1] == pytest.approx(class_logits(pair.cam, picture[None], 3)[0], abs=1e-4)
    assert curves["cam"].deletion[0] == pytest.approx(curves["cam"].insertion[-1], abs=1e-4)


def test_whoever_stops_asking_stops_the_passes(pair, picture, monkeypatch):
    batches = []
    monkeypatch.setattr(
        "recam_core.evaluation.faithfulness.class_logits", lambda model, x, k: batches.append(len(x)) or [0.0] * len(x)
    )
    stream = logit_curves({"w": pair.recam}, picture, {"w": np.zeros((H, W), np.float32)}, 0, steps=20)
    next(stream)
    stream.close()
    assert batches == [BATCH]


def test_a_map_of_another_size_is_refused(pair, picture):
    with pytest.raises(UserError, match="same size"):
        next(logit_curves({"w": pair.recam}, picture, {"w": np.zeros((3, 3), np.float32)}, 0))


def spot(row, column):
    values = np.zeros((60, 60), np.float32)
    values[row, column] = 0.7
    return values


def test_pointing_allows_fifteen_pixels():
    mask = np.zeros((60, 60), np.uint8)
    mask[10:20, 10:20] = 2
    mask[40:, 40:] = 255
    assert pointing(spot(15, 15), mask, 2) == 1
    assert pointing(spot(15, 34), mask, 2) == 1  # 15 pixels from column 19
    assert pointing(spot(15, 35), mask, 2) == 0
    assert pointing(spot(28, 31), mask, 2) == 1  # 9 and 12 pixels: 15
    assert pointing(spot(29, 31), mask, 2) == 0
    assert pointing(spot(15, 20), mask, 2, tolerance=0) == 0
    assert pointing(spot(15, 15), mask, 1) is None
    assert pointing(spot(50, 50), mask, 255) is None
    assert pointing(np.zeros((60, 60), np.float32), mask, 2) == 0
    assert pointing(spot(15, 15) + spot(59, 0), mask, 2) == pytest.approx(0.5)
    whole = np.ones((60, 60), np.float32)
    assert pointing(whole, mask, 2, tolerance=0) == pytest.approx(100 / 3600)
