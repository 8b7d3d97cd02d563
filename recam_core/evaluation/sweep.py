"""Pixel counts from which every segmentation figure follows, for every background threshold at once.

A pixel is foreground where the largest of its maps exceeds the threshold (float32, strictly: background wins a tie), and
belongs to the class of that map (the first wins a tie). So a histogram over (true label, winning class, how many
thresholds the winning value exceeds) holds the confusion matrix of every threshold (golden part 7: ``eval_cam``,
with chainercv's matrix).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recam_core.evaluation.metrics import THRESHOLDS, Areas, mean
from recam_core.records import IGNORE, UserError


@dataclass(frozen=True, eq=False)
class PixelCounts:
    """The histogram of one picture, without its zeros: ``cells`` (m,) flat indices and ``pixels`` (m,) in each, int64.

    Cell ((true label · labels) + winning label) · levels + level, ``levels`` = thresholds + 1, label 0 = background.
    """

    cells: np.ndarray
    pixels: np.ndarray


def count_pixels(
    maps: np.ndarray, class_ids: Sequence[int], mask: np.ndarray, labels: int, thresholds: np.ndarray = THRESHOLDS
) -> PixelCounts:
    """Count one picture: maps (n, H, W) float32 of its true classes, label map (H, W) with 255 = ignore.

    Raises ``UserError`` where the sizes differ, and for a label that is not below ``labels``.
    """
    if len(class_ids) and maps.shape[1:] != mask.shape:
        raise UserError(f"The maps are {maps.shape[1:]}, the mask {mask.shape}; they must have the same size.")
    valid = mask != IGNORE
    truth = mask[valid].astype(np.int64)
    if truth.size and truth.max() >= labels:
        raise UserError(f"The mask has the label {truth.max()}, the model only {labels - 1} classes.")
    if len(class_ids):
        inside = maps[:, valid].astype(np.float32)
        best = inside.argmax(axis=0)
        winner = np.asarray(class_ids)[best] + 1
        level = np.searchsorted(thresholds, np.take_along_axis(inside, best[None], 0)[0], side="left")
    else:
        winner, level = np.ones_like(truth), np.zeros_like(truth)
    return _histogram(truth * labels + winner, level, len(thresholds) + 1)


def count_stacks(
    maps: np.ndarray, class_ids: np.ndarray, masks: np.ndarray, labels: int, thresholds: np.ndarray = THRESHOLDS
) -> PixelCounts:
    """Count P pictures at once: maps (P, n, h, w), whose classes ``class_ids`` (P, n) are −1 where a picture has fewer than n.

    ``masks`` (P, h, w) are label maps with 255 = ignore.
    """
    inside = np.where((class_ids < 0)[:, :, None, None], -np.inf, maps.astype(np.float32))
    best = inside.argmax(axis=1)  # (P, h, w)
    value = np.take_along_axis(inside, best[:, None], 1)[:, 0]
    winner = np.take_along_axis(class_ids, best.reshape(len(best), -1), 1).reshape(best.shape) + 1
    valid = masks != IGNORE
    level = np.searchsorted(thresholds, value[valid], side="left")
    pair = masks[valid].astype(np.int64) * labels + np.maximum(winner[valid], 1)
    return _histogram(pair, level, len(thresholds) + 1)


def _histogram(pair: np.ndarray, level: np.ndarray, levels: int) -> PixelCounts:
    """How often each (pair of labels, level) occurs: counted in a table of the pairs that occur, because sorting is slow."""
    pairs = np.flatnonzero(np.bincount(pair))
    place = np.zeros(pairs[-1] + 1 if len(pairs) else 0, np.int64)
    place[pairs] = np.arange(len(pairs))
    pixels = np.bincount(place[pair] * levels + level)
    there = np.flatnonzero(pixels)
    number, level = np.divmod(there, levels)
    return PixelCounts(pairs[number] * levels + level, pixels[there])


class ThresholdSweep:
    """Counts over (true label, winning label, thresholds exceeded), summed over pictures.

    Labels run from 0 (background) to K; ``thresholds`` (T,) ascending.
    """

    def __init__(self, classes: int, thresholds: Sequence[float] | np.ndarray = THRESHOLDS) -> None:
        self.labels = classes + 1
        self.thresholds = np.asarray(thresholds, np.float32)
        self.counts = np.zeros((self.labels, self.labels, len(self.thresholds) + 1), np.int64)

    def add(self, counts: PixelCounts) -> None:
        """Take in one picture, counted with the same labels and thresholds."""
        self.counts.reshape(-1)[counts.cells] += counts.pixels

    def confusion(self, index: int) -> np.ndarray:
        """Confusion matrix (K+1, K+1) at one threshold, rows ground truth, columns prediction."""
        foreground = self.counts[:, :, index + 1 :].sum(axis=2)
        foreground[:, 0] += self.counts[:, :, : index + 1].sum(axis=(1, 2))
        return foreground

    def areas(self) -> Areas:
        """Areas (K+1, T) of all thresholds, as those of each ``confusion``."""
        exceeding = self.counts[:, :, ::-1].cumsum(axis=2)[:, :, ::-1][:, :, 1:]  # (K+1, K+1, T): level > index
        truth = np.repeat(self.counts.sum(axis=(1, 2))[:, None], len(self.thresholds), axis=1)
        hit, predicted = exceeding.diagonal().T.copy(), exceeding.sum(axis=0)
        hit[0] += truth[0] - exceeding[0].sum(axis=0)
        predicted[0] += truth.sum(axis=0) - exceeding.sum(axis=(0, 1))
        return Areas(hit, truth, predicted)

    def best(self) -> int:
        """Index of the threshold with the highest mIoU (the lowest of equals); 0 where nothing was counted."""
        areas = self.areas()
        return best_of(np.array([mean(iou) for iou in areas.iou.T])) if areas.truth[1:].any() else 0


def best_of(miou: np.ndarray) -> int:
    """Index of the highest mIoU (T,), the lowest of equals; 0 where nothing was counted."""
    return 0 if np.isnan(miou).all() else int(np.nanargmax(miou))
