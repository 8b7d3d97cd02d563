"""The figures of this field, from three counts of pixels: hit (true and predicted), truth and predicted.

Whatever counts pixels (a sweep, a store, a slider, the bootstrap) makes ``Areas`` of them and reads the figures there.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

SLIDER = np.linspace(0, 1, 101).astype(np.float32)  # thresholds 0.00, 0.01 … 1.00, as a slider in hundredths sends them
THRESHOLDS = SLIDER[:-1]  # those that are evaluated: no normalised map exceeds 1


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
    """Pixels that are a label and called so, that are it, and that are called so: three arrays of one shape.

    Shares have that shape too, and are NaN where undefined. IoU + FP + FN = 1: wrong and missed are shares of the union.
    """

    hit: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray

    @classmethod
    def of(cls, confusion: np.ndarray) -> "Areas":
        """Areas (…, K+1) of confusion matrices (…, K+1, K+1), rows ground truth, columns prediction."""
        return cls(confusion.diagonal(axis1=-2, axis2=-1), confusion.sum(axis=-1), confusion.sum(axis=-2))

    def __getitem__(self, index: Any) -> "Areas":
        return Areas(self.hit[index], self.truth[index], self.predicted[index])

    @cached_property
    def union(self) -> np.ndarray:
        """Pixels that are the label or are called so."""
        return self.truth + self.predicted - self.hit

    @property
    def iou(self) -> np.ndarray:
        """Intersection over union."""
        return share(self.hit, self.union)

    @property
    def fp(self) -> np.ndarray:
        """1 − |truth| / |union|: wrongly claimed."""
        return 1 - share(self.truth, self.union)

    @property
    def fn(self) -> np.ndarray:
        """1 − |predicted| / |union|: missed."""
        return 1 - share(self.predicted, self.union)

    def figures(self) -> dict[str, np.ndarray | float]:
        """Of labels (K+1,): IoU of each and its mean, and means of FP, FN, precision and recall over foreground classes.

        Where no pixel is of a class there is nothing to find, and no mIoU: background alone would make it look good.
        """
        iou, precision, recall = self.iou, share(self.hit, self.predicted), share(self.hit, self.truth)
        return {
            "iou": iou,
            "miou": mean(iou) if self.truth[1:].any() else float("nan"),
            "fp": mean(self.fp[1:]),
            "fn": mean(self.fn[1:]),
            "precision": mean(precision[1:]),
            "recall": mean(recall[1:]),
        }

    def total(self) -> dict[str, np.ndarray | float]:
        """Figures of P pictures (P, K+1) taken together, with ``over`` (K+1,) = FP / (TP + FP) of each label."""
        whole = Areas(*(part.sum(axis=0) for part in (self.hit, self.truth, self.predicted)))
        over = 1 - share(whole.hit, whole.predicted)
        return whole.figures() | {"class_fp": whole.fp, "class_fn": whole.fn, "over": over}

    def pictures(self, label: int | None = None) -> PictureFigures:
        """Figures of each of P pictures (P, K+1); of one label alone where it is given."""
        chosen = self[:, 1:] if label is None else self[:, label : label + 1]
        means = (means_of(values, axis=1) for values in (chosen.iou, chosen.fp, chosen.fn))
        size = share(chosen.truth.sum(axis=1), self.truth.sum(axis=1))
        return PictureFigures(*means, size, (self.truth[:, 1:] > 0).sum(axis=1))


def figures(confusion: np.ndarray) -> dict[str, np.ndarray | float]:
    """What ``Areas.figures`` says of a confusion matrix (K+1, K+1), rows ground truth, columns prediction."""
    return Areas.of(confusion).figures()


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole``, NaN where there is nothing to have a part of."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return part / whole


def mean(values: np.ndarray) -> float:
    """Mean of the defined values; NaN if there is none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


def means_of(values: np.ndarray, axis: int) -> np.ndarray:
    """Means of the defined values along an axis; NaN where there is none. (``mean`` of each, but for the last bit.)"""
    defined = ~np.isnan(values)
    return share(np.where(defined, values, 0).sum(axis=axis), defined.sum(axis=axis))
