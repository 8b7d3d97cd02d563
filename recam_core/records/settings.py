"""Settings: frozen, checked when they are made, and the only place of their defaults."""

from dataclasses import dataclass

from recam_core.records.checks import MOST_RATE, check_choice
from recam_core.records.names import (
    CLIMB_RESULTS,
    PALETTE_NAMES,
    REGULARISERS,
    SCALE_NAMES,
    STEP_RULES,
    UserError,
)

LARGEST_LOOK = 4096  # pixels of the long side that a network sees
MOST_SCALES = 16


@dataclass(frozen=True)
class Calibration:
    """How a model's logits become probabilities that can be believed (temperature scaling, Guo et al., arXiv 1706.04599).

    Logits are divided by ``temperature``; a class is preselected on the pages above probability ``preselect``. Raises
    ``UserError`` for a value out of its range.
    """

    temperature: float = 1.0
    preselect: float = 0.5

    def __post_init__(self) -> None:
        if not 0.01 <= self.temperature <= 100:
            raise UserError(f"The temperature of probabilities must be 0.01 to 100; got {self.temperature}.")
        if not 0 <= self.preselect <= 1:
            raise UserError(f"The probability of preselected classes must be 0 to 1; got {self.preselect}.")


@dataclass(frozen=True)
class HeatmapOptions:
    """How a picture is looked at: at which size, at which scales, and with its mirror image or not.

    ``long_side`` is the working size in pixels: larger pictures are brought down to it, smaller ones stay. Maps are resized as
    in the reference, to the size rounded up to a multiple of 16, and cropped; with ``stretch`` to the picture's own size, as
    other libraries do. Raises ``UserError`` for a value out of its range.
    """

    scales: tuple[float, ...] = (1.0,)
    flip: bool = True
    long_side: int = 512
    stretch: bool = False

    def __post_init__(self) -> None:
        if not self.scales or not all(0.25 <= s <= 4 for s in self.scales):
            raise UserError(f"Scales must be numbers from 0.25 to 4, at least one; got {self.scales}.")
        if len(set(self.scales)) != len(self.scales):
            raise UserError(f"Every scale can be used once; got {self.scales}.")
        if not 32 <= self.long_side <= 2048:
            raise UserError(f"The working size must be 32 to 2048 pixels; got {self.long_side}.")
        if max(self.scales) * self.long_side > LARGEST_LOOK or len(self.scales) > MOST_SCALES:
            raise UserError(
                f"At most {MOST_SCALES} scales can be added, and the largest times the working size may be {LARGEST_LOOK} "
                f"pixels; got {len(self.scales)} of at most {max(self.scales):g} at {self.long_side} pixels."
            )


@dataclass(frozen=True)
class DisplayOptions:
    """How heatmaps are shown; none of it changes what was computed.

    ``threshold`` and ``opacity`` are in [0, 1]; ``scale`` is "each" (a map ends at its own maximum) or "together" (at the
    largest of the readout's classes); with ``grow`` the opacity grows with the value. Raises ``UserError`` for a value out of
    its range.
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
    """How a picture climbs in AdvCAM (Lee et al., CVPR 2021, arXiv 2103.08896); the defaults are those of the reference code.

    x ← x + ξ ∇ₓ (y_k − Σ_{j≠k} y_j − μ ‖M ⊗ |map_t − map_0|‖₁), y as in equation 4. ``steps`` T: how many maps are made, the
    first being that of the picture itself. ``xi`` ξ: size of a step, in units of the normalised picture. ``mu`` μ: weight of
    the regulariser. ``tau`` τ: the regulariser acts where a map exceeds this share of its own maximum. The three names choose
    between the code and the formula where they differ. Raises ``UserError`` for a value out of its range.
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
            if not 0 <= getattr(self, name) <= MOST_RATE:
                raise UserError(f"The {letter} must be a number from 0 to {MOST_RATE:g}; got {getattr(self, name)}.")
        if not 0 <= self.tau <= 1:
            raise UserError(f"The mask threshold τ must be from 0 to 1 (not the number of steps T); got {self.tau}.")
        check_choice(self, "step_rule", STEP_RULES)
        check_choice(self, "result", CLIMB_RESULTS)
        check_choice(self, "regulariser", REGULARISERS)


MULTI_SCALE = (1.0, 0.5, 1.5, 2.0)  # the reference's four scales
