"""Results: detached numpy arrays on the CPU."""

from dataclasses import dataclass

import numpy as np

from recam_core.records.settings import HeatmapOptions


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
    mirror image, at the feature grid of that scale. ``scores`` (K,) are FC1 probabilities, of stage 2 where there is one,
    made with the sigmoid or the softmax that ``activation`` names. ``covered`` is, of each scale, how many of its pixels the grid
    lies over (height, width); empty where that is worked out as the reference does.
    """

    picture: np.ndarray  # (H, W, 3) uint8, at the working size
    classes: tuple[str, ...]
    scores: np.ndarray
    scale_maps: dict[str, tuple[np.ndarray, ...]]
    options: HeatmapOptions
    device: str
    seconds: float
    backbone_passes: int  # one for each network and scale; picture and mirror image count as one
    activation: str = "sigmoid"
    notes: tuple[str, ...] = ()  # what the person should know about how it was made, a sentence each
    preselect: float = 0.5  # classes above this probability are looked at where none are named
    covered: tuple[tuple[int, int], ...] = ()


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
