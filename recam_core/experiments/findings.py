"""What of the paper's findings was found again here: verdicts that follow from the study's result files, by stated rules."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recam_core.networks.readouts import READOUTS
from recam_core.system.project_files import ASSETS

RESULTS = ASSETS / "results"
FOUND, NOT_FOUND, UNTESTED = "reproduced", "not reproduced", "not tested here"
FOUR = ("w", "wprime", "sum", "product")  # the readouts that the paper speaks of
LITTLE = 0.01  # mIoU; a gain below this is little, and so is a spread


@dataclass(frozen=True)
class Verdict:
    """A finding of the paper (ReCAM, arXiv 2203.00962), what was found on ``where``, the rule that decides, and the numbers."""

    claim: str
    where: str
    verdict: str
    numbers: str
    rule: str


def read_study(part: str, folder: Path = RESULTS) -> dict[str, Any] | None:
    """The result file of a part of the study, or None where it is not there or cannot be read."""
    try:
        results: dict[str, Any] = json.loads((folder / f"study-{part}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return results


def verdicts(studies: Mapping[str, dict[str, Any] | None]) -> list[Verdict]:
    """A verdict for each finding and data set; a part of the study that is missing gives "not tested here"."""
    return [
        *(_sce_alone(where, studies.get(LAMBDAS[where]), studies.get(part)) for where, part in ABLATIONS.items()),
        *(_one_head(where, studies.get(part)) for where, part in ABLATIONS.items()),
        *(_all_beat_cam(where, _readouts(studies, where)) for where in SEEDS),
        *(_is_best(name, data, where, _readouts(studies, where)) for name, data, where in BEST),
        *(_lambda_matters(where, studies.get(part)) for where, part in LAMBDAS.items()),
    ]


COCO = "COCO, never seen"
LAMBDAS = {"VOC, seeds": "voc-lambda", "scenes": "scenes-lambda", "photos, seeds": "photos-lambda", COCO: "coco-lambda"}
ABLATIONS = {"VOC, seeds": "voc-ablations", "scenes": "scenes-ablations", COCO: "coco-ablations"}
ONE = "one scale"
SEEDS = {  # where: the part of the study, and which of its tables
    "VOC, seeds": ("voc-seeds", f"train, {ONE}"),
    "VOC, seeds, λ = 0.1": ("voc-small-lambda", f"train, {ONE}"),
    "VOC, seeds, more learns": ("voc-deeper", f"train, {ONE}"),
    "scenes": ("scenes-seeds", ONE),
    "photos, seeds": ("photos-seeds", ONE),
    "photos never seen": ("photos-folds", ONE),
    COCO: ("coco-folds", ONE),
}
BEST = (("product", "VOC", "VOC, seeds"), ("w", "COCO", COCO))


def _sce_alone(where: str, lambdas: dict[str, Any] | None, ablations: dict[str, Any] | None) -> Verdict:
    claim, rule = "SCE alone, without FC2, is worse", "w of SCE alone lies below CAM and below w of ReCAM with λ = 1"
    if not (lambdas and ablations):
        return _untested(claim, where, rule)
    alone, both = (_row(table, name)["w"]["over_cam"] for table, name in ((ablations, "sce"), (lambdas, "1")))
    is_worse = alone["high"] < 0 and alone["mean"] < both["mean"]
    numbers = f"SCE alone {points(alone)} over CAM, ReCAM with λ = 1 {points(both)}"
    return Verdict(claim, where, FOUND if is_worse else NOT_FOUND, numbers, rule)


def _one_head(where: str, ablations: dict[str, Any] | None) -> Verdict:
    claim = "BCE + SCE with one head, without FC2, gains little"
    rule = f"the gain over CAM stays below {100 * LITTLE:g} point, with its whole interval, at every λ that was tried"
    if not ablations:
        return _untested(claim, where, rule)
    gains = {
        f"λ = {row['changes']['recam_weight']:g}": row["w"]["over_cam"]
        for row in ablations["rows"]
        if row["changes"].get("objective") == "shared"
    }
    numbers = ", ".join(f"{points(gain)} with {words}" for words, gain in gains.items())
    is_little = all(gain["high"] < LITTLE for gain in gains.values())
    return Verdict(claim, where, FOUND if is_little else NOT_FOUND, f"{numbers}, over CAM", rule)


def _readouts(studies: Mapping[str, dict[str, Any] | None], where: str) -> dict[str, Any] | None:
    """The figures of each readout over the seeds, or None where they were not measured."""
    part, view = SEEDS[where]
    seeds = studies.get(part)
    return seeds["views"][view]["readouts"] if seeds else None


def _all_beat_cam(where: str, readouts: dict[str, Any] | None) -> Verdict:
    claim, rule = "All four readouts beat CAM", "the gain of each of the four has an interval above 0"
    if not readouts:
        return _untested(claim, where, rule)
    gains = {name: readouts[name]["over_cam"] for name in FOUR}
    above = sum(gain["low"] > 0 for gain in gains.values())
    numbers = ", ".join(f"{READOUTS[name].label} {points(gain)}" for name, gain in gains.items())
    words = f"{'all' if above == 4 else above or 'none'} of four: {numbers}"
    return Verdict(claim, where, FOUND if above == len(gains) else NOT_FOUND, words, rule)


def _is_best(name: str, data: str, where: str, readouts: dict[str, Any] | None) -> Verdict:
    label = READOUTS[name].label
    claim, rule = f"{label} is best on {data}", f"{label} has the highest mIoU of the four"
    if not readouts:
        return _untested(claim, where, rule)
    miou = {four: float(readouts[four]["miou"]) for four in FOUR}
    numbers = ", ".join(f"{READOUTS[four].label} {100 * value:.1f}" for four, value in miou.items())
    is_best = max(miou, key=lambda four: miou[four]) == name
    return Verdict(claim, where, FOUND if is_best else NOT_FOUND, numbers, rule)


def _lambda_matters(where: str, lambdas: dict[str, Any] | None) -> Verdict:
    claim = "λ hardly matters"
    rule = f"w of full training differs by less than {100 * LITTLE:g} point from λ = 0.1 to 5"
    if not lambdas:
        return _untested(claim, where, rule)
    miou = {row["name"]: row["w"]["miou"] for row in lambdas["rows"] if 0.1 <= float(row["name"]) <= 5}
    spread = max(miou.values()) - min(miou.values())
    numbers = ", ".join(f"{100 * value:.1f} at λ = {name}" for name, value in miou.items())
    return Verdict(claim, where, FOUND if spread < LITTLE else NOT_FOUND, f"w: {numbers}", rule)


def _row(study: dict[str, Any], name: str) -> dict[str, Any]:
    named_row: dict[str, Any] = next(row for row in study["rows"] if row["name"] == name)
    return named_row


def _untested(claim: str, where: str, rule: str) -> Verdict:
    return Verdict(claim, where, UNTESTED, "the study has no result file for it", rule)


def points(gain: Mapping[str, float]) -> str:
    """A gain in points of mIoU with its 95 % interval."""
    mean, low, high = (f"{100 * gain[name]:+.1f}".replace("-", "−") for name in ("mean", "low", "high"))
    return f"{mean} ({low} … {high})"
