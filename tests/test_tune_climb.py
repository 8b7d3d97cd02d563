"""The script that tunes a climb: which pictures it takes, and figures that can be counted by hand."""

import argparse
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from recam_core.datasets.scenes import Scenes
from recam_core.networks.pair import build_pair
from recam_core.records import AdvCamOptions, HeatmapOptions


@pytest.fixture(scope="module")
def script():
    path = Path(__file__).parents[1] / "docs" / "tune_climb.py"
    spec = importlib.util.spec_from_file_location("tune_climb", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Ten:
    """Ten pictures; those with an even number have an object, 4 only an unknown one."""

    def __len__(self):
        return 10

    def image(self, i):
        return i

    def mask(self, i):
        return None if i % 2 else np.full((2, 2), 255 if i == 4 else 1, np.uint8)


def test_pictures_are_spread_and_have_an_object(script):
    assert [i for i, _ in script.masked_pictures(Ten(), 2)] == [0, 6]
    assert [i for i, _ in script.masked_pictures(Ten(), 3)] == [0, 6, 2]
    assert len(list(script.masked_pictures(Ten(), 99))) == 4


def test_several_readouts_are_named_with_commas(script):
    assert script.readouts("cam,w") == ["cam", "w"]
    with pytest.raises(argparse.ArgumentTypeError, match="nobody; choose among cam, w"):
        script.readouts("cam,nobody")


def test_a_row_stands_at_the_threshold_that_is_best_for_all_objects(script):
    curves = np.zeros((2, 3, 101))
    curves[0, :, 20], curves[1, :, 40] = 0.5, 0.6
    curves[:, 2, 30] = 0.4
    torch.manual_seed(0)
    row = script.measured(curves, AdvCamOptions(steps=3, xi=0.1, mu=1), build_pair("p", "tiny", ("a",)))
    assert (row["iou_before"], row["iou"], row["gain"]) == (0.3, 0.4, 0.1)
    assert (row["threshold_before"], row["threshold"], row["best_step"]) == (0.4, 0.3, 3)
    assert row["xi_grey_levels"] == pytest.approx(0.1 * 0.25 * 255, abs=0.01)


def test_curves_have_a_row_an_object_and_a_column_a_step(script):
    torch.manual_seed(0)
    pair, scenes = build_pair("p", "tiny", Scenes.classes), Scenes("samples")
    mask = scenes.mask(4)
    curves = script.picture_curves(
        pair, scenes.image(4), mask, AdvCamOptions(steps=2), "w", HeatmapOptions(long_side=96)
    )
    assert curves.shape == (len(set(np.unique(mask)) - {0, 255}), 2, 101)
    assert np.isfinite(curves).all()
    assert curves.max() > 0
