"""Heatmaps of one picture → what the heat view draws: small 8-bit grids, and exact numbers for every threshold."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from recam_core import READOUT_LABELS, CamResult, class_curves, jpeg_bytes
from recam_core.records import CAM, EMPTY_TEXT
from ui.heatview.payload import VERSION, pack

TITLES = {
    "cam": "BCE alone",
    "w": "BCE + SCE",
    "wprime": "SCE classifier",
    "sum": "added",
    "product": "multiplied",
}
HELP = {
    "cam": "the weights of the network that was trained with binary cross-entropy (BCE) alone",
    "w": "the same classifier (FC1) after training on with BCE and softmax cross-entropy (SCE), as ReCAM does",
    "wprime": "ReCAM's second classifier (FC2), trained with SCE on features masked by each class's own CAM",
    "sum": "the weights w and w′ added",
    "product": "the weights w and w′ multiplied element by element",
}


def heat_payload(
    results: Sequence[CamResult], name: str, truth: np.ndarray | None = None, known: Sequence[bool] | None = None
) -> bytes:
    """Pack the readouts of one picture (same classes each); ``truth`` (n, H, W) uint8 as in ``class_curves``."""
    first = results[0]
    height, width = first.picture.shape[:2]
    curves = {s: [class_curves(r, truth, s, known) for r in results] for s in ("each", "together")}
    header = {
        "version": VERSION,
        "picture": {"width": width, "height": height, "name": name, "type": "image/jpeg"},
        "grid": list(first.grid.shape[1:]),
        "views": [
            {
                "key": r.readout,
                "label": READOUT_LABELS[r.readout],
                "title": TITLES[r.readout],
                "help": HELP[r.readout],
                "reference": r.readout == CAM,
            }
            for r in results
        ],
        "classes": [{"name": n, "score": float(s)} for n, s in zip(first.classes, first.scores, strict=True)],
        "peaks": [[float(peak) for peak in r.peaks] for r in results],
        "empty_text": EMPTY_TEXT,
        "thresholds": curves["each"][0].covered.shape[1],
        "covered": {scale: [numbers(c.covered) for c in rows] for scale, rows in curves.items()},
        "quality": None if truth is None else {s: [_quality(c) for c in rows] for s, rows in curves.items()},
    }
    blobs = {"picture": jpeg_bytes(first.picture), "maps": b"".join(_eight_bit(r.grid).tobytes() for r in results)}
    if truth is not None:
        blobs["mask"] = truth.tobytes()
    return pack(header, blobs)


def _eight_bit(grid: np.ndarray) -> np.ndarray:
    """Normalised maps as 0 … 255, to the nearest: at most 1/510 off."""
    return np.rint(np.clip(grid, 0, 1) * 255).astype(np.uint8)


def _quality(curves: Any) -> list[dict[str, Any] | None]:
    """Per class the rates at every threshold, or None where nobody knows the truth."""
    rows = zip(curves.iou, curves.fn, curves.fp, curves.best, strict=True)
    return [
        None
        if np.isnan(iou).all()
        else {"iou": numbers(iou), "fn": numbers(fn), "fp": numbers(fp), "best": int(best) / 100}
        for iou, fn, fp, best in rows
    ]


def numbers(values: np.ndarray) -> list[Any]:
    """Plain lists with five digits; null where a value is not defined."""
    rounded = np.round(values.astype(float), 5).astype(object)
    rounded[np.isnan(values)] = None
    return rounded.tolist()
