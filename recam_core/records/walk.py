"""What a random walk is asked for, and what it says (IRN, Ahn et al., CVPR 2019, arXiv 1904.05044)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from recam_core.records.names import UserError

MAX_RADIUS = 16  # 392 neighbours on each half; memory and time grow with the square
MAX_STEPS = 65536
MAX_BETA = 1000.0


@dataclass(frozen=True)
class RandomWalkOptions:
    """How heat walks (IRN, Ahn et al., CVPR 2019, arXiv 1904.05044, equation 6); the defaults are those of the reference.

    ``radius``: positions nearer than this on the quarter-size grid are neighbours. ``beta`` β: affinities are raised to it,
    so that weak ones count less; 0 makes all neighbours alike. ``steps`` t: how often the transition is applied. The
    reference's ``exp_times = 8`` are squarings: 2⁸ = 256 steps. Raises ``UserError`` for a value out of its range.
    """

    radius: int = 5
    beta: float = 10.0
    steps: int = 256

    def __post_init__(self) -> None:
        if not 2 <= self.radius <= MAX_RADIUS:
            raise UserError(f"The radius must be 2 to {MAX_RADIUS} positions of the grid; got {self.radius}.")
        if not 0 <= self.beta <= MAX_BETA:
            raise UserError(f"β must be a number from 0 to {MAX_BETA:g}; got {self.beta}.")
        if not 0 <= self.steps <= MAX_STEPS:
            raise UserError(
                f"The number of steps t must be 0 to {MAX_STEPS} (256 = 2⁸ in the reference, not 8); got {self.steps}."
            )


@dataclass(frozen=True, eq=False)
class WalkStep:
    """The maps of n classes after t steps, (n, h, w) float32, in the units of the start maps, on the refiner's own grid."""

    t: int
    steps: int
    classes: tuple[str, ...]
    maps: np.ndarray
    seconds: float  # that this step took

    def to_json(self) -> dict[str, Any]:
        """The figures of the step, without its maps."""
        return {
            "t": self.t,
            "steps": self.steps,
            "classes": list(self.classes),
            "peaks": [round(float(peak), 6) for peak in self.maps.max(axis=(1, 2))],
            "seconds": round(self.seconds, 5),
        }

    def __str__(self) -> str:
        peaks = "".join(
            f"  {name}: peak {peak:.3f}" for name, peak in zip(self.classes, self.maps.max(axis=(1, 2)), strict=True)
        )
        return f"step {self.t}/{self.steps}{peaks}"


@dataclass(frozen=True, eq=False)
class Flow:
    """Where the heat of one position (row, column of the grid) is after t steps, and where the heat at it came from.

    ``goes_to`` (h, w): weight of this position's starting heat in the value of every other one after t steps.
    ``comes_from`` (h, w): weight of every position's starting heat in this one's value; sums to 1. They differ by the
    column sums of A^β (``RandomWalk.flow``).
    """

    row: int
    column: int
    t: int
    goes_to: np.ndarray
    comes_from: np.ndarray
