"""How good a heatmap is as a segmentation: one pass over the pictures gives every background threshold at once.

A pixel is foreground where the largest of its maps exceeds the threshold (float32, strictly: background wins a tie), and
belongs to the class of that map (the first wins a tie). So a histogram over (true label, winning class, how many
thresholds the winning value exceeds) holds the confusion matrix of every threshold (golden part 7, ``eval_cam``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from recam_core.datasets import Dataset
from recam_core.model import ModelPair
from recam_core.pipeline import gather_evidence, read_out
from recam_core.records import IGNORE, READOUTS, EvalStep, HeatmapOptions, UserError

THRESHOLDS = np.round(np.arange(0.0, 1.0, 0.01), 2).astype(np.float32)


class ThresholdSweep:
    """Counts over (true label, winning label, thresholds exceeded), from which every figure follows.

    Labels run from 0 (background) to K; ``thresholds`` (T,) ascending.
    """

    def __init__(self, classes: int, thresholds: np.ndarray = THRESHOLDS) -> None:
        self.labels = classes + 1
        self.thresholds = np.asarray(thresholds, np.float32)
        self.counts = np.zeros((self.labels, self.labels, len(self.thresholds) + 1), np.int64)

    def add(self, maps: np.ndarray, class_ids: Sequence[int], mask: np.ndarray) -> None:
        """Count one picture: maps (n, H, W) float32 of its true classes, label map (H, W) with 255 = ignore."""
        if len(class_ids) and maps.shape[1:] != mask.shape:
            raise UserError(f"The maps are {maps.shape[1:]}, the mask {mask.shape}; they must have the same size.")
        valid = mask != IGNORE
        truth = mask[valid].astype(np.int64)
        if truth.size and truth.max() >= self.labels:
            raise UserError(f"The mask has the label {truth.max()}, the model only {self.labels - 1} classes.")
        if len(class_ids):
            inside = maps[:, valid].astype(np.float32)
            best = inside.argmax(axis=0)
            winner = np.asarray(class_ids)[best] + 1
            level = np.searchsorted(self.thresholds, np.take_along_axis(inside, best[None], 0)[0], side="left")
        else:
            winner, level = np.ones_like(truth), np.zeros_like(truth)
        flat = (truth * self.labels + winner) * self.counts.shape[2] + level
        values, counts = np.unique(flat, return_counts=True)
        self.counts.reshape(-1)[values] += counts

    def confusion(self, index: int) -> np.ndarray:
        """Confusion matrix (K+1, K+1) at one threshold, rows ground truth, columns prediction."""
        foreground = self.counts[:, :, index + 1 :].sum(axis=2)
        foreground[:, 0] += self.counts[:, :, : index + 1].sum(axis=(1, 2))
        return foreground


def figures(confusion: np.ndarray) -> dict[str, np.ndarray | float]:
    """IoU per label and its mean, FP, FN, precision and recall per foreground class and their means; NaN where undefined.

    FP = 1 − |gt|/|union| and FN = 1 − |prediction|/|union|, so that IoU + FP + FN = 1 for each class.
    """
    hit = np.diag(confusion).astype(float)
    truth, predicted = confusion.sum(axis=1).astype(float), confusion.sum(axis=0).astype(float)
    union = truth + predicted - hit
    with np.errstate(invalid="ignore", divide="ignore"):
        iou, fp, fn = hit / union, 1 - truth / union, 1 - predicted / union
        precision, recall = hit / predicted, hit / truth
    return {
        "iou": iou,
        "miou": mean(iou),
        "fp": mean(fp[1:]),
        "fn": mean(fn[1:]),
        "precision": mean(precision[1:]),
        "recall": mean(recall[1:]),
    }


def mean(values: np.ndarray) -> float:
    """Mean of the defined values; NaN if there is none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


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

    def __str__(self) -> str:
        return f"measured {self.pictures} pictures of {self.dataset} {self.split} with {self.model}"

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
            "readouts": {name: self._summary(sweep) for name, sweep in self.sweeps.items()},
        }

    def _summary(self, sweep: ThresholdSweep) -> dict[str, Any]:
        rows = [figures(sweep.confusion(i)) for i in range(len(sweep.thresholds))]
        miou = np.array([row["miou"] for row in rows])
        best = int(np.nanargmax(miou)) if not np.isnan(miou).all() else 0
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
    readouts: Sequence[str] = READOUTS,
    source: tuple[str, str] = ("", ""),
) -> Iterator[EvalStep | Evaluation]:
    """Measure all readouts on every picture that has a mask; the last event is the result.

    As this field scores seeds: the image-level labels are known, and the maps of the true classes compete. ``source`` is
    the kind and the split of the data set, for the record.
    """
    if tuple(dataset.classes) != pair.classes:
        raise UserError(
            f"The model {pair.name} knows {len(pair.classes)} classes ({', '.join(pair.classes[:3])} …), the data set has "
            f"{len(dataset.classes)} ({', '.join(dataset.classes[:3])} …); they must be the same, in the same order."
        )
    sweeps = {name: ThresholdSweep(len(pair.classes)) for name in readouts}
    measured = 0
    for i in range(len(dataset)):
        mask = dataset.mask(i)
        if mask is not None:
            _measure(pair, dataset.image(i), dataset.labels(i), mask, options, sweeps)
            measured += 1
        yield EvalStep(i + 1, len(dataset), dataset.name(i))
    if measured == 0:
        raise UserError("No picture of this split has a mask, so nothing can be scored; choose a split with masks.")
    yield Evaluation(pair.name, *source, measured, options, pair.classes, sweeps)


def _measure(
    pair: ModelPair,
    picture: np.ndarray,
    labels: np.ndarray,
    mask: np.ndarray,
    options: HeatmapOptions,
    sweeps: dict[str, ThresholdSweep],
) -> None:
    ids = [int(k) for k in np.flatnonzero(labels)]
    evidence = gather_evidence(picture, pair, options, tuple(sweeps)) if ids else None
    for readout, sweep in sweeps.items():
        maps = np.zeros((0, *mask.shape), np.float32)
        if evidence is not None:
            maps = to_size(read_out(evidence, readout, [pair.classes[k] for k in ids]).maps, mask.shape)
        sweep.add(maps, ids, mask)


def to_size(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Maps (n, h, w) at another size (bilinear, half-pixel centres); the same maps where the size agrees."""
    if maps.shape[1:] == tuple(size):
        return maps
    return F.interpolate(torch.from_numpy(maps)[None], tuple(size), mode="bilinear", align_corners=False)[0].numpy()
