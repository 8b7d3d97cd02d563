"""What is on screen for one picture and some classes: maps, their curves, and the packed payload; made once, bounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recam_core import CamResult, ClassCurves, Evidence, class_curves, read_out
from recam_core.records import SCALE_NAMES
from ui.components.heatview.maps import heat_payload, numbers
from ui.compute.engine import EVIDENCE, TurnCache

CACHE_BYTES = 192 * 2**20


@dataclass(frozen=True, eq=False)
class Shown:
    """Results of every readout that the model has, ``curves[scale]`` in the same order, and what the browser fetches."""

    results: list[CamResult]
    curves: dict[str, list[ClassCurves]]
    payload: bytes
    truth: np.ndarray | None


def shown_bytes(shown: Shown) -> int:
    """What it takes in memory; the curves are next to nothing."""
    truth = 0 if shown.truth is None else shown.truth.nbytes
    return truth + len(shown.payload) + sum(r.raw.nbytes + r.maps.nbytes + r.grid.nbytes for r in shown.results)


_KEPT: TurnCache[Shown] = TurnCache(CACHE_BYTES, shown_bytes, EVIDENCE.queue, brief=True)


def shown_maps(
    key: Any,
    evidence: Evidence,
    classes: Sequence[str],
    name: str,
    truth: np.ndarray | None,
    known: Sequence[bool] | None,
) -> Shown:
    """Read the classes out of the evidence, or find what somebody saw before under the same ``key``."""

    def make() -> Shown:
        results = [read_out(evidence, readout, classes) for readout in evidence.scale_maps]
        curves = {scale: [class_curves(result, truth, scale, known) for result in results] for scale in SCALE_NAMES}
        return Shown(results, curves, heat_payload(results, curves, name, truth, activation=evidence.activation), truth)

    return _KEPT.get(key, make)


def rates_at(shown: Shown, scale: str, threshold: float) -> dict[str, dict[str, Any]]:
    """IoU, missed and wrong share of each class and readout at a threshold of the slider; None where nobody knows."""
    step = round(threshold * 100)
    return {
        result.readout: {
            name: {key: numbers(getattr(curves, key)[i])[step] for key in ("iou", "fn", "fp")}
            for i, name in enumerate(result.classes)
        }
        for result, curves in zip(shown.results, shown.curves[scale], strict=True)
    }
