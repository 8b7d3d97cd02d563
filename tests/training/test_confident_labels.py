"""Confident labels by hand, and refinements that follow the picture."""

import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from recam_core.records import SEED_REFINEMENTS, UserError
from recam_core.refiners.pamr.equations import pamr
from recam_core.training.boundary.confident_labels import REFINE, confident_labels

PICTURE = np.zeros((1, 5, 3), np.uint8)


def test_three_answers_by_hand():
    maps = np.array([[[0.9, 0.5, 0.3, 0.2, 0.0]], [[0.1, 0.6, 0.2, 0.1, 0.0]]], np.float32)
    assert confident_labels(PICTURE, maps, [4, 79], 0.5, 0.2).tolist() == [[5, 80, 255, 0, 0]]
    assert confident_labels(PICTURE, maps, [4, 79], 0.6, 0.6).tolist() == [[5, 0, 0, 0, 0]]  # background wins a tie


def test_a_picture_without_classes_is_background():
    assert confident_labels(PICTURE, np.zeros((0, 1, 5), np.float32), [], 0.3, 0.1, "pamr").tolist() == [[0] * 5]


def test_every_refinement_that_can_be_asked_for_is_there():
    assert REFINE.keys() == SEED_REFINEMENTS.keys()


def test_what_cannot_be_is_refused():
    maps = np.zeros((1, 1, 5), np.float32)
    with pytest.raises(UserError, match="one of none, pamr, crf; got 'magic'"):
        confident_labels(PICTURE, maps, [0], 0.3, 0.1, "magic")
    with pytest.raises(UserError, match=r"maps are \(1, 5\), the picture \(2, 5\)"):
        confident_labels(np.zeros((2, 5, 3), np.uint8), maps, [0], 0.3, 0.1)


def test_one_step_on_a_flat_picture_is_the_mean_of_eight_neighbours():
    mask = torch.zeros(1, 5, 5)
    mask[0, 2, 2] = 1
    refined = pamr(torch.full((3, 5, 5), 0.5), mask, iterations=1, dilations=(1,))[0]
    assert refined[2, 2] == 0
    torch.testing.assert_close(refined[1:4, 1:4].sum(), torch.tensor(1.0))
    assert refined[1, 1].item() == pytest.approx(1 / 8)
    assert refined[0].max() == 0


def test_weights_by_hand():
    """A row of three grey values, its border repeated: σ of the middle and its neighbours, softmax of −|difference| / (0.1 σ)."""
    grey = torch.tensor([[0.0, 0.02, 0.1]])
    mask = torch.tensor([[[1.0, 0.0, 0.0]]])
    refined = pamr(grey[None], mask, iterations=1, dilations=(1,))[0, 0, 1].item()
    values = [0.0, 0.02, 0.1] * 3
    sigma = np.std(values, ddof=1)
    weight = np.exp(-np.abs(np.array([0.0, 0.1, 0.02]) - 0.02) / (0.1 * sigma))  # left, right, above and below
    assert refined == pytest.approx(3 * weight[0] / (3 * weight[0] + 3 * weight[1] + 2 * weight[2]), rel=1e-4)


def test_constant_masks_stay_and_values_stay_in_range():
    picture = torch.rand(3, 20, 31, generator=torch.Generator().manual_seed(0))
    masks = torch.rand(2, 20, 31, generator=torch.Generator().manual_seed(1))
    masks[0] = 0.25
    refined = pamr(picture, masks)
    torch.testing.assert_close(refined[0], masks[0])
    assert refined[1].min() >= masks[1].min()
    assert refined[1].max() <= masks[1].max()


def test_a_seed_grows_to_the_colours_it_stands_on():
    picture = np.zeros((24, 40, 3), np.uint8)
    picture[:, 20:] = (200, 40, 40)
    picture = picture + np.random.default_rng(0).integers(0, 8, picture.shape, dtype=np.uint8)
    labels = np.zeros((24, 40), np.uint8)
    labels[:, 17:] = 1  # three columns too many
    labels[8:14, 28:31] = 0  # a hole
    refined = REFINE["pamr"](picture, labels, 2)
    assert (refined == (np.arange(40) >= 20)).all()


def test_a_missing_package_is_named_with_another_way(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydensecrf", None)
    with pytest.raises(UserError, match=r"pip install pydensecrf2.*pamr is built in"):
        REFINE["crf"](PICTURE, np.zeros((1, 5), np.uint8), 2)


def test_the_dense_crf_has_the_settings_of_the_official_code(monkeypatch):
    asked = {}

    class Field:
        def __init__(self, width, height, labels):
            asked["size"] = (width, height, labels)

        def setUnaryEnergy(self, unary):  # noqa: N802 — the package’s own name
            asked["unary"] = unary

        def addPairwiseGaussian(self, **settings):  # noqa: N802 — the package’s own name
            asked["gaussian"] = settings

        def addPairwiseBilateral(self, rgbim, **settings):  # noqa: N802 — the package’s own name
            assert rgbim.shape == (1, 5, 3)
            asked["bilateral"] = settings

        def inference(self, iterations):
            asked["iterations"] = iterations
            return [[0, 1, 0, 0, 0], [1, 0, 1, 1, 1]]

    package, densecrf, utils = (ModuleType(name) for name in ("pydensecrf", "densecrf", "utils"))
    densecrf.DenseCRF2D = Field
    utils.unary_from_labels = lambda labels, n, gt_prob, zero_unsure: (n, gt_prob, zero_unsure)
    for name, module in (("", package), (".densecrf", densecrf), (".utils", utils)):
        monkeypatch.setitem(sys.modules, f"pydensecrf{name}", module)
    assert REFINE["crf"](PICTURE, np.zeros((1, 5), np.uint8), 2).tolist() == [[1, 0, 1, 1, 1]]
    assert asked == {"size": (5, 1, 2), "unary": (2, 0.7, False), "gaussian": {"sxy": 3, "compat": 3},
                     "bilateral": {"sxy": 50, "srgb": 5, "compat": 10}, "iterations": 10}  # fmt: skip
