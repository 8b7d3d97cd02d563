"""The random walk: heat spreads between neighbours and is held back by boundaries (IRN, arXiv 1904.05044; golden part 2)."""

import math
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from recam_core.records import CamResult, Flow, RandomWalkOptions, UserError, WalkStep
from recam_core.refiners.random_walk.transition import neighbours, power_series, transition

MOST_BYTES = 256 * 2**20  # of a walk whose steps are all kept: 256 steps of two maps of 94 × 125 take 24 MB


class RandomWalk:
    """One boundary map's walk: vec(M′) = (D⁻¹ A^β)ᵗ vec(M ⊗ (1 − B)) (IRN, arXiv 1904.05044, equation 6; golden part 2).

    ``boundary`` B is (h, w) in [0, 1] on the quarter-size grid. The operator is a sparse matrix that is applied again and
    again, where IRN's ``propagate_to_edge`` squares a dense one; nothing of it changes afterwards, so threads may share a walk.
    Maps are (n, h, w) float32, n may be 0. Raises ``UserError`` for other shapes, for values that are not finite or out of
    range, and where the device's memory does not suffice.
    """

    def __init__(
        self, boundary: np.ndarray, options: RandomWalkOptions | None = None, device: str | torch.device = "cpu"
    ) -> None:
        self.options = options or RandomWalkOptions()
        self.boundary = _checked_boundary(boundary)
        self.shape: tuple[int, int] = (int(self.boundary.shape[0]), int(self.boundary.shape[1]))
        self.device = torch.device(device)
        try:
            with torch.no_grad():
                self._pairs = neighbours(torch.from_numpy(self.boundary).to(self.device), self.options.radius)
                self._matrix, self._sums = transition(self._pairs, self.options.beta)
        except torch.OutOfMemoryError as error:
            raise UserError(
                f"The memory of {device} does not hold the neighbours of {self.shape[0]} × {self.shape[1]} positions within "
                f"radius {self.options.radius}; choose a smaller radius, a smaller working size, or the CPU."
            ) from error
        self.neighbours = len(self._pairs.column)  # pairs, in both directions, and every position with itself

    def gate(self, maps: np.ndarray) -> np.ndarray:
        """The start of a walk, t = 0: maps ⊗ (1 − B). The boundaries are taken out once, here, and never again."""
        return self._checked(maps) * (1 - self.boundary)

    def steps(self, maps: np.ndarray) -> Iterator[np.ndarray]:
        """The maps at t = 0, 1, … ``options.steps``; the first are ``gate(maps)``."""
        heat = self._columns(self.gate(maps))
        yield self._maps(heat)
        for _ in range(self.options.steps):
            heat = self._apply(heat)
            yield self._maps(heat)

    def at(self, maps: np.ndarray, t: int) -> np.ndarray:
        """The maps after ``t`` steps, one product a step."""
        return self._maps(self._walked(self._columns(self.gate(maps)), t))

    def jump(self, maps: np.ndarray, t: int, tolerance: float = 1e-6) -> tuple[np.ndarray, float]:
        """The maps after ``t`` steps with about √t products, and a bound of what the series left out, at most ``tolerance``.

        xᵗ expands in Chebyshev polynomials, of which few matter. The operator is symmetric in the inner product weighted by
        the sums d, so the terms left out weigh at most their coefficients' sum there, which bounds every value. On top
        comes the rounding of a float32 operator, up to 4e-7 a step as measured, as in `at`.
        """
        start = self._columns(self.gate(maps))
        norm = float((self._sums[:, None] * start.square()).sum(0).amax().sqrt()) if start.shape[1] else 0.0
        norm /= math.sqrt(float(self._sums.min()))
        coefficients, tail = power_series(_checked_steps(t), tolerance / norm if norm > 0 else 1.0)
        before, now = start, self._apply(start) if len(coefficients) > 1 else start
        total = coefficients[0] * before
        for k, coefficient in enumerate(coefficients[1:], start=1):
            if k > 1:
                before, now = now, 2 * self._apply(now) - before
            if coefficient:
                total += coefficient * now
        return self._maps(total), tail * norm

    def affinities(self, row: int, column: int) -> np.ndarray:
        """a_ij of one position to every other, (h, w), without β: 1 at itself, 0 behind a boundary and beyond the radius."""
        places, values = self._pairs.row(self._index(row, column))
        grid_values = torch.zeros(self.shape[0] * self.shape[1], device=self.device)
        grid_values[places.long()] = values
        return grid_values.view(self.shape).cpu().numpy()

    def flow(self, row: int, column: int, t: int) -> Flow:
        """Where the heat of a position is after ``t`` steps, and where the heat at it came from, by one walk.

        With P = D⁻¹ A^β: ``goes_to`` is column i of Pᵗ, ``comes_from`` its row i; d_i (Pᵗ)ᵢⱼ = d_j (Pᵗ)ⱼᵢ, as A is symmetric.
        """
        i = self._index(row, column)
        one = torch.zeros(len(self._sums), 1, device=self.device)
        one[i] = 1
        goes = self._walked(one, t)[:, 0]
        comes = goes * self._sums / self._sums[i]
        there, back = (vector.view(self.shape).cpu().numpy() for vector in (goes, comes))
        return Flow(row, column, t, there, back)

    def _apply(self, heat: Tensor) -> Tensor:
        with torch.no_grad():
            return self._matrix @ heat

    def _walked(self, heat: Tensor, t: int) -> Tensor:
        for _ in range(_checked_steps(t)):
            heat = self._apply(heat)
        return heat

    def _columns(self, maps: np.ndarray) -> Tensor:
        return torch.from_numpy(maps.reshape(len(maps), self.boundary.size).T.copy()).to(self.device)

    def _maps(self, heat: Tensor) -> np.ndarray:
        return np.ascontiguousarray(heat.T.cpu().numpy()).reshape(-1, *self.shape)

    def _checked(self, maps: np.ndarray) -> np.ndarray:
        maps = np.asarray(maps, np.float32)
        if maps.ndim != 3 or maps.shape[1:] != self.shape:
            raise UserError(
                f"Maps must be (n, {self.shape[0]}, {self.shape[1]}), the size of the boundary map; got {maps.shape}."
            )
        if not np.isfinite(maps).all():
            raise UserError("The start map has values that are not finite; make it again, or use another model.")
        return maps

    def _index(self, row: int, column: int) -> int:
        height, width = self.shape
        if not (0 <= row < height and 0 <= column < width):
            raise UserError(f"The grid has {height} rows and {width} columns; got row {row}, column {column}.")
        return row * width + column


class KeptWalk:
    """All steps of a walk from some maps, so that any t is there at once; past ``most_bytes`` it jumps instead."""

    def __init__(self, walk: RandomWalk, maps: np.ndarray, most_bytes: int = MOST_BYTES) -> None:
        self.walk, self.maps = walk, maps
        fits = (walk.options.steps + 1) * walk.gate(maps).nbytes <= most_bytes
        self._frames = tuple(walk.steps(maps)) if fits else ()

    def at(self, t: int) -> tuple[np.ndarray, float]:
        """The maps (n, h, w) after ``t`` steps, and a bound of their error: 0 for those that are kept."""
        return (self._frames[t], 0.0) if 0 <= t < len(self._frames) else self.walk.jump(self.maps, t)


def walk(
    result: CamResult,
    boundary: np.ndarray,
    options: RandomWalkOptions | None = None,
    device: str | torch.device = "cpu",
) -> Iterator[WalkStep]:
    """The maps of a readout (its quarter-size grid) on their walk, from t = 0; closing the iterator frees everything.

    ``boundary`` B is (h, w) in [0, 1]; see `RandomWalk` for the equation, and `walked_result` for the way back to the picture.
    Raises ``UserError`` for another shape and for values that are not finite.

    ```python
    explanation = recam.explain("scene-fish-boat", model="scenes")
    boundary = recam.boundary_map(recam.load_pair("scenes"), explanation["w"].picture, "gradient")
    *_, last = recam.walk(explanation["w"], boundary, recam.RandomWalkOptions(steps=32))
    walked = recam.walked_result(explanation["w"], last.maps)
    ```
    """
    walker = RandomWalk(boundary, options, device)
    steps = walker.steps(result.grid)
    for t in range(walker.options.steps + 1):
        start = time.perf_counter()
        maps = next(steps)
        yield WalkStep(t, walker.options.steps, result.classes, maps, time.perf_counter() - start)


def _checked_boundary(boundary: np.ndarray) -> np.ndarray:
    boundary = np.ascontiguousarray(boundary, np.float32)
    if boundary.ndim != 2 or boundary.size == 0:
        raise UserError(f"A boundary map must be (h, w), with at least one position; got {boundary.shape}.")
    if not (np.isfinite(boundary).all() and boundary.min() >= 0 and boundary.max() <= 1):
        raise UserError(
            "A boundary map must hold finite values from 0 to 1; make it again, or choose the gradient map."
        )
    return boundary


def _checked_steps(t: int) -> int:
    return RandomWalkOptions(steps=t).steps
