"""Boundary losses by hand on a grid with one source, and what labels of pairs mean."""

import math

import pytest
import torch

from recam_core.training.boundary.losses import affinities, boundary_losses, pair_labels

# Radius 2 has the directions (0, 1), (1, 0), (1, −1), (1, 1); a grid of 2 × 3 has one source, the upper middle.
RADIUS = 2


def logit(p):
    return math.log(p / (1 - p))


def grid(values):
    return torch.tensor(values, dtype=torch.float32)[None]


def test_labels_of_pairs_need_two_valid_ends():
    labels = torch.tensor(
        [[[7, 3, 3], [7, 0, 3]], [[7, 0, 0], [8, 255, 0]], [[7, 90, 3], [90, 90, 9]]], dtype=torch.uint8
    )
    pairs = pair_labels(labels, RADIUS, 8)
    assert pairs.foreground[..., 0, 0].tolist() == [[True, False, False, True], [False] * 4, [False] * 4]
    assert pairs.different[..., 0, 0].tolist() == [[False, True, True, False], [False, False, True, False], [False] * 4]
    assert pairs.background[..., 0, 0].tolist() == [[False] * 4, [True, False, False, True], [False] * 4]
    more = pair_labels(labels[2:], RADIUS, 90)
    assert more.foreground[0, :, 0, 0].tolist() == [False, True, True, False]
    assert more.different[0, :, 0, 0].tolist() == [True, False, False, True]


def test_an_affinity_is_what_the_strongest_boundary_of_the_path_leaves():
    edges = grid([[[0.0, logit(0.2), logit(0.5)], [0.0, logit(0.1), 0.0]]])
    assert affinities(edges, RADIUS)[0, :, 0, 0].tolist() == pytest.approx([0.5, 0.8, 0.5, 0.5])


def test_losses_by_hand():
    edges = grid([[[0.0, logit(0.2), logit(0.5)], [0.0, logit(0.1), 0.0]]])
    moves = grid([[[0, 1, 0], [0, 3, 0]], [[0, 2, 0], [0, 2, 0]]])  # dy, dx
    labels = torch.tensor([[[255, 1, 1], [255, 0, 255]]], dtype=torch.uint8)  # same to the right, different below
    terms = boundary_losses(edges, moves, labels, RADIUS, 1)
    assert terms.foreground.item() == pytest.approx(-math.log(0.5), abs=1e-4)
    assert terms.negative.item() == pytest.approx(-math.log(0.2), abs=1e-3)
    assert terms.background.item() == 0
    # source minus destination is (1, 2), the pair's own displacement (0, 1): |1| + |1| over two components
    assert terms.foreground_displacement.item() == pytest.approx(1, abs=1e-4)
    assert terms.positive.item() == pytest.approx(-math.log(0.5) / 2, abs=1e-4)
    expected = (terms.positive + terms.negative) / 2 + terms.displacement / 2
    assert terms.total.item() == pytest.approx(expected.item())
    # no displacement branch, no such term
    assert boundary_losses(edges, None, labels, RADIUS, 1).displacement.item() == 0


@pytest.mark.parametrize("value", [0, 255])
def test_labels_that_say_nothing_about_boundaries_keep_losses_finite(value):
    edges = torch.full((2, 1, 4, 5), 200.0, requires_grad=True)  # a boundary everywhere, probability exactly 1
    terms = boundary_losses(edges, None, torch.full((2, 4, 5), value, dtype=torch.uint8), RADIUS, 8)
    assert torch.isfinite(terms.total)
    terms.total.backward()
    assert torch.isfinite(edges.grad).all()


def test_a_boundary_is_learned_where_labels_differ_and_nowhere_else():
    labels = torch.zeros(1, 8, 12, dtype=torch.uint8)
    labels[..., 6:] = 3
    edges = torch.zeros(1, 1, 8, 12, requires_grad=True)
    optimizer = torch.optim.SGD([edges], lr=5)
    for _ in range(200):
        optimizer.zero_grad()
        boundary_losses(edges, None, labels, 3, 8).total.backward()
        optimizer.step()
    boundary = edges.detach().sigmoid()[0, 0]
    assert boundary[1:5, 5:7].amax(dim=1).min() > 0.8
    assert boundary[1:5, 3:5].max() < 0.2
    assert boundary[1:5, 7:9].max() < 0.2
