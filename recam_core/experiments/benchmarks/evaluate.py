"""Evaluating: all readouts in one pass against one evaluation each, and all thresholds against one."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from recam_core.cam.pipeline import default_classes, gather_evidence
from recam_core.checkpoints.pair_file import load_pair
from recam_core.datasets.samples import sample_picture
from recam_core.evaluation.evaluate import measure
from recam_core.evaluation.metrics import THRESHOLDS
from recam_core.evaluation.sweep import PixelCounts, ThresholdSweep
from recam_core.experiments.benchmarks.boxed import Boxed
from recam_core.experiments.benchmarks.measure import MEASURED, SHAPE, Row, paired
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import READOUTS
from recam_core.records import HeatmapOptions

ONE = 30  # index of the threshold that is counted alone
OPTIONS = HeatmapOptions()
Counted = list[dict[str, PixelCounts]]


def sample_photos(pair: ModelPair, names: Sequence[str] = MEASURED) -> Boxed:
    """The bundled photos, each with a box of every class that the model sees."""
    pictures = [np.ascontiguousarray(sample_picture(name).pixels[: SHAPE[0], : SHAPE[1]]) for name in names]
    ids = [pair.class_ids(default_classes(gather_evidence(p, pair, OPTIONS))) for p in pictures]
    return Boxed(pair.classes, pictures, ids)


def evaluate_rows(device: torch.device, model: str = "photos") -> Iterator[Row]:
    """Pictures a second with all readouts against each by itself, and with all thresholds against one."""
    pair = load_pair(model, device)
    data = sample_photos(pair)
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
    matrices = []
    for name in READOUTS:
        sweep = ThresholdSweep(len(pair.classes), thresholds)
        for counts in pictures:
            sweep.add(counts[name])
        matrices.append(sweep.confusion(index))
    return matrices


def _shape(data: Any) -> str:
    return f"{len(data)} × {SHAPE[1]}×{SHAPE[0]}, flip"
