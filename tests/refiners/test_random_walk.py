"""The random walk by hand, its shortcuts against it, and everything that can be wrong with its input."""

import warnings

import numpy as np
import pytest

from recam_core.records import CamResult, RandomWalkOptions, UserError
from recam_core.refiners.random_walk.walk import KeptWalk, RandomWalk, walk

NEAR = RandomWalkOptions(radius=2, beta=1.0, steps=3)


def random_case(height=9, width=11, maps=2, seed=0):
    rng = np.random.default_rng(seed)
    boundary = rng.random((height, width)).astype(np.float32) ** 3
    return boundary, rng.random((maps, height, width)).astype(np.float32)


def dense(walk):
    """D⁻¹ A^β from the affinities that the walk tells, in float64."""
    height, width = walk.shape
    a = np.stack([walk.affinities(i // width, i % width).ravel() for i in range(height * width)]).astype(float)
    a = np.where(a > 0, a**walk.options.beta, 0)
    return a / a.sum(1, keepdims=True), a.sum(1)


def test_three_positions_in_a_row_by_hand():
    # B = 0, ½, 0: both pairs of neighbours touch the middle, so a = ½; the ends are 2 apart, which is no pair for radius 2
    walker = RandomWalk(np.array([[0, 0.5, 0]]), NEAR)
    assert walker.neighbours == 7
    np.testing.assert_allclose(walker.affinities(0, 0), [[1, 0.5, 0]])
    np.testing.assert_allclose(walker.affinities(0, 1), [[0.5, 1, 0.5]])
    start = np.array([[[1.0, 1.0, 0.0]]])
    np.testing.assert_allclose(walker.gate(start), [[[1, 0.5, 0]]])
    # t = 1: (1 + ½·½)/1½, (½·1 + ½ + 0)/2, (½·½ + 0)/1½
    np.testing.assert_allclose(walker.at(start, 1), [[[5 / 6, 1 / 2, 1 / 6]]], rtol=1e-6)
    np.testing.assert_allclose(
        walker.at(start, 2), [[[(5 / 6 + 1 / 4) / 1.5, 1 / 2, (1 / 6 + 1 / 4) / 1.5]]], rtol=1e-6
    )


def test_a_diagonal_sees_all_four_positions_of_its_box():
    walker = RandomWalk(np.array([[0.0, 0.9], [0.2, 0.0]]), NEAR)
    np.testing.assert_allclose(walker.affinities(0, 0), [[1, 0.1], [0.8, 0.1]], rtol=1e-6)
    np.testing.assert_allclose(walker.affinities(1, 1), [[0.1, 0.1], [0.8, 1]], rtol=1e-6)


def test_beta_makes_weak_affinities_weaker():
    walker = RandomWalk(np.array([[0.0, 0.5]]), RandomWalkOptions(2, 3.0, 1))
    np.testing.assert_allclose(walker.at(np.array([[[1.0, 0.0]]]), 1), [[[8 / 9, 1 / 9]]], rtol=1e-6)


def test_a_constant_map_stays_constant_and_values_stay_between_the_extremes():
    boundary, maps = random_case()
    free = RandomWalk(np.zeros_like(boundary))
    np.testing.assert_allclose(free.at(np.full_like(maps, 0.7), 256), 0.7, rtol=1e-4)
    walker = RandomWalk(boundary)
    start, end = walker.gate(maps), walker.at(maps, 40)
    assert (end <= start.max((1, 2), keepdims=True) * (1 + 1e-5)).all()
    assert (end >= start.min((1, 2), keepdims=True) * (1 - 1e-5)).all()
    assert end.std() < start.std()


def test_steps_agree_with_a_dense_matrix():
    boundary, maps = random_case()
    walker = RandomWalk(boundary, RandomWalkOptions(4, 2.5, 6))
    matrix, _ = dense(walker)
    expected = walker.gate(maps).reshape(2, -1).astype(float)
    for t, walked in enumerate(walker.steps(maps)):
        np.testing.assert_allclose(walked.reshape(2, -1), expected, atol=1e-6)
        np.testing.assert_array_equal(walker.at(maps, t), walked)
        expected = expected @ matrix.T


def test_both_vectors_of_a_position_come_from_one_walk():
    boundary, _ = random_case(6, 7)
    walker = RandomWalk(boundary, RandomWalkOptions(3, 4.0, 5))
    matrix, _ = dense(walker)
    power = np.linalg.matrix_power(matrix, 5)
    i = 2 * 7 + 4
    flow = walker.flow(2, 4, 5)
    np.testing.assert_allclose(flow.goes_to.ravel(), power[:, i], atol=1e-6)
    np.testing.assert_allclose(flow.comes_from.ravel(), power[i], atol=1e-6)
    assert flow.comes_from.sum() == pytest.approx(1, abs=1e-5)
    assert abs(flow.goes_to - flow.comes_from).max() > 1e-3  # they are not the same
    at_once = walker.flow(2, 4, 0)
    assert at_once.goes_to.sum() == at_once.comes_from.sum() == at_once.goes_to[2, 4] == 1


@pytest.mark.parametrize("t", [0, 1, 2, 7, 256, 3001])
def test_a_jump_stays_within_its_bound(t):
    boundary, maps = random_case(12, 15)
    walker = RandomWalk(boundary)
    truth = walker.gate(maps).reshape(2, -1) @ np.linalg.matrix_power(dense(walker)[0], t).T
    jumped, bound = walker.jump(maps, t, 1e-5)
    assert bound <= 1e-5
    rounding = 2e-5 + 1.2e-7 * t  # of the operator itself, a float32 matrix, in every step
    assert abs(jumped.reshape(2, -1) - truth).max() <= bound + rounding


def test_a_jump_is_no_longer_than_it_must_be():
    boundary, maps = random_case()
    coarse, bound = RandomWalk(boundary).jump(maps, 256, 0.05)
    assert 1e-4 < bound <= 0.05
    assert abs(coarse - RandomWalk(boundary).at(maps, 256)).max() <= bound


def test_kept_steps_are_the_steps_and_what_does_not_fit_is_jumped_to():
    boundary, maps = random_case()
    walker = RandomWalk(boundary, RandomWalkOptions(steps=16))
    stored = KeptWalk(walker, maps)
    for t, walked in enumerate(walker.steps(maps)):
        np.testing.assert_array_equal(stored.at(t)[0], walked)
        assert stored.at(t)[1] == 0
    far, error = stored.at(40)  # beyond the last kept step
    assert 0 < error <= 1e-6
    np.testing.assert_allclose(far, walker.at(maps, 40), atol=2e-5)
    small = KeptWalk(walker, maps, most_bytes=1000)
    np.testing.assert_allclose(small.at(5)[0], walker.at(maps, 5), atol=1e-5)
    assert not np.array_equal(small.at(16)[0], stored.at(16)[0])  # the one rounds otherwise than the other


def test_the_events_of_a_result():
    boundary, maps = random_case()
    result = CamResult(np.zeros((33, 41, 3), np.uint8), ("cat", "dog"), np.ones(2), maps, maps, maps, "w")
    events = list(walk(result, boundary, NEAR))
    assert [event.t for event in events] == [0, 1, 2, 3]
    assert events[0].classes == ("cat", "dog")
    np.testing.assert_array_equal(events[0].maps, maps * (1 - boundary))
    np.testing.assert_array_equal(events[3].maps, RandomWalk(boundary, NEAR).at(maps, 3))
    assert "step 3/3" in str(events[3])
    assert events[3].to_json()["t"] == 3


def test_walls_everywhere_leave_nothing_and_no_warning():
    maps = np.ones((2, 5, 6), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        end = RandomWalk(np.ones((5, 6))).at(maps, 256)
    np.testing.assert_array_equal(end, 0)


def test_an_isolated_position_keeps_its_heat_to_itself():
    boundary = np.zeros((5, 5), np.float32)
    boundary[1:4, 1:4] = 1
    boundary[2, 2] = 0  # walled in
    maps = np.zeros((1, 5, 5), np.float32)
    maps[0, 2, 2] = 1
    end = RandomWalk(boundary).at(maps, 100)
    assert end[0, 2, 2] == 1
    assert end.sum() == 1


def test_beta_zero_makes_all_neighbours_alike_also_behind_a_wall():
    walker = RandomWalk(np.array([[0.0, 1.0, 0.0]]), RandomWalkOptions(2, 0.0, 1))
    np.testing.assert_allclose(walker.at(np.array([[[1.0, 0.0, 0.0]]]), 1), [[[1 / 2, 1 / 3, 0]]], rtol=1e-6)


def test_a_radius_beyond_the_picture_and_a_single_position():
    boundary, maps = random_case(3, 4)
    wide = RandomWalk(boundary, RandomWalkOptions(16, 1.0, 2))
    assert wide.neighbours == (3 * 4) ** 2  # everybody is everybody's neighbour
    assert np.isfinite(wide.at(maps, 2)).all()
    np.testing.assert_array_equal(RandomWalk(np.zeros((1, 1))).at(np.full((1, 1, 1), 0.3), 9), np.float32([[[0.3]]]))


def test_no_maps_are_no_maps():
    walker = RandomWalk(np.zeros((4, 5)))
    nothing = np.zeros((0, 4, 5), np.float32)
    assert walker.at(nothing, 3).shape == walker.jump(nothing, 300)[0].shape == (0, 4, 5)


def test_pictures_larger_than_512_are_not_cropped():
    walker = RandomWalk(np.zeros((200, 3), np.float32), RandomWalkOptions(steps=1))
    maps = np.zeros((1, 200, 3), np.float32)
    maps[0, 199] = 1
    assert walker.at(maps, 1)[0, 199].min() > 0


@pytest.mark.parametrize(
    "boundary", [np.zeros((2, 2, 2)), np.zeros((0, 4)), np.full((3, 3), np.nan), np.full((3, 3), 1.5)]
)
def test_what_is_no_boundary_map_is_refused(boundary):
    with pytest.raises(UserError, match="boundary map must"):
        RandomWalk(boundary)


def test_maps_that_do_not_fit_are_refused():
    walker = RandomWalk(np.zeros((4, 5)))
    with pytest.raises(UserError, match=r"\(n, 4, 5\)"):
        walker.at(np.zeros((1, 5, 4)), 1)
    with pytest.raises(UserError, match="not finite"):
        next(walker.steps(np.full((1, 4, 5), np.nan)))
    with pytest.raises(UserError, match="4 rows and 5 columns"):
        walker.flow(4, 0, 1)
    with pytest.raises(UserError, match="256 = 2⁸"):
        walker.at(np.zeros((1, 4, 5)), -1)
