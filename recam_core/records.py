"""Every value that crosses a boundary: names, settings, results, events and the error meant for people.

Settings are frozen dataclasses and hold the only defaults; results are detached numpy arrays on the CPU.
This module imports no torch, so a page can read it without loading the engine.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

CAM = "cam"
RECAM_READOUTS = ("w", "wprime", "sum", "product")
READOUTS = (CAM, *RECAM_READOUTS)
READOUT_LABELS = {"cam": "CAM", "w": "w", "wprime": "w′", "sum": "w⊕w′", "product": "w⊗w′"}

EMPTY_TEXT = "empty: this readout finds no positive evidence for the class anywhere in the picture."

STEP_RULES = {
    "maximum": "gradient over its largest value, held in the picture's own range: the reference code",
    "plain": "ξ times the gradient, unbounded: the paper's formula",
}
CLIMB_RESULTS = {
    "accumulated": "the sum of the maps of all steps: the reference code",
    "last": "the map of the last step alone",
}
REGULARISERS = {
    "raw": "differences of maps in their own units: the reference code",
    "normalised": "differences of maps divided by their own maximum: the paper's formula",
}

PALETTE_NAMES = ("viridis", "inferno", "cividis", "paper")
SCALE_NAMES = ("each", "together")

IGNORE = 255  # label value of pixels that count neither for nor against
EPSILON = 1e-5  # what the reference adds to a maximum before dividing by it


class UserError(ValueError):
    """A message for the person at the screen: what was expected, what came, what to do."""


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
        for name, choices in (("step_rule", STEP_RULES), ("result", CLIMB_RESULTS), ("regulariser", REGULARISERS)):
            if getattr(self, name) not in choices:
                raise UserError(f"{name} must be one of {', '.join(choices)}; got {getattr(self, name)!r}.")


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
        for name in ("stage1_epochs", "stage2_epochs", "batch_size", "crop", "long_side_min"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1; got {getattr(self, name)}.")
        for name in (
            "backbone_rate",
            "fc1_rate",
            "stage2_backbone_rate",
            "stage2_fc1_rate",
            "fc2_rate",
            "weight_decay",
            "recam_weight",
            "momentum",
            "power",
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise UserError(f"{name} must be a finite number, 0 or more; got {value}.")
        for name in ("seed", "workers"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} must be 0 or more; got {getattr(self, name)}.")
        if self.long_side_max < self.long_side_min:
            raise UserError(f"long_side_max ({self.long_side_max}) is below long_side_min ({self.long_side_min}).")
        for name, choices in (
            ("optimizer", ("sgd", "adamw")),
            ("fc1_start", ("default", "imagenet")),
            ("fc2_start", ("default", "fc1", "positive")),
        ):
            if getattr(self, name) not in choices:
                raise UserError(f"{name} must be one of {', '.join(choices)}; got {getattr(self, name)!r}.")


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright RGB picture and where it came from: pixels (H, W, 3) uint8, ``sha256`` of the file it was read from."""

    pixels: np.ndarray
    name: str
    sha256: str
    original_size: tuple[int, int]  # (width, height) as stored in the file, upright
    notes: tuple[str, ...] = ()  # what was done on the way in, e.g. "first of 12 frames"


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a model pair says about one picture, before classes or thresholds are chosen.

    ``scale_maps[readout]`` holds one array (K, h, w) float32 per scale: ReLU'd maps of the picture plus those of its
    mirror image, at the feature grid of that scale. ``scores`` (K,) are stage-2 FC1 probabilities.
    """

    picture: np.ndarray  # (H, W, 3) uint8, at the working size
    classes: tuple[str, ...]
    scores: np.ndarray
    scale_maps: dict[str, tuple[np.ndarray, ...]]
    options: HeatmapOptions
    device: str
    seconds: float
    backbone_passes: int


@dataclass(frozen=True, eq=False)
class CamResult:
    """Heatmaps of n classes of one picture under one readout.

    ``raw`` are summed ReLU'd maps in the units of the readout's own logits; ``maps`` are ``raw`` divided by the maximum
    of each class, in [0, 1]; ``grid`` is the same at a quarter of the picture size, as the reference stores it.
    """

    picture: np.ndarray  # (H, W, 3) uint8
    classes: tuple[str, ...]
    scores: np.ndarray  # (n,)
    raw: np.ndarray  # (n, H, W) float32
    maps: np.ndarray  # (n, H, W) float32
    grid: np.ndarray  # (n, (H-1)//4+1, (W-1)//4+1) float32
    readout: str

    @property
    def peaks(self) -> np.ndarray:
        """Largest raw value of each class, (n,); 0 where the class has no positive evidence anywhere."""
        return self.raw.max(axis=(1, 2))


@dataclass(frozen=True, eq=False)
class RefineStep:
    """One step of a refinement of n classes of a picture at one scale: everything here belongs to the picture x_t.

    Maps are raw, ReLU'd and summed over picture and mirror image, at the feature grid; so are the sums ``score`` y_k,
    ``others`` Σ_{j≠k} y_j and ``objective`` y_k − Σ y_j − μ · ``regulariser``. A step with t = 0 starts a scale, or starts
    it over (``notes`` say why); what an earlier start of the same ``scale_index`` gave is void.
    """

    t: int
    steps: int  # T at this scale
    scale: float
    scale_index: int
    readout: str
    classes: tuple[str, ...]
    map: np.ndarray  # (n, h, w) float32, that of this step
    accumulated: np.ndarray  # (n, h, w) float32, the sum of the maps so far
    hold_mask: np.ndarray  # (n, h, w) bool, M: where the regulariser holds the map to that of step 0
    change: np.ndarray  # (n, H, W, 3) float16, x_t − x_0 in grey levels of 255, without the mirror image
    score: np.ndarray  # (n,)
    others: np.ndarray  # (n,)
    regulariser: np.ndarray  # (n,), without μ
    objective: np.ndarray  # (n,)
    first_peak: np.ndarray  # (n,) maximum of the map of step 0: the scale of a climb is fixed by it
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def exceeds(self) -> np.ndarray:
        """How many times the maximum of step 0 this step's map reaches, (n,); 0 where step 0 was empty."""
        peaks = self.map.max(axis=(1, 2))
        return np.divide(peaks, self.first_peak, out=np.zeros_like(peaks), where=self.first_peak > 0)

    def to_json(self) -> dict[str, Any]:
        """The figures of the step, without its pictures."""
        return {
            **{name: getattr(self, name) for name in ("t", "steps", "scale", "readout")},
            "classes": list(self.classes),
            **{
                name: [round(float(value), 6) for value in getattr(self, name)]
                for name in ("score", "others", "regulariser", "objective", "exceeds")
            },
            "seconds": round(self.seconds, 4),
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        figures = "".join(
            f"  {name}: y {y:.3f}  others {others:.3f}  regulariser {held:.4f}  objective {objective:.3f}"
            for name, y, others, held, objective in zip(
                self.classes, self.score, self.others, self.regulariser, self.objective, strict=True
            )
        )
        notes = "".join(f"  ({note})" for note in self.notes)
        return f"step {self.t + 1}/{self.steps} at scale {self.scale:g}{figures}{notes}"


@dataclass(frozen=True)
class TrainStep:
    """One optimiser step: the losses of this batch and the learning rate of the backbone."""

    stage: int
    epoch: int
    step: int
    steps: int
    loss_bce: float
    loss_sce: float
    rate: float

    def __str__(self) -> str:
        return (
            f"stage {self.stage} epoch {self.epoch + 1} step {self.step}/{self.steps}"
            f"  BCE {self.loss_bce:.4f}  SCE {self.loss_sce:.4f}  rate {self.rate:.2e}"
        )


@dataclass(frozen=True)
class EpochEnd:
    """An epoch is done and its checkpoint is on disk."""

    stage: int
    epoch: int
    epochs: int
    loss_bce: float
    loss_sce: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"stage {self.stage} epoch {self.epoch + 1}/{self.epochs} done in {self.seconds:.1f} s"
            f"  BCE {self.loss_bce:.4f}  SCE {self.loss_sce:.4f}"
        )


@dataclass(frozen=True)
class EvalStep:
    """One more picture was measured."""

    done: int
    total: int
    name: str

    def __str__(self) -> str:
        return f"{self.done}/{self.total} {self.name}"


@dataclass(frozen=True)
class Finished:
    """The work is done; ``where`` is what it left behind, ``detail`` a few figures about it."""

    where: str
    seconds: float
    detail: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        figures = "".join(f"  {name} {value:.4g}" for name, value in self.detail.items())
        return f"finished in {self.seconds:.1f} s: {self.where}{figures}"
