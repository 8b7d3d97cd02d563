"""Data sets: (image, labels, mask) triples of one split.

Contract: ``classes``, ``len()``, and for a picture's index ``name``, ``image`` (H, W, 3) uint8, ``labels`` (K,) float32
multi-hot, ``mask`` (H, W) uint8 label map (0 background, class index + 1, 255 ignore) or None.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from recam_core.datasets.coco import Coco
from recam_core.datasets.scenes import Scenes
from recam_core.records import UserError


class Dataset(Protocol):
    """What training and evaluation ask of a data set."""

    classes: tuple[str, ...]

    def __len__(self) -> int: ...

    def name(self, i: int) -> str:
        """A stable name of picture ``i``."""

    def image(self, i: int) -> np.ndarray:
        """(H, W, 3) uint8."""

    def labels(self, i: int) -> np.ndarray:
        """(K,) float32, multi-hot."""

    def mask(self, i: int) -> np.ndarray | None:
        """(H, W) uint8 label map, or None where only image-level labels are known."""


DATASETS: dict[str, Callable[[str, str], Dataset]] = {
    "scenes": lambda root, split: Scenes(split),
    "coco": Coco,
}


def open_dataset(kind: str, root: str, split: str) -> Dataset:
    """A split of a data set by the name of its kind; ``root`` is the folder of those that live on disk."""
    if kind not in DATASETS:
        raise UserError(f"There is no data set kind {kind!r}; choose one of {', '.join(DATASETS)}.")
    return DATASETS[kind](root, split)


def streamed(dataset: Dataset) -> Dataset:
    """The same data set for somebody who looks at each picture once: what was drawn is not kept."""
    if isinstance(dataset, Scenes):
        dataset.kept = 1
    return dataset
