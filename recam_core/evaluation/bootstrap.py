"""Figures at thresholds chosen elsewhere, and paired bootstrap intervals over pictures."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from scipy.sparse import csr_array

from recam_core.evaluation.metrics import THRESHOLDS, Areas, figures, means_of, share
from recam_core.evaluation.sweep import PixelCounts, ThresholdSweep

RESAMPLES = 2000
BLOCK = 1 << 20  # numbers that are drawn at once, 8 MB
MOST_BYTES = 1 << 24  # bytes of draws that are kept
MANY = MOST_BYTES // RESAMPLES  # pictures; more are drawn one by one
SPARSE = 0.25  # of the numbers are not 0, in areas that are summed without their zeros
Numbers: TypeAlias = np.ndarray | csr_array
Counted = tuple[Numbers, Numbers]  # pixels hit and pixels in the union, (P, labels that occur) each


def best_threshold(counts: Sequence[PixelCounts], labels: int) -> int:
    """Index of the threshold with the highest mIoU over some pictures; ``labels`` = K + 1."""
    sweep = ThresholdSweep(labels - 1)
    for picture in counts:
        sweep.add(picture)
    return sweep.best()


def confusions(counts: Sequence[PixelCounts], labels: int, thresholds: Sequence[int]) -> np.ndarray:
    """Confusion matrix of each picture at its own threshold index, (P, K+1, K+1), rows ground truth."""
    levels = len(THRESHOLDS) + 1
    out = np.zeros((len(counts), labels, labels))
    for matrix, picture, threshold in zip(out, counts, thresholds, strict=True):
        pair, level = np.divmod(picture.cells, levels)
        truth, winner = np.divmod(pair, labels)
        np.add.at(matrix, (truth, np.where(level > threshold, winner, 0)), picture.pixels)
    return out


def row(matrices: np.ndarray, thresholds: Sequence[int]) -> dict[str, Any]:
    """Figures of pictures (P, K+1, K+1) taken together, fractions; the mean where pictures had several thresholds.

    ``on_background`` and ``on_others`` say what the wrong part of the predicted foreground lies on, as shares of it.
    """
    total = matrices.sum(axis=0)
    scores = figures(total)
    row = {key: float(scores[key]) for key in ("miou", "fp", "fn", "precision", "recall")}
    claimed = max(total[:, 1:].sum(), 1)
    row["on_background"] = total[0, 1:].sum() / claimed
    row["on_others"] = (total[1:, 1:].sum() - total.diagonal()[1:].sum()) / claimed
    return {
        "threshold": round(float(np.mean(THRESHOLDS[list(thresholds)])), 4),
        **{key: round(float(value), 5) for key, value in row.items()},
    }


def best_row(counts: Sequence[PixelCounts], labels: int) -> dict[str, Any]:
    """Figures at the threshold that is best for these very pictures."""
    thresholds = [best_threshold(counts, labels)] * len(counts)
    return row(confusions(counts, labels, thresholds), thresholds)


def gain(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], seed: int = 0) -> dict[str, float]:
    """mIoU of ours over theirs, with its 95 % interval when the pictures are drawn again, in fractions.

    One (P, K+1, K+1) a training seed for each side. A draw takes the same pictures for both sides and every seed (a paired
    percentile bootstrap); the difference is the mean over seeds. What training again would change is not in the interval.
    """
    return gain_of_areas([Areas.of(m) for m in ours], [Areas.of(m) for m in theirs], seed)


def gain_of_areas(ours: Sequence[Areas], theirs: Sequence[Areas], seed: int = 0) -> dict[str, float]:
    """As ``gain``, from areas (P, K+1) of each picture: all that mIoU needs, and much less to draw from."""
    count = len(ours[0].hit)
    pairs = [(_occurring(a), _occurring(b)) for a, b in zip(ours, theirs, strict=True)]
    difference = np.concatenate([_difference(pairs, draws.astype(float)) for draws in _draws(count, seed)])
    centre = _difference(pairs, np.ones((1, count)))[0]
    low, high = np.percentile(difference, [2.5, 97.5])
    return {"mean": round(float(centre), 5), "low": round(float(low), 5), "high": round(float(high), 5)}


def _draws(count: int, seed: int) -> Iterator[np.ndarray]:
    """How often each of ``count`` pictures is in each draw, block after block (r, P); the same at any size of the blocks."""
    if count * RESAMPLES > MOST_BYTES:
        yield from _drawn(count, seed)
        return
    draws, rows = _all_draws(count, seed), _rows(count)
    for start in range(0, RESAMPLES, rows):
        yield draws[start : start + rows]


@lru_cache(maxsize=2)
def _all_draws(count: int, seed: int) -> np.ndarray:
    """All draws (R, P); kept, because a slider asks for the same again."""
    return np.concatenate(list(_drawn(count, seed)))


def _drawn(count: int, seed: int) -> Iterator[np.ndarray]:
    rng, chances = np.random.default_rng(seed), np.full(count, 1 / count)
    for start in range(0, RESAMPLES, _rows(count)):
        rows = min(_rows(count), RESAMPLES - start)
        # a picture is in a draw once on average: more than 255 times cannot happen, or (from 256 pictures on) never does
        if count > MANY:  # a quarter of the time
            drawn = np.stack([np.bincount(rng.integers(0, count, count), minlength=count) for _ in range(rows)])
        else:
            drawn = rng.multinomial(count, chances, rows)
        yield drawn.astype(np.uint8)


def _rows(count: int) -> int:
    return max(1, BLOCK // count)


def _occurring(side: Areas) -> Counted:
    """Without the labels that no picture has, which cannot occur in a draw."""
    there = side.union.any(axis=0)
    hit, union = side.hit[:, there].astype(float), side.union[:, there].astype(float)
    if np.count_nonzero(union) > SPARSE * union.size:
        return hit, union
    return csr_array(hit), csr_array(union)  # the same sums: those of whole numbers are exact


def _difference(pairs: Sequence[tuple[Counted, Counted]], draws: np.ndarray) -> np.ndarray:
    """What the first has over the second in each draw (r, P) of pictures, mean over the pairs, (r,)."""
    return np.mean([_miou(a, draws) - _miou(b, draws) for a, b in pairs], axis=0)


def _miou(side: Counted, draws: np.ndarray) -> np.ndarray:
    """mIoU of each draw (R, P) of pictures, over the labels that occur in it, (R,)."""
    hit, union = side
    return means_of(share(draws @ hit, draws @ union), axis=1)
