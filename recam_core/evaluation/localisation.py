"""Localisation as that field scores it: MaxBoxAcc and pixel average precision (Choe et al., CVPR 2020, arXiv 2001.07437).

An object here is a class of a picture that its mask shows, and every object counts once. Its boxes are those around the
connected parts of its mask, or, where a data set has no masks, those of its annotations. As in version 2 of the protocol (arXiv
2007.04178), any box around a part of the map may meet any of them, and the figure is the mean over the IoUs that are asked for,
each at the threshold that suits it best.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from recam_core.evaluation.metrics import share
from recam_core.records import IGNORE

REQUIRED = (0.3, 0.5, 0.7)  # the IoU of two boxes that makes a hit


@dataclass(frozen=True, eq=False)
class ObjectCounts:
    """What one map says of n objects: ``picture`` (n,) its number, ``label`` (n,) its class id + 1.

    ``iou`` (n, T) is that of the best pair of boxes at each of T thresholds, 0 where the map exceeds it nowhere. ``inside`` and
    ``outside`` (n, T + 1) are pixels on and off the object by how many thresholds their value exceeds; zeros without a mask.
    """

    picture: np.ndarray
    label: np.ndarray
    iou: np.ndarray
    inside: np.ndarray
    outside: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> "ObjectCounts":
        return ObjectCounts(*(values[chosen] for values in vars(self).values()))


@dataclass(frozen=True)
class Localisation:
    """Figures of one map over all objects, fractions in [0, 1].

    ``box_accuracy`` is the share of objects that are hit at each of ``REQUIRED``, ``thresholds`` where each is highest;
    ``max_box_acc`` is their mean, ``pxap`` the area under pixel precision over pixel recall, NaN where no pixel is known.
    """

    objects: int
    max_box_acc: float
    box_accuracy: tuple[float, ...]
    thresholds: tuple[float, ...]
    pxap: float


def object_counts(
    picture: int, maps: np.ndarray, class_ids: Sequence[int], mask: np.ndarray, thresholds: np.ndarray
) -> ObjectCounts:
    """Count those of a picture's n maps (n, H, W) whose class its label map (H, W) shows; pixels of label 255 count nowhere."""
    known = mask != IGNORE
    rows = []
    for values, k in zip(maps, class_ids, strict=True):
        truth = mask == k + 1
        if truth.any():
            level = np.searchsorted(thresholds, values, side="left")
            counts = [np.bincount(level[where], minlength=len(thresholds) + 1) for where in (truth, known & ~truth)]
            rows.append((picture, k + 1, box_ious(level, boxes_of(truth), len(thresholds), known), *counts))
    return _stacked(rows, len(thresholds))


def box_counts(
    picture: int, maps: np.ndarray, class_ids: Sequence[int], boxes: Mapping[int, np.ndarray], thresholds: np.ndarray
) -> ObjectCounts:
    """The same where only boxes (m, 4) of each class are known, by class id: IoUs alone, and no pixel."""
    rows = []
    nothing = np.zeros(len(thresholds) + 1, int)
    for values, k in zip(maps, class_ids, strict=True):
        if len(boxes.get(k, ())):
            level = np.searchsorted(thresholds, values, side="left")
            rows.append((picture, k + 1, box_ious(level, boxes[k], len(thresholds)), nothing, nothing))
    return _stacked(rows, len(thresholds))


def box_ious(level: np.ndarray, true_boxes: np.ndarray, thresholds: int, known: np.ndarray | None = None) -> np.ndarray:
    """The IoU (T,) of the best pair of boxes at each threshold, of which a map exceeds ``level`` (H, W) many."""
    return np.array([best_iou(boxes_of(level > index, known), true_boxes) for index in range(thresholds)], np.float32)


def _stacked(rows: Sequence[tuple], thresholds: int) -> ObjectCounts:
    if not rows:
        return no_objects(thresholds)
    return ObjectCounts(*(np.stack(column) for column in zip(*rows, strict=True)))


def no_objects(thresholds: int) -> ObjectCounts:
    """The counts where there is nothing to find."""
    none, levels = np.zeros(0, int), np.zeros((0, thresholds + 1), int)
    return ObjectCounts(none, none, np.zeros((0, thresholds), np.float32), levels, levels)


def joined_objects(parts: Sequence[ObjectCounts]) -> ObjectCounts:
    """The objects of several counts, in their order."""
    return ObjectCounts(*(np.concatenate(column) for column in zip(*(vars(p).values() for p in parts), strict=True)))


def boxes_of(area: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """Boxes (m, 4) around the connected parts (8 neighbours) of an area (H, W) bool: left, top, right, bottom, ends excluded.

    Pixels that are not ``known`` hold a part together and are not what its box lies around: VOC leaves a border around every
    object unlabelled, and what is cut along that has the object's own box.
    """
    from scipy.ndimage import find_objects  # a quarter of a second to load, for boxes alone

    _, parts = cv2.connectedComponents(area.view(np.uint8), connectivity=8)
    places = find_objects(parts if known is None else parts * known)
    return np.array([(x.start, y.start, x.stop, y.stop) for y, x in filter(None, places)], int).reshape(-1, 4)


def best_iou(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest IoU of a box of ours (m, 4) and one of theirs (l, 4); 0 without any."""
    if not len(ours) or not len(theirs):
        return 0.0
    a, b = ours[:, None], theirs[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    common = sides.clip(0).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (a, b)]
    return float((common / (areas[0] + areas[1] - common)).max())


def localisation(counts: ObjectCounts, thresholds: np.ndarray) -> Localisation:
    """The figures of some objects; NaN without any."""
    if not len(counts.label):
        nothing = (float("nan"),) * len(REQUIRED)
        return Localisation(0, float("nan"), nothing, nothing, float("nan"))
    rates = np.stack([(counts.iou >= np.float32(needed)).mean(axis=0) for needed in REQUIRED])  # (3, T)
    best = rates.argmax(axis=1)
    highest = rates[np.arange(len(REQUIRED)), best]
    return Localisation(
        objects=len(counts.label),
        max_box_acc=float(highest.mean()),
        box_accuracy=tuple(float(rate) for rate in highest),
        thresholds=tuple(round(float(thresholds[index]), 4) for index in best),
        pxap=average_precision(counts.inside.sum(axis=0), counts.outside.sum(axis=0)),
    )


def average_precision(inside: np.ndarray, outside: np.ndarray) -> float:
    """PxAP = Σ_l P(l) · (R(l) − R(l + 1)) from pixels by level (T + 1,), from the highest level down to all; NaN without any."""
    hit, claimed = (np.cumsum(counts[::-1]) for counts in (inside, inside + outside))
    recall = share(hit, hit[-1])
    precision = np.nan_to_num(share(hit, claimed))  # nothing is claimed: no recall either
    return float((precision * np.diff(recall, prepend=0)).sum())
