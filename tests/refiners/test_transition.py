"""Neighbours and Chebyshev coefficients by hand."""

import math

import pytest
import torch

from recam_core.refiners.random_walk.transition import neighbours, power_series, transition


def test_rows_list_their_neighbours_in_order():
    pairs = neighbours(torch.zeros(2, 3), 2)
    assert pairs.crow.tolist() == [0, 4, 10, 14, 18, 24, 28]
    assert pairs.row(0)[0].tolist() == [0, 1, 3, 4]
    assert pairs.row(4)[0].tolist() == [0, 1, 2, 3, 4, 5]
    assert pairs.column.dtype == pairs.crow.dtype == torch.int32


def test_rows_of_the_transition_sum_to_one():
    boundary = torch.rand(7, 6, generator=torch.Generator().manual_seed(0))
    matrix, sums = transition(neighbours(boundary, 4), 10.0)
    torch.testing.assert_close(matrix.to_dense().sum(1), torch.ones(42))
    weights = matrix.to_dense() * sums[:, None]
    torch.testing.assert_close(weights, weights.T)


@pytest.mark.parametrize("t", [0, 1, 2, 3, 10, 257])
def test_the_series_is_the_power(t):
    coefficients, left = power_series(t, 0.0)
    assert left == 0
    assert sum(coefficients) == pytest.approx(1)
    for x in (-1.0, -0.3, 0.0, 0.8):
        value = sum(c * math.cos(k * math.acos(x)) for k, c in enumerate(coefficients))
        assert value == pytest.approx(x**t, abs=1e-12)


def test_three_steps_by_hand():
    assert power_series(3, 0.0)[0] == pytest.approx([0, 3 / 4, 0, 1 / 4])  # x³ = ¾ T₁ + ¼ T₃


@pytest.mark.parametrize("tail", [1e-3, 1e-6, 1e-11])
def test_what_is_left_out_is_bounded_and_the_degree_grows_with_the_root(tail):
    coefficients, left = power_series(256, tail)
    full = power_series(256, 0.0)[0]
    assert sum(full[len(coefficients) :]) <= left * (1 + 1e-9) <= tail * (1 + 1e-9)
    assert len(coefficients) - 1 <= math.sqrt(2 * 256 * math.log(2 / tail)) + 2
