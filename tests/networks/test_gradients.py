"""The closed forms against autograd through the losses of training, and the worked example of the lesson."""

import numpy as np
import pytest
import torch

from recam_core.networks.gradients import (
    bce_gradient,
    bce_position_gradient,
    sce_gradient,
    sce_position_gradient,
    sigmoid,
    softmax,
)
from recam_core.networks.losses import class_features, class_masks, class_scores, multilabel_loss, softmax_loss
from recam_core.records import UserError

K, D = 4, 5
LABELS = np.array([1.0, 0, 1, 0])


@pytest.fixture
def problem():
    """Features (D, h, w), FC1 and FC2 in float64."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(D, 3, 4)), rng.normal(size=(K, D)), rng.normal(size=(K, D))


def autograd(loss, features):
    """∂loss/∂f of one picture, by torch."""
    f = torch.from_numpy(features)[None].requires_grad_()
    return torch.autograd.grad(loss(f), f)[0][0].numpy()


def sce_of(fc1, fc2, labels, mask_gradient):
    w, v, y = (torch.from_numpy(a) for a in (fc1, fc2, labels[None]))

    def loss(f):
        masks = class_masks(f, w)
        return softmax_loss(class_features(f, masks if mask_gradient else masks.detach()), y, v)[0]

    return loss


def test_the_worked_example_bce_has_saturated_and_sce_still_separates():
    z = np.array([4.0, 4, -4])
    np.testing.assert_allclose(bce_gradient(z, [1, 1, 0]), [-0.018, -0.018, 0.018], atol=5e-4)
    np.testing.assert_allclose(sce_gradient(z, 0), [-0.500084, 0.499916, 0.000168], atol=1e-6)


def test_probabilities_of_known_logits():
    np.testing.assert_allclose(sigmoid([0, np.log(3), -np.log(3)]), [0.5, 0.75, 0.25])
    np.testing.assert_allclose(softmax(np.log([1.0, 2, 5])), [1 / 8, 2 / 8, 5 / 8])
    assert sigmoid([-1e4, 1e4]).tolist() == [0, 1]  # neither overflows: warnings are errors here
    assert softmax([1e4, 0.0]).tolist() == [1, 0]


def test_gradients_by_logits_are_those_of_the_losses():
    z = torch.randn(1, K, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    y = torch.from_numpy(LABELS)[None]
    (bce,) = torch.autograd.grad(multilabel_loss(z, y), z)
    np.testing.assert_allclose(bce_gradient(z[0].detach().numpy(), LABELS), K * bce[0].numpy(), atol=1e-12)
    for target in range(K):
        (sce,) = torch.autograd.grad(torch.nn.functional.cross_entropy(z, torch.tensor([target])), z)
        np.testing.assert_allclose(sce_gradient(z[0].detach().numpy(), target), sce[0].numpy(), atol=1e-12)


def test_bce_does_not_talk_between_classes_and_sce_does():
    z = np.array([0.5, -1.0, 2.0])
    moved = np.array([0.5, -1.0, 3.0])
    assert np.array_equal(bce_gradient(z, [1, 0, 1])[:2], bce_gradient(moved, [1, 0, 1])[:2])
    assert (sce_gradient(moved, 0)[:2] < sce_gradient(z, 0)[:2]).all()
    assert sce_gradient(z, 1).sum() == pytest.approx(0, abs=1e-12)


def test_bce_teaches_every_position_the_same(problem):
    features, fc1, _ = problem
    w, y = torch.from_numpy(fc1), torch.from_numpy(LABELS)[None]
    ours = bce_position_gradient(features, fc1, LABELS)
    np.testing.assert_allclose(ours, autograd(lambda f: multilabel_loss(class_scores(f, w), y), features), atol=1e-12)
    assert (ours == ours[:, :1, :1]).all()


@pytest.mark.parametrize("mask_gradient", [True, False])
def test_sce_teaches_positions_by_their_mask(problem, mask_gradient):
    features, fc1, fc2 = problem
    ours = sce_position_gradient(features, fc1, fc2, LABELS, mask_gradient)
    theirs = autograd(sce_of(fc1, fc2, LABELS, mask_gradient), features)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    assert np.abs(ours).max() > 1e-3


def test_the_path_through_the_mask_with_a_maximum_that_is_reached_twice(problem):
    features, fc1, fc2 = problem
    top = np.unravel_index(np.tensordot(fc1[0], features, 1).argmax(), features.shape[1:])
    twice = np.concatenate([features, features[:, top[0], top[1], None, None].repeat(3, axis=1)], axis=2)
    ours = sce_position_gradient(twice, fc1, fc2, LABELS)
    np.testing.assert_allclose(ours, autograd(sce_of(fc1, fc2, LABELS, True), twice), atol=1e-12)


def test_where_the_mask_is_empty_or_no_class_is_there_sce_teaches_nothing(problem):
    features, fc1, fc2 = problem
    assert not sce_position_gradient(features, fc1, fc2, np.zeros(K)).any()
    against = -np.abs(features)  # with positive weights no position has evidence
    assert not sce_position_gradient(against, np.abs(fc1), fc2, LABELS).any()


def test_one_vector_added_to_every_row_of_fc2_changes_nothing_that_sce_says(problem):
    features, fc1, fc2 = problem
    shift = np.random.default_rng(1).normal(size=D)
    before, after = (sce_position_gradient(features, fc1, v, LABELS) for v in (fc2, fc2 + shift))
    np.testing.assert_allclose(after, before, atol=1e-12)
    maps = [np.tensordot(v, features, 1) for v in (fc2, fc2 + shift)]
    np.testing.assert_allclose(maps[1] - maps[0], np.broadcast_to(np.tensordot(shift, features, 1), maps[0].shape))


@pytest.mark.parametrize(("call", "sentence"), [
    (lambda: bce_gradient([1.0, np.nan], [1, 0]), "finite numbers, one a class"),
    (lambda: bce_gradient([], []), "finite numbers, one a class"),
    (lambda: bce_gradient([1.0, 2.0], [1]), "2 numbers that are 0 or 1"),
    (lambda: bce_gradient([1.0, 2.0], [1, 0.5]), "2 numbers that are 0 or 1"),
    (lambda: sce_gradient([1.0, 2.0], 2), "0 to 1; got 2"),
    (lambda: bce_position_gradient(np.zeros((5, 2, 2)), np.zeros((4, 3)), LABELS), "of the same D"),
])  # fmt: skip
def test_what_makes_no_sense_gets_a_sentence(call, sentence):
    with pytest.raises(UserError, match=sentence):
        call()
