"""How good heatmaps are as a segmentation of a data set: every readout, one pass over the pictures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from recam_core.cam.methods.results import method_results
from recam_core.cam.pipeline import gather_evidence
from recam_core.datasets import Dataset
from recam_core.evaluation.localisation import REQUIRED, Localisation
from recam_core.evaluation.metrics import THRESHOLDS
from recam_core.evaluation.sweep import PixelCounts, ThresholdSweep, count_pixels
from recam_core.networks.pair import ModelPair
from recam_core.records import IGNORE, EvalStep, HeatmapOptions, UserError
from recam_core.refiners import Refinement
from recam_core.refiners.subject import Subject

BOXES_ALONE = (
    "No picture of this split has a mask. Boxes say where objects are, but not which pixels are theirs: they suffice for "
    "MaxBoxAcc, and neither for mIoU nor for pixel average precision."
)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The sweeps of every readout over one data set, and what they were measured on; ``faults`` are what was left out.

    ``boxed``: no picture has a mask, so the sweeps are empty, and boxes alone were counted.
    """

    model: str
    dataset: str
    split: str
    pictures: int
    options: HeatmapOptions
    classes: tuple[str, ...]
    sweeps: dict[str, ThresholdSweep]
    refinement: Refinement | None = None
    faults: tuple[str, ...] = ()
    localisation: Mapping[str, Localisation] = field(default_factory=dict)
    boxed: bool = False

    def __str__(self) -> str:
        refined = "" if self.refinement is None else f", {self.refinement.words}"
        omitted = f"; {len(self.faults)} left out, for example: {self.faults[0]}" if self.faults else ""
        return f"measured {self.pictures} pictures of {self.dataset} {self.split} with {self.model}{refined}{omitted}"

    def to_json(self) -> dict[str, Any]:
        """The layout that docs/files.md documents; fractions in [0, 1], mIoU with background."""
        return {
            "model": self.model,
            "dataset": self.dataset,
            "split": self.split,
            "pictures": self.pictures,
            "scales": list(self.options.scales),
            "flip": self.options.flip,
            "long_side": self.options.long_side,
            **({"stretch": True} if self.options.stretch else {}),
            **({} if (r := self.refinement) is None else {"refine": r.name, r.name: r.to_json()}),
            **({"reason": BOXES_ALONE} if self.boxed else {}),
            "readouts": {name: self._summary(sweep) for name, sweep in self.sweeps.items()},
            **({"localisation": {n: _boxes(of) for n, of in self.localisation.items()}} if self.localisation else {}),
        }

    def _summary(self, sweep: ThresholdSweep) -> dict[str, Any]:
        areas = sweep.areas()
        rows = [areas[:, i].figures() for i in range(len(sweep.thresholds))]
        best = sweep.best()
        top = rows[best]
        names = ("background", *self.classes)
        iou = np.asarray(top["iou"])
        return {
            "miou": _number(top["miou"]),
            "threshold": None if self.boxed else round(float(sweep.thresholds[best]), 4),
            **{key: _number(top[key]) for key in ("fp", "fn", "precision", "recall")},
            "per_class": {n: _number(v) for n, v in zip(names, iou, strict=True) if not np.isnan(v)},
            "sweep": [
                {"threshold": round(float(t), 4), **{key: _number(row[key]) for key in ("miou", "fp", "fn")}}
                for t, row in zip(sweep.thresholds, rows, strict=True)
                if not self.boxed
            ],
        }


def _boxes(of: Localisation) -> dict[str, Any]:
    return {
        "objects": of.objects,
        "max_box_acc": _number(of.max_box_acc),
        "box_accuracy": {str(iou): _number(rate) for iou, rate in zip(REQUIRED, of.box_accuracy, strict=True)},
        "thresholds": {str(iou): _number(at) for iou, at in zip(REQUIRED, of.thresholds, strict=True)},
        "pxap": _number(of.pxap),
    }


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)  # JSON has no NaN


def evaluate(
    pair: ModelPair,
    dataset: Dataset,
    options: HeatmapOptions,
    readouts: Sequence[str] | None = None,
    source: tuple[str, str] = ("", ""),
    refinement: Refinement | None = None,
    methods: Sequence[str] = (),
) -> Iterator[EvalStep | Evaluation]:
    """Measure the readouts, by default all that the model has, on every picture that has a mask; the last event is the result.

    As this field scores seeds: the image-level labels are known, and the maps of the true classes compete. A picture that
    cannot be counted is left out and named, as in a store. ``source`` is the kind and the split of the data set, for the
    record; with a ``refinement`` the maps of readouts are refined before they are counted. ``methods`` are counted beside them.
    Raises ``UserError`` where classes differ or no picture has a mask.

    ```python
    dataset = recam.open_dataset("scenes", "", "samples")
    *_, evaluation = recam.evaluate(recam.load_pair("scenes"), dataset, recam.HeatmapOptions(), ["cam", "w"])
    ```
    """
    readouts = pair.readouts if readouts is None else readouts
    sweeps = {name: ThresholdSweep(len(pair.classes)) for name in (*readouts, *methods)}
    measured, faults = 0, []
    check_classes(pair, dataset)
    pair.check_readouts(readouts)
    for i in range(len(dataset)):
        try:
            counts = measure_picture(pair, dataset, i, options, readouts, refinement, methods=methods)
        except UserError as error:
            counts, fault = {}, str(error).rstrip(".")
        else:
            fault = "" if counts else "it has no mask"
        for name, picture in counts.items():
            sweeps[name].add(picture)
        measured += bool(counts)
        faults += [f"{dataset.name(i)}: {fault}"] if fault else []
        yield EvalStep(i + 1, len(dataset), dataset.name(i))
    any_object = any(sweep.counts[1:].any() for sweep in sweeps.values())
    check_counted(measured, any_object, faults)
    yield Evaluation(pair.name, *source, measured, options, pair.classes, sweeps, refinement, tuple(faults))


def check_counted(counted: int, positive: int, faults: Sequence[str], boxed: bool = False) -> None:
    """Refuse an evaluation from which no figure follows, with the reason.

    ``positive`` pictures show a class in their mask, or where boxes alone are counted have a box.
    """
    if counted == 0:
        if all(fault.endswith("it has no mask") for fault in faults):
            raise UserError(
                "No picture of this split has a mask, so nothing can be scored; choose a split with masks. Where objects have "
                "boxes, localisation is scored by those (--localisation)."
            )
        raise UserError(
            f"No picture of this split could be counted: {faults[0]}. Mend the data set, and evaluate it again."
        )
    if positive == 0 and boxed:
        raise UserError(
            "No picture of this split has a box that can be used, so there is nothing that could be found; choose another split."
        )
    if positive == 0:
        raise UserError(
            "No mask of this split shows an object of the model's classes (only background, or pixels that are ignored), so "
            "there is nothing that could be found; choose another split, or check the label values of the masks."
        )


def measure(
    pair: ModelPair,
    dataset: Dataset,
    options: HeatmapOptions,
    readouts: Sequence[str] | None = None,
    refinement: Refinement | None = None,
    thresholds: np.ndarray = THRESHOLDS,
) -> Iterator[dict[str, PixelCounts]]:
    """The counts of each picture in turn, by readout; empty for a picture without a mask."""
    check_classes(pair, dataset)
    readouts = pair.readouts if readouts is None else readouts
    for i in range(len(dataset)):
        yield measure_picture(pair, dataset, i, options, readouts, refinement, thresholds)


def measure_picture(
    pair: ModelPair,
    dataset: Dataset,
    i: int,
    options: HeatmapOptions,
    readouts: Sequence[str],
    refinement: Refinement | None = None,
    thresholds: np.ndarray = THRESHOLDS,
    methods: Sequence[str] = (),
) -> dict[str, PixelCounts]:
    """The counts of one picture by readout and method; empty where it has no mask. ``UserError`` where they cannot be had."""
    mask = dataset.mask(i)
    if mask is None:
        return {}
    ids, picture = [int(k) for k in np.flatnonzero(dataset.labels(i))], dataset.image(i)
    check_size(picture, mask, dataset.name(i))
    maps = true_maps(pair, picture, ids, options, readouts, refinement, methods) if ids else {}
    nothing = np.zeros((0, *mask.shape), np.float32)
    return {
        name: count_pixels(to_size(maps.get(name, nothing), mask.shape), ids, mask, len(pair.classes) + 1, thresholds)
        for name in (*readouts, *methods)
    }


def check_classes(pair: ModelPair, dataset: Dataset) -> None:
    """Refuse a data set whose classes are not those of the model, and more classes than a label map can hold."""
    if len(pair.classes) >= IGNORE:
        raise UserError(
            f"The model {pair.name} tells {len(pair.classes)} classes apart, and masks hold {IGNORE - 1} at most, so it "
            "cannot be compared with masks."
        )
    if tuple(dataset.classes) != pair.classes:
        lacking = [name for name in dataset.classes if name not in pair.classes]
        raise UserError(
            f"The model {pair.name} knows {len(pair.classes)} classes ({', '.join(pair.classes[:3])} …), the data set has "
            f"{len(dataset.classes)} ({', '.join(dataset.classes[:3])} …); they must be the same, in the same order."
            + (f" The model lacks {', '.join(lacking[:5])}{' …' if len(lacking) > 5 else ''}." if lacking else "")
        )


def check_size(picture: np.ndarray, mask: np.ndarray, name: str) -> None:
    """Refuse a mask that is not of its picture's size."""
    if picture.shape[:2] != mask.shape:
        raise UserError(
            f"The mask of {name} is {mask.shape[1]}×{mask.shape[0]} pixels, the picture {picture.shape[1]}×{picture.shape[0]}; "
            "they must have the same size."
        )


def true_maps(
    pair: ModelPair,
    picture: np.ndarray,
    ids: Sequence[int],
    options: HeatmapOptions,
    readouts: Sequence[str],
    refinement: Refinement | None = None,
    methods: Sequence[str] = (),
) -> dict[str, np.ndarray]:
    """Heatmaps (n, H, W) of a picture's n true classes at the working size, by readout, refined where asked for, and method."""
    evidence = gather_evidence(picture, pair, options, readouts)
    subject = Subject(pair, evidence, tuple(pair.classes[k] for k in ids), tuple(readouts))
    results = subject.results if refinement is None else refinement.results(subject)
    results = [*results, *method_results(evidence, pair, methods, subject.classes)]
    return {result.readout: result.maps for result in results}


def to_size(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Maps (n, h, w) at another size (bilinear, half-pixel centres); the same maps where the size agrees."""
    if maps.shape[1:] == tuple(size):
        return maps
    return F.interpolate(torch.from_numpy(maps)[None], tuple(size), mode="bilinear", align_corners=False)[0].numpy()
