"""The lesson's numbers on a network small enough to follow by hand, and against the maps of the pipeline."""

import numpy as np
import pytest
import torch

from recam_core.cam.lesson import (
    channel_votes,
    climb_scores,
    masked_feature,
    picture_features,
    row_shift,
    sce_value,
    signed_map,
)
from recam_core.cam.pipeline import gather_evidence
from recam_core.networks.gradients import sce_gradient
from recam_core.networks.losses import class_features, class_masks
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS
from recam_core.records import AdvCamOptions, HeatmapOptions, UserError
from recam_core.refiners.advcam.climb import climb

FEATURES = np.array([[[1.0, 0], [2, 1]], [[0, 3], [1, 1]], [[2, 2], [0, 1]]])  # D = 3, h = w = 2
WEIGHT = np.array([2.0, -1, 0.5])
PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(0)
    return build_pair("p", "tiny", ("cat", "dog", "tree"))


@pytest.fixture(scope="module")
def inside(pair):
    return picture_features(PICTURE, pair)


def test_votes_of_one_position_by_hand():
    # at row 0, column 1: f = (0, 3, 2), so w·f = (0, −3, 1) and A = −2
    votes = channel_votes(FEATURES, WEIGHT, 0, 1, top=2)
    assert votes.channels.tolist() == [1, 2]
    assert votes.weights.tolist() == [-1, 0.5]
    assert votes.activations.tolist() == [3, 2]
    assert votes.votes.tolist() == [-3, 1]
    assert (votes.rest, votes.others, votes.total) == (0, 1, -2)


def test_votes_and_rest_sum_to_the_map_at_every_position(inside):
    weight = inside.weights["cam"][1]
    map_ = signed_map(inside.of("cam"), weight)
    for row in range(map_.shape[0]):
        for column in range(map_.shape[1]):
            votes = channel_votes(inside.of("cam"), weight, row, column)
            assert votes.votes.sum() + votes.rest == pytest.approx(map_[row, column], abs=1e-9)
            assert votes.total == pytest.approx(map_[row, column], abs=1e-9)
            strongest = np.abs(weight * inside.stage1[:, row, column]).max()
            assert abs(votes.votes[0]) == pytest.approx(strongest, rel=1e-6)


@pytest.mark.parametrize("readout", READOUTS)
def test_the_maps_are_those_of_the_pipeline(pair, inside, readout):
    evidence = gather_evidence(PICTURE, pair, HeatmapOptions(flip=False))
    maps = [signed_map(inside.of(readout), row).clip(0) for row in inside.weights[readout]]
    np.testing.assert_allclose(maps, evidence.scale_maps[readout][0], rtol=1e-4, atol=1e-5)


def test_what_is_climbed_is_what_the_first_step_of_a_climb_says(pair, inside):
    y = climb_scores(inside.stage2, inside.weights["w"])
    (step,) = climb(PICTURE, pair, ["dog"], AdvCamOptions(steps=1), "w", HeatmapOptions(flip=False))
    assert y[1] == pytest.approx(step.score[0], rel=1e-4)
    assert y.sum() - y[1] == pytest.approx(step.others[0], rel=1e-4)


def test_the_scores_are_those_of_the_pipeline(pair, inside):
    evidence = gather_evidence(PICTURE, pair, HeatmapOptions(flip=False))
    logits = inside.weights["w"] @ inside.stage2.mean(axis=(1, 2))
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), evidence.scores, rtol=1e-4)


def test_more_channels_than_there_are_leave_no_rest():
    votes = channel_votes(FEATURES, WEIGHT, 1, 0, top=10)
    assert (len(votes.channels), votes.rest, votes.others, votes.total) == (3, 0, 0, 3)


@pytest.mark.parametrize(("row", "column"), [(2, 0), (0, 2), (-1, 0)])
def test_a_position_beside_the_grid_is_refused(row, column):
    with pytest.raises(UserError, match="grid of 2 × 2"):
        channel_votes(FEATURES, WEIGHT, row, column)


def test_a_masked_feature_by_hand():
    # A = [[3, −2], [3, 1.5]], so M = [[1, 0], [1, 0.5]] (but for the 1e-5)
    masked = masked_feature(FEATURES, WEIGHT)
    np.testing.assert_allclose(masked.mask, [[1, 0], [1, 0.5]], atol=1e-5)
    np.testing.assert_allclose(masked.energy, np.sqrt([[5, 13], [5, 3]]))
    np.testing.assert_allclose(masked.masked, masked.mask * masked.energy)
    np.testing.assert_allclose(masked.pooled, [(1 + 2 + 0.5) / 4, (1 + 0.5) / 4, (2 + 0.5) / 4], atol=1e-5)
    assert masked.energy_share == pytest.approx((2 * 5**0.5 + 0.5 * 3**0.5) / (2 * 5**0.5 + 13**0.5 + 3**0.5), abs=1e-5)


def test_the_mask_and_the_pooled_feature_are_those_of_training(inside):
    features, weight = torch.from_numpy(inside.stage2.copy())[None], torch.from_numpy(inside.weights["w"].copy())
    masks = class_masks(features, weight)
    pooled = class_features(features, masks)[0]
    for k in range(3):
        masked = masked_feature(inside.stage2, inside.weights["w"][k])
        np.testing.assert_allclose(masked.mask, masks[0, k], atol=1e-5)
        np.testing.assert_allclose(masked.pooled, pooled[k], rtol=1e-4, atol=1e-6)


def test_a_class_without_positive_evidence_masks_everything_away():
    masked = masked_feature(FEATURES, -np.ones(3))
    assert masked.mask.max() == masked.pooled.max() == masked.energy_share == 0


@pytest.mark.parametrize("amount", [-2.0, 0.5, 3.0])
def test_a_vector_on_every_row_leaves_sce_and_moves_the_map(inside, amount):
    wprime, k = inside.weights["wprime"], 2
    pooled = masked_feature(inside.stage2, inside.weights["w"][k]).pooled
    vector = inside.stage2.mean(axis=(1, 2))
    shift = row_shift(inside.stage2, wprime, k, pooled, vector)
    shifted = wprime + amount * vector  # what the closed form stands for
    np.testing.assert_allclose(shift.logits + amount * shift.by, shifted @ pooled, rtol=1e-5)
    np.testing.assert_allclose(
        shift.map + amount * shift.moved, signed_map(inside.stage2, shifted[k]), rtol=1e-4, atol=1e-6
    )
    assert sce_value(shift.logits + amount * shift.by, k) == pytest.approx(sce_value(shift.logits, k), abs=1e-12)
    np.testing.assert_allclose(sce_gradient(shift.logits + amount * shift.by, k), sce_gradient(shift.logits, k))
    assert np.abs(amount * shift.moved).max() > 1e-4


def test_sce_of_known_logits():
    assert sce_value(np.log([1.0, 2, 5]), 2) == pytest.approx(np.log(8 / 5))
    assert np.isfinite(sce_value([0.0, 1e4], 0))


@pytest.mark.parametrize("target", [-1, 3])
def test_a_target_that_is_no_class_is_refused(inside, target):
    with pytest.raises(UserError, match="0 to 2"):
        sce_value(np.zeros(3), target)
    with pytest.raises(UserError, match="0 to 2"):
        row_shift(inside.stage2, inside.weights["wprime"], target, np.zeros(3), np.zeros(3))


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="same D"):
        signed_map(FEATURES, np.ones(2))


def test_broken_weights_are_said(pair):
    torch.manual_seed(0)
    broken = build_pair("broken", "tiny", ("a", "b"))
    with torch.no_grad():
        next(broken.recam.backbone.parameters()).fill_(torch.nan)
    with pytest.raises(UserError, match="broken gives features that are not finite"):
        picture_features(PICTURE, broken)


def test_the_results_are_frozen_and_the_models_unchanged(pair, inside):
    with pytest.raises(ValueError, match="read-only"):
        inside.stage1[0] = 1
    assert all(p.grad is None for model in (pair.cam, pair.recam) for p in model.parameters())
    assert inside.nbytes > inside.stage1.nbytes * 2
