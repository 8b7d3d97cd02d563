"""How good heatmaps are as a segmentation of a data set: every readout, one pass over the pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from recam_core.cam.pipeline import gather_evidence, read_out
from recam_core.datasets import Dataset
from recam_core.evaluation.sweep import THRESHOLDS, PixelCounts, ThresholdSweep, count_pixels, figures
from recam_core.networks.pair import ModelPair
from recam_core.records import IGNORE, EvalStep, HeatmapOptions, UserError
from recam_core.refiners.random_walk.result import Walker


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The sweeps of every readout over one data set, and what they were measured on."""

    model: str
    dataset: str
    split: str
    pictures: int
    options: HeatmapOptions
    classes: tuple[str, ...]
    sweeps: dict[str, ThresholdSweep]
    walker: Walker | None = None

    def __str__(self) -> str:
        walked = "" if self.walker is None else f", after {self.walker.options.steps} steps of the walk"
        return f"measured {self.pictures} pictures of {self.dataset} {self.split} with {self.model}{walked}"

    def to_json(self) -> dict[str, Any]:
        """The layout that the README documents; fractions in [0, 1], mIoU with background."""
        return {
            "model": self.model,
            "dataset": self.dataset,
            "split": self.split,
            "pictures": self.pictures,
            "scales": list(self.options.scales),
            "flip": self.options.flip,
            "long_side": self.options.long_side,
            **({} if self.walker is None else {"refine": "walk", "walk": self.walker.to_json()}),
            "readouts": {name: self._summary(sweep) for name, sweep in self.sweeps.items()},
        }

    def _summary(self, sweep: ThresholdSweep) -> dict[str, Any]:
        rows = [figures(sweep.confusion(i)) for i in range(len(sweep.thresholds))]
        best = sweep.best()
        top = rows[best]
        names = ("background", *self.classes)
        iou = np.asarray(top["iou"])
        return {
            "miou": _number(top["miou"]),
            "threshold": round(float(sweep.thresholds[best]), 4),
            **{key: _number(top[key]) for key in ("fp", "fn", "precision", "recall")},
            "per_class": {n: _number(v) for n, v in zip(names, iou, strict=True) if not np.isnan(v)},
            "sweep": [
                {"threshold": round(float(t), 4), **{key: _number(row[key]) for key in ("miou", "fp", "fn")}}
                for t, row in zip(sweep.thresholds, rows, strict=True)
            ],
        }


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)  # JSON has no NaN


def evaluate(
    pair: ModelPair,
    dataset: Dataset,
    options: HeatmapOptions,
    readouts: Sequence[str] | None = None,
    source: tuple[str, str] = ("", ""),
    walker: Walker | None = None,
) -> Iterator[EvalStep | Evaluation]:
    """Measure the readouts, by default all that the model has, on every picture that has a mask; the last event is the result.

    As this field scores seeds: the image-level labels are known, and the maps of the true classes compete. ``source`` is
    the kind and the split of the data set, for the record; with a ``walker`` the maps walk before they are counted.
    """
    readouts = pair.readouts if readouts is None else readouts
    sweeps = {name: ThresholdSweep(len(pair.classes)) for name in readouts}
    measured = 0
    for i, counts in enumerate(measure(pair, dataset, options, readouts, walker)):
        for name, picture in counts.items():
            sweeps[name].add(picture)
        measured += bool(counts)
        yield EvalStep(i + 1, len(dataset), dataset.name(i))
    if measured == 0:
        raise UserError("No picture of this split has a mask, so nothing can be scored; choose a split with masks.")
    yield Evaluation(pair.name, *source, measured, options, pair.classes, sweeps, walker)


def measure(
    pair: ModelPair,
    dataset: Dataset,
    options: HeatmapOptions,
    readouts: Sequence[str] | None = None,
    walker: Walker | None = None,
    thresholds: np.ndarray = THRESHOLDS,
) -> Iterator[dict[str, PixelCounts]]:
    """The counts of each picture in turn, by readout; empty for a picture without a mask."""
    check_classes(pair, dataset)
    readouts = pair.readouts if readouts is None else readouts
    for i in range(len(dataset)):
        mask = dataset.mask(i)
        if mask is None:
            yield {}
            continue
        ids, picture = [int(k) for k in np.flatnonzero(dataset.labels(i))], dataset.image(i)
        check_size(picture, mask, dataset.name(i))
        maps = true_maps(pair, picture, ids, options, readouts, walker) if ids else {}
        nothing = np.zeros((0, *mask.shape), np.float32)
        yield {
            name: count_pixels(
                to_size(maps.get(name, nothing), mask.shape), ids, mask, len(pair.classes) + 1, thresholds
            )
            for name in readouts
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
    walker: Walker | None = None,
) -> dict[str, np.ndarray]:
    """Heatmaps (n, H, W) of a picture's n true classes at the working size, by readout, after the walk if there is one."""
    evidence = gather_evidence(picture, pair, options, readouts)
    results = [read_out(evidence, readout, [pair.classes[k] for k in ids]) for readout in readouts]
    if walker is not None:
        results = walker(results)
    return {result.readout: result.maps for result in results}


def to_size(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Maps (n, h, w) at another size (bilinear, half-pixel centres); the same maps where the size agrees."""
    if maps.shape[1:] == tuple(size):
        return maps
    return F.interpolate(torch.from_numpy(maps)[None], tuple(size), mode="bilinear", align_corners=False)[0].numpy()
