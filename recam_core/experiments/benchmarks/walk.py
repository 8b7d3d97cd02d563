"""The walk: a sparse operator applied t times, against dense squaring as in the papers' code, and a jump to any t."""

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from recam_core.experiments.benchmarks.measure import Row, paired, peak_mib, timed
from recam_core.records import RandomWalkOptions
from recam_core.refiners.random_walk.transition import neighbours, transition
from recam_core.refiners.random_walk.walk import KeptWalk, RandomWalk

MAPS = 2
GRIDS = ((94, 125), (256, 256))  # of a picture of 375 × 500, and of 1024 × 1024
SMALL = ((32, 40), (48, 60))  # where the dense form is measured; it grows with the third power of the positions
OPTIONS = RandomWalkOptions()


def walk_rows(device: torch.device) -> Iterator[Row]:
    """Whole calls with their affinities at two sizes, and the time to reach one t of a walk that is there."""
    ours, plain = (form(*_case(*SMALL[0]), device) for form in (our_walk, plain_walk))
    assert np.abs(ours - plain).max() < 1e-4, "the two forms differ"
    dense = [_seconds(partial(plain_walk, *_case(*grid), device), device) for grid in SMALL]
    for grid in GRIDS:
        yield _row(grid, dense, device)
    yield from _any_t(device)


def our_walk(boundary: np.ndarray, maps: np.ndarray, device: torch.device) -> np.ndarray:
    """Affinities, operator, and the maps after all steps."""
    return RandomWalk(boundary, OPTIONS, device).at(maps, OPTIONS.steps)


def plain_walk(boundary: np.ndarray, maps: np.ndarray, device: torch.device) -> np.ndarray:
    """The same with a dense matrix (hw, hw) that is squared eight times, as the reference does."""
    matrix, _ = transition(neighbours(torch.from_numpy(boundary).to(device), OPTIONS.radius), OPTIONS.beta)
    power = matrix.to_dense()
    for _ in range(OPTIONS.steps.bit_length() - 1):
        power = power @ power
    start = torch.from_numpy((maps * (1 - boundary)).reshape(len(maps), -1).T.copy()).to(device)
    return (power @ start).T.cpu().numpy().reshape(maps.shape)


def _case(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((height, width), np.float32) ** 3, rng.random((MAPS, height, width), np.float32)


def _row(grid: tuple[int, int], dense: list[float], device: torch.device) -> Row:
    boundary, maps = _case(*grid)
    seconds, _, spread = paired(partial(our_walk, boundary, maps, device), lambda: None, 5)
    sizes = [height * width for height, width in SMALL]
    positions = grid[0] * grid[1]
    plain = dense[-1] * (positions / sizes[-1]) ** 3
    grown = np.log(dense[1] / dense[0]) / np.log(sizes[1] / sizes[0])
    small, large = (f"{height}×{width}" for height, width in SMALL)
    note = (
        f"K = {MAPS}, t = {OPTIONS.steps}, with affinities; {spread.split(', other')[0]} / dense squaring, extrapolated from "
        f"{large} ({dense[1]:.2f} s) with the third power of the positions (from {small} to there it grew with the power "
        f"{grown:.1f}); its memory is that of two such matrices"
    )
    return Row(
        f"walk/{grid[0]}x{grid[1]}",
        f"{grid[0]}×{grid[1]} positions",
        seconds,
        plain,
        plain / seconds,
        ours_mib=peak_mib(partial(our_walk, boundary, maps, device)),
        plain_mib=2 * positions**2 * 4 / 2**20,
        note=note,
    )


def _any_t(device: torch.device) -> Iterator[Row]:
    boundary, maps = _case(*GRIDS[0])
    walk = RandomWalk(boundary, OPTIONS, device)
    frames = KeptWalk(walk, maps)
    shape = f"{GRIDS[0][0]}×{GRIDS[0][1]} positions"
    yield timed("walk/kept-t", shape, partial(frames.at, OPTIONS.steps), "any t of a walk whose steps are kept", 9)
    jumped, bound = walk.jump(maps, OPTIONS.steps)
    error = float(np.abs(jumped - walk.at(maps, OPTIONS.steps)).max())
    note = f"Chebyshev polynomials, series cut off within {bound:.0e}, {error:.0e} from the repeated product"
    yield timed("walk/jump", shape, partial(walk.jump, maps, OPTIONS.steps), f"t = {OPTIONS.steps} at once: {note}", 9)


def _seconds(call: Callable[[], Any], device: torch.device, rounds: int = 3) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times)
