"""How much of a picture a heatmap covers, and how well, at every threshold of a slider: exact counts in float32."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recam_core.cam.scales import scaled_maps
from recam_core.evaluation.metrics import SLIDER, Areas, share
from recam_core.records import IGNORE, CamResult


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
        _shares(m, t) if known is None or known[k] else np.full((3, len(SLIDER)), np.nan)
        for k, (m, t) in enumerate(zip(maps, truth, strict=True))
    ]
    iou, fn, fp = np.stack(rows, axis=1)
    best = np.where(np.isnan(iou), -1, iou).argmax(axis=1)
    return ClassCurves(covered, iou, fn, fp, best)


def above(values: np.ndarray) -> np.ndarray:
    """How many of the values exceed each of the 101 thresholds, strictly: (101,) int64."""
    level = np.searchsorted(SLIDER, values, side="left")  # number of thresholds that the value exceeds
    return values.size - np.cumsum(np.bincount(level, minlength=len(SLIDER) + 1))[: len(SLIDER)]


def _shares(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    counted = truth != IGNORE
    hit = above(values[counted & (truth == 1)])
    areas = Areas(hit, (truth[counted] == 1).sum(), above(values[counted]))
    # divided last, which differs from `Areas.fn` and `.fp` in the last bit and is what the browser's payloads hold
    return share(np.stack([hit, areas.truth - hit, areas.predicted - hit]), areas.union)
