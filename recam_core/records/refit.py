"""What re-fitting both heads is asked for, and what comes of it."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from recam_core.records.checks import MOST_SEED, Limits, check_choice, check_finite, check_limits
from recam_core.records.names import OBJECTIVES, UserError

LAMBDA_LIMIT = 100.0
REFIT_LIMITS: Limits = {"steps": (1, 100_000), "batch_size": (1, 4096), "seed": (0, MOST_SEED)}


@dataclass(frozen=True)
class RefitConfig:
    """Both heads again on features that are kept: BCE + λ·SCE (ReCAM, arXiv 2203.00962, equation 5), from stage 1's FC1.

    λ is ``recam_weight``. With ``last_block`` the last block of the backbone learns too, from a copy of its own. Every
    λ starts from the same weights and takes the same steps over the same batches, which follow from ``seed``. Raises
    ``UserError`` for a value out of its range.
    """

    recam_weight: float = 1.0
    objective: str = "both"  # one of OBJECTIVES
    mask_gradient: bool = True  # does SCE teach FC1 too, through the mask?
    last_block: bool = False
    fc2_start: str = "positive"  # FC1's positive part; "fc1" is a copy of it
    steps: int = 128
    batch_size: int = 32
    fc1_rate: float = 4e-3
    fc2_rate: float = 4e-3
    block_rate: float = 5e-4
    weight_decay: float = 1e-2
    power: float = 0.9
    seed: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.recam_weight) and 0 <= self.recam_weight <= LAMBDA_LIMIT):
            raise UserError(
                f"The balance λ must be a number from 0 to {LAMBDA_LIMIT:g}; got {self.recam_weight}. The paper's are 1 (VOC) "
                "and 0.1 (COCO)."
            )
        check_choice(self, "objective", OBJECTIVES)
        check_choice(self, "fc2_start", ("positive", "fc1"))
        check_limits(self, REFIT_LIMITS)
        check_finite(self, "fc1_rate", "fc2_rate", "block_rate", "weight_decay", "power")


@dataclass(frozen=True)
class RefitStep:
    """One optimiser step on kept features: the losses of this batch."""

    step: int
    steps: int
    loss_bce: float
    loss_sce: float

    def __str__(self) -> str:
        return f"step {self.step}/{self.steps}  BCE {self.loss_bce:.4f}  SCE {self.loss_sce:.4f}"


@dataclass(frozen=True)
class SeedScore:
    """How good the maps of one readout are as seeds, fractions; ``threshold`` is the mean of the two that were used."""

    miou: float
    fp: float
    fn: float
    threshold: float


@dataclass(frozen=True, eq=False)
class Refit:
    """A head that was fitted again: its weights (K, D) by classifier, and the ``block``'s tensors where it learned too.

    ``scores`` has one entry a readout, ``cam`` included, or none where no picture has a mask. ``losses`` (steps, 2) are BCE and
    SCE of each step's batch.
    """

    config: RefitConfig
    head: dict[str, np.ndarray]
    block: dict[str, np.ndarray]
    scores: dict[str, SeedScore]
    losses: np.ndarray
    seconds: float

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return sum(array.nbytes for array in (*self.head.values(), *self.block.values()))

    def to_json(self) -> dict[str, Any]:
        """The figures, without the weights."""
        return {
            "recam_weight": self.config.recam_weight,
            "scores": {name: vars(score) for name, score in self.scores.items()},
            "losses": {"first": self._mean(self.losses[:8]), "last": self._mean(self.losses[-8:])},
            "seconds": round(self.seconds, 3),
        }

    @staticmethod
    def _mean(losses: np.ndarray) -> list[float]:
        return [round(float(value), 5) for value in losses.mean(axis=0)]

    def __str__(self) -> str:
        scored = "".join(f"  {name} {100 * score.miou:.1f}" for name, score in self.scores.items())
        return f"λ {self.config.recam_weight:g} fitted in {self.seconds:.2f} s  mIoU{scored or ' unknown: no masks'}"
