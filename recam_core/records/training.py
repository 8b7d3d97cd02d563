"""What a two-stage training is asked for, and what it says."""

from dataclasses import dataclass, field

import numpy as np

from recam_core.records.checks import MOST_SEED, Limits, check_choice, check_finite, check_limits
from recam_core.records.names import OBJECTIVES, UserError

PRECISIONS = {
    "auto": "bfloat16 where the graphics card has it, else float32",
    "float32": "float32 everywhere: the same numbers on every machine, within rounding",
    "bf16": "bfloat16 in the backbone: half the memory, the range of float32",
    "fp16": "float16 in the backbone with scaled gradients, for older graphics cards",
}

# Of whole numbers. What is computed at a time is bounded by crop and batch: one typed number must not take a whole machine.
TRAIN_LIMITS: Limits = {
    "stage1_epochs": (1, 10_000),
    "stage2_epochs": (1, 10_000),
    "batch_size": (1, 4096),
    "stage2_batch_size": (0, 4096),
    "accumulate": (1, 4096),
    "crop": (1, 2048),
    "long_side_min": (1, 4096),
    "long_side_max": (1, 4096),
    "workers": (0, 64),
    "prefetch": (1, 64),
    "validation_pictures": (1, 1_000_000),
    "frozen_parts": (0, 100),
    "training_stride": (0, 64),
    "seed": (0, MOST_SEED),
}
MOST_WATCHED = 100  # pictures; each is looked at after every epoch, and kept


@dataclass(frozen=True)
class TrainConfig:
    """A two-stage training run: stage 1 with BCE alone, stage 2 with BCE + λ·SCE (ReCAM, arXiv 2203.00962, equation 5).

    Rates are per group: the backbone, FC1 (w) and FC2 (w′). ``crop`` is the square side in pixels that a picture is
    randomly cropped to after its long side was drawn from ``long_side_min`` … ``long_side_max``. Raises ``UserError`` for a
    value out of its range.
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
    fc1_start: str = "default"  # "imagenet": rows of the same name, where ImageNet has any of them
    fc2_start: str = "default"  # "fc1" is a copy of FC1, "positive" its positive part
    frozen_parts: int = 0  # of the backbone's parts, the stem first, so many stay as they began
    frozen_depthwise: bool = False  # kernels of depthwise convolutions stay as they began
    training_stride: int = 0  # the backbone's output stride while it is trained; 0: the one it is read out at
    long_side_min: int = 320
    long_side_max: int = 640
    crop: int = 512
    seed: int = 0
    workers: int = 0  # processes that read and crop pictures beside the one that trains
    prefetch: int = 2  # batches that each of them has ready
    accumulate: int = 1  # batches whose gradients make one step
    precision: str = "auto"  # of the backbone, one of PRECISIONS
    stage2_batch_size: int = 0  # 0: that of stage 1
    validation: str = ""  # a split that is scored after every epoch, "" for none
    validation_pictures: int = 200  # so many of it, evenly spread
    watch: tuple[str, ...] = ()  # pictures whose maps are kept after every epoch: names in the split, samples, or files
    half: bool = False  # store weights in half precision

    def __post_init__(self) -> None:
        check_limits(self, TRAIN_LIMITS)
        check_finite(self, "backbone_rate", "fc1_rate", "stage2_backbone_rate", "stage2_fc1_rate", "fc2_rate")
        check_finite(self, "weight_decay", "recam_weight", "momentum", "power")
        check_choice(self, "optimizer", ("sgd", "adamw"))
        check_choice(self, "fc1_start", ("default", "imagenet"))
        check_choice(self, "fc2_start", ("default", "fc1", "positive"))
        check_choice(self, "objective", OBJECTIVES)
        check_choice(self, "precision", PRECISIONS)
        if self.long_side_max < self.long_side_min:
            raise UserError(f"long_side_max ({self.long_side_max}) is below long_side_min ({self.long_side_min}).")
        if len(self.watch) > MOST_WATCHED:
            raise UserError(f"At most {MOST_WATCHED} pictures can be watched; got {len(self.watch)}.")

    def batch_of(self, stage: int) -> int:
        """Pictures of a batch in a stage."""
        return self.stage2_batch_size or self.batch_size if stage == 2 else self.batch_size


@dataclass(frozen=True)
class TrainStep:
    """One optimiser step: the losses of its pictures, the learning rate of the backbone, and where the time went."""

    stage: int
    epoch: int
    step: int
    steps: int
    loss_bce: float
    loss_sce: float
    rate: float
    seconds: float = 0.0
    waiting: float = 0.0  # seconds of them in which the processor waited for pictures

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
    waiting: float = 0.0  # seconds of them in which the processor waited for pictures
    pictures: int = 0
    skipped: int = 0  # pictures that could not be read

    def __str__(self) -> str:
        skipped = f"  {self.skipped} pictures skipped" if self.skipped else ""
        return (
            f"stage {self.stage} epoch {self.epoch + 1}/{self.epochs} done in {self.seconds:.1f} s"
            f"  BCE {self.loss_bce:.4f}  SCE {self.loss_sce:.4f}{skipped}"
        )


@dataclass(frozen=True)
class PictureSkipped:
    """A picture of the data set could not be read; training goes on without it."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"skipped {self.name}: {self.reason}"


@dataclass(frozen=True)
class Validated:
    """Scores of the networks after an epoch: mAP of FC1, and seed mIoU by readout where pictures have masks."""

    stage: int
    epoch: int
    pictures: int
    mean_ap: float | None  # None where no class of the split occurs
    miou: dict[str, float] = field(default_factory=dict)  # at the best threshold of each
    thresholds: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    def __str__(self) -> str:
        scores = "".join(f"  {name} {value:.3f}" for name, value in self.miou.items())
        ranked = "" if self.mean_ap is None else f"  mAP {self.mean_ap:.3f}"
        return f"stage {self.stage} epoch {self.epoch + 1} scored on {self.pictures} pictures{ranked}{scores}"


@dataclass(frozen=True)
class MapsKept:
    """The maps of the watched pictures after an epoch are on disk: ``file``, in the run's folder."""

    stage: int
    epoch: int
    file: str

    def __str__(self) -> str:
        return f"stage {self.stage} epoch {self.epoch + 1} maps kept in {self.file}"


@dataclass(frozen=True)
class Cost:
    """What a run will take, from a few steps that were tried: seconds of all of it, and of one step of each stage, 0 without any.

    ``memory_mib`` is the most that it holds at a time, of the graphics card or of the process (``memory_how`` says how it was
    found); ``disk_mib`` what its folder takes.
    """

    seconds: float
    step_seconds: tuple[float, float]
    steps: tuple[int, int]
    memory_mib: float
    disk_mib: float
    picture_seconds: float = 0.0  # to read and crop one picture; 0 where no data set was tried
    validation_seconds: float = 0.0  # of all epochs together
    memory_how: str = ""

    def __str__(self) -> str:
        stages = [
            f"{count} steps of {each:.2f} s" for count, each in zip(self.steps, self.step_seconds, strict=True) if count
        ]
        return (
            f"about {_duration(self.seconds)}: {', then '.join(stages)}; "
            f"{self.memory_mib:.0f} MiB of memory ({self.memory_how}), {self.disk_mib:.0f} MiB on disk"
        )


@dataclass(frozen=True, eq=False)
class WatchedPicture:
    """A picture whose maps are kept after every epoch: pixels (H, W, 3) uint8 at the size that it is looked at.

    ``classes`` are its true classes among those of the run; empty where nobody knows them.
    """

    name: str
    pixels: np.ndarray
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class EpochMaps:
    """What the networks saw in each of P watched pictures after an epoch.

    ``maps[readout][p]`` (n, h, w) float32 are raw, ReLU'd, at the feature grid, of the classes ``classes[p]``: the true ones,
    or where nobody knows those the (at most three) with the highest scores then. ``scores[p]`` (n,) are their probabilities.
    """

    maps: dict[str, tuple[np.ndarray, ...]]
    scores: tuple[np.ndarray, ...]
    classes: tuple[tuple[str, ...], ...]


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"
