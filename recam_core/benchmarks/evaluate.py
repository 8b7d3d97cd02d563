"""Evaluating: all readouts in one pass against one evaluation each, and all thresholds against one."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from recam_core.benchmarks.measure import SHAPE, Row, paired
from recam_core.evaluation import measure
from recam_core.model import ModelPair
from recam_core.pipeline import default_classes, gather_evidence
from recam_core.records import READOUTS, HeatmapOptions
from recam_core.samples import PHOTOS, read_sample
from recam_core.shelf import load_pair
from recam_core.sweep import THRESHOLDS, PixelCounts, ThresholdSweep

ONE = 30  # index of the threshold that is counted alone
OPTIONS = HeatmapOptions()
Counted = list[dict[str, PixelCounts]]


class Photos:
    """The bundled photos as a data set. Their true masks are unknown: each has a box of every class that the model sees.

    What counting costs depends on the number of classes and pixels, not on where they lie.
    """

    def __init__(self, pair: ModelPair, names: Sequence[str] = tuple(PHOTOS)) -> None:
        self.classes, self.names = pair.classes, list(names)
        self.pictures = [np.ascontiguousarray(read_sample(name)[0].pixels[: SHAPE[0], : SHAPE[1]]) for name in names]
        self.ids = [pair.class_ids(default_classes(gather_evidence(p, pair, OPTIONS))) for p in self.pictures]

    def __len__(self) -> int:
        return len(self.names)

    def name(self, i: int) -> str:
        """Name of the sample."""
        return self.names[i]

    def image(self, i: int) -> np.ndarray:
        """(H, W, 3) uint8."""
        return self.pictures[i]

    def labels(self, i: int) -> np.ndarray:
        """Multi-hot (K,): what the model sees."""
        return np.isin(np.arange(len(self.classes)), self.ids[i]).astype(np.float32)

    def mask(self, i: int) -> np.ndarray:
        """Boxes side by side, one a class."""
        height, width = self.pictures[i].shape[:2]
        labels = np.zeros((height, width), np.uint8)
        for k, columns in zip(self.ids[i], np.array_split(np.arange(width), len(self.ids[i])), strict=True):
            labels[height // 4 : -height // 4, columns[len(columns) // 4 :]] = k + 1
        return labels


def evaluate_rows(device: torch.device, model: str = "photos") -> Iterator[Row]:
    """Pictures a second with all readouts against each by itself, and with all thresholds against one."""
    pair = load_pair(model, device)
    data = Photos(pair)
    yield readouts_row(pair, data)
    yield thresholds_row(pair, data)


def readouts_row(pair: ModelPair, data: Any, rounds: int = 5) -> Row:
    """Five readouts of two networks in one pass, against one evaluation a readout."""

    def ours() -> Counted:
        return list(measure(pair, data, OPTIONS))

    def plain() -> Counted:
        alone = [list(measure(pair, data, OPTIONS, (readout,))) for readout in READOUTS]
        return [{name: counts for part in parts for name, counts in part.items()} for parts in zip(*alone, strict=True)]

    difference = max(
        abs(a - b).max() for a, b in zip(_confusions(ours(), pair), _confusions(plain(), pair), strict=True)
    )
    assert difference <= 8 * len(data), "a pixel on a threshold may fall on either side, no more"
    a, b, spread = paired(ours, plain, rounds)
    note = f"{len(data) / a:.2f} pictures/s with all readouts / {len(data) / b:.2f} with each by itself; {spread}"
    return Row("evaluate/readouts", _shape(data), a, b, b / a, note=note)


def thresholds_row(pair: ModelPair, data: Any, rounds: int = 5) -> Row:
    """All thresholds in one pass, against one threshold in one pass."""
    one = THRESHOLDS[ONE : ONE + 1]

    def ours() -> Counted:
        return list(measure(pair, data, OPTIONS))

    def plain() -> Counted:
        return list(measure(pair, data, OPTIONS, thresholds=one))

    mine, theirs = _confusions(ours(), pair), _confusions(plain(), pair, one)
    assert all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
    a, b, spread = paired(ours, plain, rounds)
    note = (
        f"{len(THRESHOLDS)} thresholds cost {a / b:.2f}× one; a pass for each would cost {len(THRESHOLDS)}×; {spread}"
    )
    return Row("evaluate/thresholds", _shape(data), a, b, b / a, note=note)


def _confusions(pictures: Counted, pair: ModelPair, thresholds: np.ndarray = THRESHOLDS) -> list[np.ndarray]:
    """Confusion matrices of each readout at the threshold that both forms have."""
    index = ONE if len(thresholds) > 1 else 0
    found = []
    for name in READOUTS:
        sweep = ThresholdSweep(len(pair.classes), thresholds)
        for counts in pictures:
            sweep.add(counts[name])
        found.append(sweep.confusion(index))
    return found


def _shape(data: Any) -> str:
    return f"{len(data)} × {SHAPE[1]}×{SHAPE[0]}, flip"
