"""Background thresholds: measured ones from the card, else the reference's, and where they come from is said."""

import numpy as np
import pytest

from recam_core.cam.thresholds import (
    area_threshold,
    best_readout,
    otsu_threshold,
    seed_threshold,
    walk_threshold,
)
from recam_core.networks.pair import build_pair
from recam_core.records import MULTI_SCALE, HeatmapOptions, UserError

SCORES = {
    "scenes test, one scale": {"readouts": {"cam": {"threshold": 0.17}, "w": {"threshold": 0.22}}},
    "scenes test, four scales": {"readouts": {"w": {"threshold": 0.31}}},
    "scenes val, single scale": {"readouts": {"w": {"threshold": 0.5}, "sum": {"threshold": 0.4}}},
}


def pair(card):
    return build_pair("p", "tiny", ("cat", "dog"), card)


@pytest.mark.parametrize(("readout", "scales", "expected"), [
    ("cam", (1.0,), 0.17), ("w", (1.0,), 0.22), ("w", MULTI_SCALE, 0.31), ("sum", (1.0,), 0.4),
    ("cam", MULTI_SCALE, 0.21), ("w", (1.0, 0.5), 0.21), ("product", (1.0,), 0.21),
])  # fmt: skip
def test_the_threshold_measured_for_this_readout_and_view_else_the_references(readout, scales, expected):
    threshold, where = seed_threshold(pair({"scores": SCORES}), readout, HeatmapOptions(scales))
    assert threshold == expected
    assert ("reference" in where) == (expected == 0.21)
    if expected != 0.21:
        assert "scenes" in where


def test_scores_after_a_walk_are_not_those_of_seeds():
    walked = {
        "scenes test, one scale, after 256 steps of the walk (learned boundaries)": SCORES["scenes test, one scale"]
    }
    assert seed_threshold(pair({"scores": walked}), "w")[0] == 0.21


@pytest.mark.parametrize("scores", [[], None, {"scenes test, one scale": 3},
                                    {"scenes test, one scale": {"readouts": {"w": {"threshold": True}}}},
                                    {"scenes test, one scale": {"readouts": {"w": {"threshold": 7}}}}])  # fmt: skip
def test_scores_nobody_can_use_are_passed_over(scores):
    assert seed_threshold(pair({"scores": scores}), "w")[0] == 0.21


def test_the_threshold_after_the_walk():
    assert walk_threshold(pair({}), "w") == (0.28, "the reference's after the walk")
    assert walk_threshold(pair({"walk": {"steps": 64}}), "w")[0] == 0.28
    assert walk_threshold(pair({"walk": {"threshold": 0.4}}), "w") == (0.4, "of the model's card")
    each = {"walk": {"threshold": 0.4, "thresholds": {"cam": 0.19, "w": 0.22}}}
    assert [walk_threshold(pair(each), name)[0] for name in ("cam", "w", "sum")] == [0.19, 0.22, 0.4]
    for card in ({"threshold": "low"}, {"threshold": 2}, {"thresholds": 3}, {"thresholds": {"w": "low"}}, 7):
        with pytest.raises(UserError, match="no usable threshold after the walk"):
            walk_threshold(pair({"walk": card}), "w")


def test_the_best_readout_is_that_of_the_scores_and_never_cam():
    rows = {"cam": {"miou": 0.9}, "w": {"miou": 0.5}, "sum": {"miou": 0.6}, "product": {"miou": None}}
    card = {"scores": {"scenes test, one scale": {"readouts": rows}}}
    assert best_readout(pair(card)) == "sum"
    assert best_readout(pair(card), HeatmapOptions(MULTI_SCALE)) == "sum"  # measured at one scale alone
    assert best_readout(pair({})) == "w"


def test_otsu_parts_two_groups_and_an_area_is_never_exceeded():
    values = np.r_[np.full(60, 0.1), np.full(40, 0.8)].reshape(10, 10)
    assert 0.1 <= otsu_threshold(values) < 0.8
    assert otsu_threshold(np.zeros((4, 4))) == 0
    covered = np.array([1.0, 0.6, 0.3, 0.1, 0.0])
    assert [area_threshold(covered, share) for share in (1.0, 0.6, 0.35, 0.05)] == [0.0, 0.25, 0.5, 1.0]
