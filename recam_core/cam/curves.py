"""How much of a picture a heatmap covers, and how well, at every threshold of a slider: exact counts in float32."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recam_core.records import EPSILON, IGNORE, CamResult, UserError

STEPS = 101  # thresholds 0.00, 0.01 … 1.00
SCALES = {
    "each": f"each map is divided by its own maximum + {EPSILON:g}, as in evaluation",
    "together": f"the maps of one readout are divided by the largest maximum of its classes + {EPSILON:g}",
}
EDGES = np.linspace(0, 1, STEPS).astype(np.float32)


@dataclass(frozen=True, eq=False)
class ClassCurves:
    """For each of n classes and 101 thresholds, (n, 101): what lies above the threshold.

    ``covered`` is a share of the picture. Where the mask is known, ``iou``, ``fn`` (missed) and ``fp`` (wrong) are shares of
    the union of map and object, so that the three add up to 1; ``best`` (n,) is the threshold index of the highest IoU.
    NaN where neither map nor object has a pixel.
    """

    covered: np.ndarray
    iou: np.ndarray | None = None
    fn: np.ndarray | None = None
    fp: np.ndarray | None = None
    best: np.ndarray | None = None


def class_curves(
    result: CamResult, truth: np.ndarray | None = None, scale: str = "each", known: Sequence[bool] | None = None
) -> ClassCurves:
    """Curves of one readout; ``truth`` (n, H, W) uint8 is 1 on the object, 0 off it, 255 where nobody knows.

    ``known`` says for which classes there is a truth at all; the others are NaN.
    """
    maps = scaled_maps(result, scale)
    covered = np.stack([above(m.ravel()) for m in maps]) / maps[0].size
    if truth is None:
        return ClassCurves(covered)
    rows = [
        _rates(m, t) if known is None or known[k] else np.full((3, STEPS), np.nan)
        for k, (m, t) in enumerate(zip(maps, truth, strict=True))
    ]
    iou, fn, fp = np.stack(rows, axis=1)
    best = np.where(np.isnan(iou), -1, iou).argmax(axis=1)
    return ClassCurves(covered, iou, fn, fp, best)


def scaled_maps(result: CamResult, scale: str) -> np.ndarray:
    """Maps (n, H, W) float32 in [0, 1], each by its own maximum ("each") or all by the largest of them ("together")."""
    if scale not in SCALES:
        raise UserError(f"The scale must be one of {', '.join(SCALES)}; got {scale!r}.")
    if scale == "each":
        return result.maps
    return result.raw / (result.raw.max() + np.float32(EPSILON))


def above(values: np.ndarray) -> np.ndarray:
    """How many of the values exceed each of the 101 thresholds, strictly: (101,) int64."""
    level = np.searchsorted(EDGES, values, side="left")  # number of thresholds that the value exceeds
    return values.size - np.cumsum(np.bincount(level, minlength=STEPS + 1))[:STEPS]


def _rates(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    counted = truth != IGNORE
    hit = above(values[counted & (truth == 1)])
    covered = above(values[counted])
    size = int((truth[counted] == 1).sum())
    union = size + covered - hit
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([hit, size - hit, covered - hit]) / union
