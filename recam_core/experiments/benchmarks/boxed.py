"""Pictures whose masks nobody drew, as a data set for timings: each class has a box instead."""

from collections.abc import Sequence

import numpy as np


class Boxed:
    """``pictures`` (H, W, 3) uint8 with the class ids of each in ``ids``; their masks are boxes side by side.

    What fitting and counting cost depends on the number of classes and pixels, not on where they lie.
    """

    def __init__(self, classes: Sequence[str], pictures: Sequence[np.ndarray], ids: Sequence[Sequence[int]]) -> None:
        self.classes, self.pictures, self.ids = tuple(classes), pictures, ids

    def __len__(self) -> int:
        return len(self.pictures)

    def name(self, i: int) -> str:
        """Its number."""
        return str(i)

    def image(self, i: int) -> np.ndarray:
        """(H, W, 3) uint8."""
        return self.pictures[i]

    def labels(self, i: int) -> np.ndarray:
        """Multi-hot (K,) float32."""
        return np.isin(np.arange(len(self.classes)), self.ids[i]).astype(np.float32)

    def mask(self, i: int) -> np.ndarray:
        """Boxes side by side, one a class, (H, W) uint8."""
        height, width = self.pictures[i].shape[:2]
        labels = np.zeros((height, width), np.uint8)
        for k, columns in zip(self.ids[i], np.array_split(np.arange(width), len(self.ids[i])), strict=True):
            labels[height // 4 : -height // 4, columns[len(columns) // 4 :]] = k + 1
        return labels
