"""Heatmaps of one picture → what the heat view draws: small 8-bit grids, and exact numbers for every threshold."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from recam_core import CamResult, ClassCurves
from recam_core.cam.methods import is_method, map_row, map_title
from recam_core.cam.thresholds import otsu_threshold
from recam_core.images.visualise import jpeg_bytes
from recam_core.networks.readouts import READOUTS, RECAM
from recam_core.records import CAM, EMPTY_TEXT
from ui.compute.packing import VERSION, pack

FAMILY = {name: "ReCAM" for name, row in READOUTS.items() if row.network == RECAM}  # whose readouts they are
SOFTMAX_CAM = ("softmax classifier", "the weights of a classifier that was trained with softmax cross-entropy")


def readout_words(name: str, activation: str = "sigmoid") -> tuple[str, str, str]:
    """Label, title and help of a readout or method; CAM of a network that answers with a softmax was not trained with BCE."""
    row = map_row(name)
    if name == CAM and activation == "softmax":
        return (row.label, *SOFTMAX_CAM)
    return map_title(name), row.title, row.help


def labelled(readout: str, class_name: str) -> str:
    """A class and the readout of its map, in a few words."""
    return f"{class_name} · {map_title(readout)}"


def heat_payload(
    results: Sequence[CamResult],
    curves: Mapping[str, Sequence[ClassCurves]],
    name: str,
    truth: np.ndarray | None = None,
    named: Mapping[str, tuple[str, str, str]] | None = None,
    compare: str | None = None,
    activation: str = "sigmoid",
    measured: Mapping[str, float] | None = None,
) -> bytes:
    """Pack the readouts of one picture (same classes each), with their curves for both scales, in the same order.

    ``truth`` (n, H, W) uint8 is the one that the curves were made with; ``named`` has label, title and help of maps
    that are no readouts, and then the first one is the reference. ``compare`` is the map that sentences compare with it,
    ``activation`` that of the scores. ``measured`` has the threshold of each map; with it maps can be cut by their own rules.
    """
    words = named or {result.readout: readout_words(result.readout, activation) for result in results}
    first = results[0]
    height, width = first.picture.shape[:2]
    header = {
        "version": VERSION,
        "picture": {"width": width, "height": height, "name": name, "type": "image/jpeg"},
        "grid": list(grid_size(first)),
        "views": [
            {
                "key": r.readout,
                "label": words[r.readout][0],
                "title": words[r.readout][1],
                "help": words[r.readout][2],
                "reference": number == 0 if named else r.readout == CAM,
            }
            for number, r in enumerate(results)
        ],
        "classes": [{"name": n, "score": float(s)} for n, s in zip(first.classes, first.scores, strict=True)],
        "peaks": [[float(peak) for peak in r.peaks] for r in results],
        "empty_text": EMPTY_TEXT,
        "thresholds": curves["each"][0].covered.shape[1],
        "covered": {scale: [numbers(c.covered) for c in rows] for scale, rows in curves.items()},
        "quality": None if truth is None else {s: [_quality(c) for c in rows] for s, rows in curves.items()},
    }
    if compare is not None:
        header["compare"] = compare
    if measured is not None:
        header["otsu"] = [[otsu_threshold(values) for values in r.maps] for r in results]
        for view in header["views"]:
            view["threshold"] = round(measured[view["key"]], 2)  # the curves' steps
            view["family"] = FAMILY.get(view["key"], "")
            view["asked"] = is_method(view["key"])  # shown beside the two in any case
    blobs = {"picture": jpeg_bytes(first.picture), "maps": b"".join(_eight_bit(r).tobytes() for r in results)}
    if truth is not None:
        blobs["mask"] = truth.tobytes()
    return pack(header, blobs)


def _eight_bit(result: CamResult) -> np.ndarray:
    """The full-size maps sampled at ``grid_size``, as 0 … 255: (n, gh, gw).

    Not ``result.grid``, which the reference stretches a little differently: the screen shows the maps that are counted.
    """
    rows, columns = grid_size(result)
    sampled = np.stack([cv2.resize(m, (columns, rows), interpolation=cv2.INTER_LINEAR) for m in result.maps])
    return np.rint(np.clip(sampled, 0, 1) * 255).astype(np.uint8)


def grid_size(result: CamResult) -> tuple[int, int]:
    """Rows and columns that are sent: about 192 along the long side, and every pixel of a small picture."""
    height, width = result.maps.shape[1:]
    step = max(1, round(max(height, width) / 192))
    return -(-height // step), -(-width // step)


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
