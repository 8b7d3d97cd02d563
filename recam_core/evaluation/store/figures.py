"""Figures from pixels per picture and label: of a picture, of a class, of the whole set."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recam_core.evaluation.sweep import rates


@dataclass(frozen=True, eq=False)
class PictureFigures:
    """Of each of P pictures, (P,): mean IoU, FP and FN over the classes that its mask or its map has.

    For each class IoU + FP + FN = 1 (shares of the union of map and object), so it is for their means; NaN without a class.
    ``size`` is the share of the counted pixels that are object, ``classes`` how many classes the mask has.
    """

    iou: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    size: np.ndarray
    classes: np.ndarray


@dataclass(frozen=True, eq=False)
class Areas:
    """Pixels of P pictures and K + 1 labels under one map at one threshold: (P, K+1) each."""

    hit: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray

    @cached_property
    def union(self) -> np.ndarray:
        """Pixels that are the label or are called so, (P, K+1)."""
        return self.truth + self.predicted - self.hit

    def total(self) -> dict[str, np.ndarray | float]:
        """Figures of all pictures taken together (``sweep.rates``), with ``over`` (K+1,) = FP / (TP + FP) of each label."""
        hit, truth, predicted = (part.sum(axis=0) for part in (self.hit, self.truth, self.predicted))
        union = truth + predicted - hit
        with np.errstate(invalid="ignore", divide="ignore"):
            return rates(hit, truth, predicted) | {
                "class_fp": 1 - truth / union,
                "class_fn": 1 - predicted / union,
                "over": 1 - hit / predicted,
            }

    def pictures(self, label: int | None = None) -> PictureFigures:
        """Figures of each picture; of one label alone where it is given."""
        chosen = slice(1, None) if label is None else slice(label, label + 1)
        hit, truth, union = self.hit[:, chosen], self.truth[:, chosen], self.union[:, chosen]
        predicted = self.predicted[:, chosen]
        there = union > 0
        count = there.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            iou, fp, fn = (
                np.where(there, share, 0).sum(axis=1) / count
                for share in (hit / union, 1 - truth / union, 1 - predicted / union)
            )
            size = truth.sum(axis=1) / self.truth.sum(axis=1)
        return PictureFigures(iou, fp, fn, size, (self.truth[:, 1:] > 0).sum(axis=1))
