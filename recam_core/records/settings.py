"""Settings: frozen, checked when they are made, and the only place of their defaults."""

import math
from dataclasses import dataclass

from recam_core.records.checks import check_choice, check_finite, check_least
from recam_core.records.names import (
    CLIMB_RESULTS,
    OBJECTIVES,
    PALETTE_NAMES,
    REGULARISERS,
    SCALE_NAMES,
    STEP_RULES,
    UserError,
)


@dataclass(frozen=True)
class HeatmapOptions:
    """How a picture is looked at: at which size, at which scales, and with its mirror image or not.

    ``long_side`` is the working size in pixels: larger pictures are brought down to it, smaller ones stay.
    """

    scales: tuple[float, ...] = (1.0,)
    flip: bool = True
    long_side: int = 512

    def __post_init__(self) -> None:
        if not self.scales or not all(0.25 <= s <= 4 for s in self.scales):
            raise UserError(f"Scales must be numbers from 0.25 to 4, at least one; got {self.scales}.")
        if len(set(self.scales)) != len(self.scales):
            raise UserError(f"Every scale can be used once; got {self.scales}.")
        if not 32 <= self.long_side <= 2048:
            raise UserError(f"The working size must be 32 to 2048 pixels; got {self.long_side}.")


@dataclass(frozen=True)
class DisplayOptions:
    """How heatmaps are shown; none of it changes what was computed.

    ``threshold`` and ``opacity`` are in [0, 1]; ``scale`` is "each" (a map ends at its own maximum) or "together" (at the
    largest of the readout's classes); with ``grow`` the opacity grows with the value.
    """

    threshold: float = 0.3
    opacity: float = 0.6
    palette: str = "viridis"
    scale: str = "each"
    grow: bool = False

    def __post_init__(self) -> None:
        for name in ("threshold", "opacity"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"The {name} must be from 0 to 1; got {getattr(self, name)}.")
        for name, choices in (("palette", PALETTE_NAMES), ("scale", SCALE_NAMES)):
            if getattr(self, name) not in choices:
                raise UserError(f"The {name} must be one of {', '.join(choices)}; got {getattr(self, name)!r}.")


@dataclass(frozen=True)
class AdvCamOptions:
    """How a picture climbs in AdvCAM (Lee et al., CVPR 2021); the defaults are those of the reference code.

    ``steps`` T: how many maps are made, the first being that of the picture itself. ``xi`` ξ: size of a step, in units of
    the normalised picture. ``mu`` μ: weight of the regulariser. ``tau`` τ: the regulariser acts where a map exceeds this
    share of its own maximum. The three names choose between the code and the formula where they differ.
    """

    steps: int = 27
    xi: float = 0.08
    mu: float = 7.0
    tau: float = 0.5
    step_rule: str = "maximum"
    result: str = "accumulated"
    regulariser: str = "raw"

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 1000:
            raise UserError(
                f"The number of steps T must be 1 to 1000, where 1 is the ordinary map without a climb; got {self.steps}."
            )
        for name, letter in (("xi", "step size ξ"), ("mu", "weight μ")):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise UserError(f"The {letter} must be a finite number, 0 or more; got {getattr(self, name)}.")
        if not 0 <= self.tau <= 1:
            raise UserError(f"The mask threshold τ must be from 0 to 1 (not the number of steps T); got {self.tau}.")
        check_choice(self, "step_rule", STEP_RULES)
        check_choice(self, "result", CLIMB_RESULTS)
        check_choice(self, "regulariser", REGULARISERS)


MULTI_SCALE = (1.0, 0.5, 1.5, 2.0)  # the reference's four scales


@dataclass(frozen=True)
class TrainConfig:
    """A two-stage training run: stage 1 with BCE alone, stage 2 with BCE + λ·SCE (ReCAM, section 4).

    Rates are per group: the backbone, FC1 (w) and FC2 (w′). ``crop`` is the square side in pixels that a picture is
    randomly cropped to after its long side was drawn from ``long_side_min`` … ``long_side_max``.
    """

    dataset: str = "scenes"
    root: str = ""
    split: str = "train"
    backbone: str = "tiny"
    weights: str = "none"
    stage1: str = ""  # a trained model whose stage-1 network is taken as it is; then only stage 2 is trained
    stage1_epochs: int = 5
    stage2_epochs: int = 4
    batch_size: int = 16
    optimizer: str = "sgd"
    momentum: float = 0.9
    weight_decay: float = 1e-4
    power: float = 0.9
    backbone_rate: float = 0.1
    fc1_rate: float = 1.0
    stage2_backbone_rate: float = 5e-5
    stage2_fc1_rate: float = 5e-5
    fc2_rate: float = 5e-4
    recam_weight: float = 1.0
    objective: str = "both"  # of stage 2, one of OBJECTIVES
    mask_gradient: bool = True  # does SCE teach FC1 too, through the mask?
    fc1_start: str = "default"
    fc2_start: str = "default"  # "fc1" is a copy of FC1, "positive" its positive part
    long_side_min: int = 320
    long_side_max: int = 640
    crop: int = 512
    seed: int = 0
    workers: int = 0
    half: bool = False  # store weights in half precision

    def __post_init__(self) -> None:
        check_least(self, 1, "stage1_epochs", "stage2_epochs", "batch_size", "crop", "long_side_min")
        check_least(self, 0, "seed", "workers")
        check_finite(self, "backbone_rate", "fc1_rate", "stage2_backbone_rate", "stage2_fc1_rate", "fc2_rate")
        check_finite(self, "weight_decay", "recam_weight", "momentum", "power")
        check_choice(self, "optimizer", ("sgd", "adamw"))
        check_choice(self, "fc1_start", ("default", "imagenet"))
        check_choice(self, "fc2_start", ("default", "fc1", "positive"))
        check_choice(self, "objective", OBJECTIVES)
        if self.long_side_max < self.long_side_min:
            raise UserError(f"long_side_max ({self.long_side_max}) is below long_side_min ({self.long_side_min}).")
