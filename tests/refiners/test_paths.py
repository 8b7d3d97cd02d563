"""Paths between neighbours, by hand."""

import pytest
import torch

from recam_core.refiners.random_walk.paths import displacements, path_groups, path_maxima


def test_radius_two_by_hand():
    # to the right, and down: two points each; the diagonals (distance √2 < 2) hold all four points of their box but
    # those farther than 1 from the line: the corners are 1/√2 away, so all four stay
    groups = path_groups(2)
    assert [len(group) for group in groups] == [2, 2]
    assert groups[0] == (((0, 1), (0, 0)), ((1, 0), (0, 0)))
    assert groups[1][1][0] == (1, 1)
    assert groups[1][1][-1] == (0, 0)
    assert set(groups[1][1]) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert displacements(2).tolist() == [[0, 1], [1, 0], [1, -1], [1, 1]]


def test_the_largest_value_on_a_path():
    field = torch.zeros(2, 4)
    field[1, 1] = 0.5
    maxima = path_maxima(field, 2)  # sources: row 0, columns 1 and 2
    assert maxima.shape == (4, 1, 2)
    assert maxima[:, 0, 0].tolist() == [0, 0.5, 0.5, 0.5]  # from (0, 1): down and both diagonals meet (1, 1)
    assert maxima[:, 0, 1].tolist() == [0, 0, 0.5, 0]  # from (0, 2): only the diagonal to the left


@pytest.mark.parametrize("radius", [2, 3, 5])
def test_each_unordered_pair_is_there_once(radius):
    pairs = {tuple(d) for d in displacements(radius).tolist()}
    assert len(pairs) == len(displacements(radius))
    assert not pairs & {(-y, -x) for y, x in pairs}
    inside = {
        (y, x) for y in range(-radius, radius + 1) for x in range(-radius, radius + 1) if y * y + x * x < radius**2
    }
    assert pairs | {(-y, -x) for y, x in pairs} | {(0, 0)} == inside


def test_the_gradient_goes_to_the_largest_point_only():
    field = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.9, 0.6]], requires_grad=True)
    path_maxima(field, 2)[3].sum().backward()  # from (0, 1) to (1, 2): the box holds 0.2, 0.3, 0.9 and 0.6
    assert field.grad.tolist() == [[0, 0, 0], [0, 1, 0]]


def test_the_gradient_agrees_with_max_pooling_over_gathered_points():
    generator = torch.Generator().manual_seed(3)
    field = torch.rand(2, 7, 9, generator=generator, requires_grad=True)
    weights = torch.rand(2, *path_maxima(field[0], 3).shape, generator=generator)
    (given,) = torch.autograd.grad((path_maxima(field, 3) * weights).sum(), field)
    rows, columns = weights.shape[-2:]
    plain = torch.stack(
        [
            torch.stack([field[:, y : y + rows, 2 + x : 2 + x + columns] for y, x in path]).amax(0)
            for group in path_groups(3)
            for path in group
        ],
        dim=1,
    )
    (expected,) = torch.autograd.grad((plain * weights).sum(), field)
    torch.testing.assert_close(given, expected)
