"""Golden part 2: affinities, transition, and the walk at 2⁰ … 2⁸ steps."""

import numpy as np
import pytest
import torch

from recam_core.records import RandomWalkOptions
from recam_core.refiners.random_walk.transition import neighbours, transition
from recam_core.refiners.random_walk.walk import RandomWalk

SQUARINGS = (0, 1, 2, 4, 8)


def options(v, squarings=0):
    return RandomWalkOptions(int(v["radius"]), float(v["beta"]), 2**squarings)


def test_affinities_of_every_pair(golden):
    v = golden("irn_affinity_small")
    walk = RandomWalk(v["edge"][0], options(v))
    height, width = walk.shape
    dense = np.stack([walk.affinities(i // width, i % width).ravel() for i in range(height * width)])
    np.testing.assert_allclose(dense, v["dense_cropped"], atol=1e-6)
    np.testing.assert_array_equal(dense, dense.T)


def test_the_transition_and_its_powers(golden):
    v = golden("irn_affinity_small")
    matrix, sums = transition(neighbours(torch.from_numpy(v["edge"][0]), int(v["radius"])), float(v["beta"]))
    np.testing.assert_allclose(sums, (v["dense_cropped"] ** float(v["beta"])).sum(0), rtol=1e-5)
    columns = matrix.to_dense().double()
    for squarings in SQUARINGS:
        power = torch.linalg.matrix_power(columns, 2**squarings).T  # golden's T acts on row vectors
        np.testing.assert_allclose(power, v[f"trans_mat_t{squarings}"], atol=1e-4)


@pytest.mark.parametrize("edges", ["rand", "bin"])
@pytest.mark.parametrize("grid", ["p0", "p1", "p2"])
def test_the_walk(golden, grid, edges):
    v = golden(f"irn_propagate_{grid}_{edges}")
    walk = RandomWalk(v["edge"][0], options(v, 8))
    steps = list(walk.steps(v["cam"]))
    for squarings in SQUARINGS:
        t, wanted = 2**squarings, v[f"out_t{squarings}"][:, 0]
        np.testing.assert_allclose(steps[t], wanted, atol=1e-4)
        np.testing.assert_allclose(walk.at(v["cam"], t), wanted, atol=1e-4)
        np.testing.assert_allclose(walk.jump(v["cam"], t)[0], wanted, atol=1e-4)
