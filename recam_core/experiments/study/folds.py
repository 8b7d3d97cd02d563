"""Splitting the pictures of a data set into folds that are the same for everybody."""

from collections.abc import Sequence

import numpy as np

from recam_core.datasets import Dataset


def fold_of(count: int, folds: int) -> np.ndarray:
    """The fold of each of ``count`` pictures, (count,), sizes as equal as they can be."""
    fold = np.empty(count, int)
    fold[np.random.default_rng(0).permutation(count)] = np.arange(count) % folds
    return fold


class Subset:
    """Some pictures of a data set, as a data set."""

    def __init__(self, dataset: Dataset, indices: Sequence[int] | np.ndarray) -> None:
        self.dataset, self.indices = dataset, [int(i) for i in indices]
        self.classes = dataset.classes

    def __len__(self) -> int:
        return len(self.indices)

    def name(self, i: int) -> str:
        """The name that picture ``i`` has in the whole data set."""
        return self.dataset.name(self.indices[i])

    def image(self, i: int) -> np.ndarray:
        """(H, W, 3) uint8."""
        return self.dataset.image(self.indices[i])

    def labels(self, i: int) -> np.ndarray:
        """(K,) float32, multi-hot."""
        return self.dataset.labels(self.indices[i])

    def mask(self, i: int) -> np.ndarray | None:
        """(H, W) uint8 label map, or None."""
        return self.dataset.mask(self.indices[i])
