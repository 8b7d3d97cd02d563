"""What is on screen for one picture and some classes: maps, their curves, and the packed payload; made once, bounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recam_core import REFINERS, CamResult, ClassCurves, Evidence, ModelPair, class_curves, read_out
from recam_core.cam.thresholds import area_threshold, best_readout, otsu_threshold, seed_threshold
from recam_core.records import SCALE_NAMES
from ui.components.heatview.maps import heat_payload, numbers
from ui.compute.engine import EVIDENCE, TurnCache

CACHE_BYTES = 192 * 2**20


@dataclass(frozen=True, eq=False)
class Shown:
    """Results of all maps, those of the readouts first, ``curves[scale]`` in the same order, and what the browser fetches.

    ``measured`` has the threshold of each readout, ``best`` is the one of ReCAM's that was measured best; ``refiner`` is
    what made other maps of them all, "" for none.
    """

    results: list[CamResult]
    curves: dict[str, list[ClassCurves]]
    payload: bytes
    truth: np.ndarray | None
    measured: dict[str, float]
    best: str
    refiner: str = ""

    def cuts(self, settings: Mapping[str, Any]) -> dict[str, list[float]]:
        """Where the maps of each readout are cut, a number a class, as the browser does it with these settings.

        Under the rule "same" on the scale of the settings, else on each map's own.
        """
        rows = {}
        for result, curves in zip(self.results, self.curves["each"], strict=True):
            rows[result.readout] = [self._threshold(settings, result, curves, i) for i in range(len(result.classes))]
        return rows

    def _threshold(self, settings: Mapping[str, Any], result: CamResult, curves: ClassCurves, i: int) -> float:
        match settings["rule"]:
            case "measured":
                return self.measured[result.readout]
            case "area":
                return area_threshold(curves.covered[i], settings["area"])
            case "otsu":
                return otsu_threshold(result.maps[i])
        return float(settings["threshold"])


def shown_bytes(shown: Shown) -> int:
    """What it takes in memory; the curves are next to nothing."""
    truth = 0 if shown.truth is None else shown.truth.nbytes
    return truth + len(shown.payload) + sum(r.raw.nbytes + r.maps.nbytes + r.grid.nbytes for r in shown.results)


_MAPS: TurnCache[Shown] = TurnCache(CACHE_BYTES, shown_bytes, EVIDENCE.queue, brief=True)


def shown_maps(
    key: Any,
    evidence: Evidence,
    pair: ModelPair,
    classes: Sequence[str],
    name: str,
    truth: np.ndarray | None,
    known: Sequence[bool] | None,
    made: list[CamResult] | None = None,
    refiner: str = "",
) -> Shown:
    """Read the classes out of the evidence, or find what somebody saw before under the same ``key``.

    ``made`` are all results, those of the readouts first, where other maps than the evidence's are shown.
    """

    def make() -> Shown:
        results = made or [read_out(evidence, readout, classes) for readout in evidence.scale_maps]
        curves = {scale: [class_curves(result, truth, scale, known) for result in results] for scale in SCALE_NAMES}
        suited = REFINERS[refiner].threshold if refiner else seed_threshold
        measured = {r.readout: round(suited(pair, r.readout, evidence.options)[0], 2) for r in results}
        best = best_readout(pair, evidence.options)
        payload = heat_payload(
            results,
            curves,
            name,
            truth,
            compare=best or results[-1].readout,
            activation=evidence.activation,
            measured=measured,
        )
        return Shown(results, curves, payload, truth, measured, best, refiner)

    return _MAPS.get(key, make)


def rates_at(shown: Shown, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Threshold, IoU, missed and wrong share of each class and readout where its map is cut; None where nobody knows."""
    scale, cuts = settings["scale"] if settings["rule"] == "same" else "each", shown.cuts(settings)
    return {
        result.readout: {
            name: {"threshold": at} | {key: _rate(getattr(curves, key), i, at) for key in ("iou", "fn", "fp")}
            for i, (name, at) in enumerate(zip(result.classes, cuts[result.readout], strict=True))
        }
        for result, curves in zip(shown.results, shown.curves[scale], strict=True)
    }


def _rate(curves: np.ndarray | None, i: int, threshold: float) -> float | None:
    """Of curves (n, 101), where there are some, the value of one class at a threshold."""
    return None if curves is None else numbers(curves[i])[round(threshold * 100)]
