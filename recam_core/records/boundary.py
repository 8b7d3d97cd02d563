"""What the training of boundary branches is asked for, and what it says (IRN, Ahn et al., CVPR 2019, arXiv 1904.05044)."""

from dataclasses import dataclass

from recam_core.records.checks import MOST_SEED, Limits, check_choice, check_finite, check_limits
from recam_core.records.names import UserError
from recam_core.records.walk import MAX_RADIUS

BOUNDARIES = {
    "learned": "learned from this model's own seeds, without any mask",
    "gradient": "edges of the picture itself, nothing learned: the baseline",
}
SEED_REFINEMENTS = {
    "none": "seeds as they are",
    "pamr": "pixel-adaptive mask refinement (Araslanov & Roth, CVPR 2020)",
    "crf": "dense CRF, as the reference; needs the extra package pydensecrf2",
}
BOUNDARY_LIMITS: Limits = {
    "epochs": (1, 10_000),
    "batch_size": (1, 4096),
    "crop": (1, 2048),
    "long_side": (32, 2048),
    "workers": (0, 64),
    "seed": (0, MOST_SEED),
}


@dataclass(frozen=True)
class BoundaryConfig:
    """How boundary branches are trained on the frozen stage-2 backbone; the defaults are those of the reference code.

    (IRN, arXiv 1904.05044, section 4.) ``readout`` makes the seeds. ``foreground`` and ``background`` are the two thresholds of
    confident labels: above the first a pixel is its class, below the second it is background, between them it counts for
    nothing. Crops of side ``crop`` are taken from pictures scaled by ``scale_min`` … ``scale_max``; pairs nearer than
    ``radius`` on the quarter-size grid are compared. Raises ``UserError`` for a value out of its range.
    """

    dataset: str = "scenes"
    root: str = ""
    split: str = "train"
    readout: str = "w"
    foreground: float = 0.35
    background: float = 0.10
    refinement: str = "none"
    multi_scale: bool = False
    long_side: int = 512
    epochs: int = 3
    batch_size: int = 32
    rate: float = 0.1
    displacement_rate: float = 1.0
    momentum: float = 0.9
    weight_decay: float = 1e-4
    power: float = 0.9
    crop: int = 512
    scale_min: float = 0.5
    scale_max: float = 1.5
    radius: int = 10
    seed: int = 0
    workers: int = 0
    half: bool = False  # store the pair in half precision, as its networks were

    def __post_init__(self) -> None:
        check_limits(self, BOUNDARY_LIMITS)
        check_finite(self, "rate", "displacement_rate", "momentum", "weight_decay", "power")
        check_choice(self, "refinement", SEED_REFINEMENTS)
        if not 0 < self.scale_min <= self.scale_max <= 4:
            raise UserError(f"Scales must be above 0, up to 4, and in order; got {self.scale_min} to {self.scale_max}.")
        if not 0 <= self.background <= self.foreground <= 1:
            raise UserError(
                "The thresholds of confident labels must be 0 ≤ background ≤ foreground ≤ 1; "
                f"got {self.background} and {self.foreground}."
            )
        if not 2 <= self.radius <= MAX_RADIUS:
            raise UserError(f"The radius must be 2 to {MAX_RADIUS} positions of the grid; got {self.radius}.")
        if self.crop % 4 or self.crop // 4 < 2 * self.radius - 1:
            raise UserError(
                f"The crop must be a multiple of 4 and at least {4 * (2 * self.radius - 1)} pixels for a radius of "
                f"{self.radius}; got {self.crop}."
            )


@dataclass(frozen=True)
class BoundaryEpoch:
    """An epoch of boundary branches is done and its checkpoint is on disk; the terms are means over its steps."""

    epoch: int
    epochs: int
    positive: float
    negative: float
    displacement: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"epoch {self.epoch + 1}/{self.epochs} done in {self.seconds:.1f} s  same {self.positive:.4f}"
            f"  different {self.negative:.4f}  displacement {self.displacement:.4f}"
        )


@dataclass(frozen=True)
class BoundaryStep:
    """One optimiser step: the terms of the loss over this batch (golden part 3) and the learning rate."""

    epoch: int
    step: int
    steps: int
    positive: float  # pairs of one label: no boundary between them
    negative: float  # pairs of two labels: a boundary between them
    displacement: float
    rate: float

    def __str__(self) -> str:
        return (
            f"epoch {self.epoch + 1} step {self.step}/{self.steps}  same {self.positive:.4f}  different {self.negative:.4f}"
            f"  displacement {self.displacement:.4f}  rate {self.rate:.2e}"
        )
