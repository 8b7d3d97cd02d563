"""Pictures in memory with labels that a person gave them, as a data set."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import numpy as np

from recam_core.records import Picture, UserError


class Labelled:
    """A handful of pictures, each with the names of the classes in it; nobody drew a mask.

    Raises ``UserError`` for a label that is none of ``classes``, or a picture without one.
    """

    def __init__(
        self, classes: Sequence[str], pictures: Sequence[Picture], labels: Mapping[str, Sequence[str]]
    ) -> None:
        self.classes = tuple(classes)
        self.pictures = tuple(pictures)
        self._labels = [label_row(self.classes, p.name, labels.get(p.sha256, ())) for p in self.pictures]

    def __len__(self) -> int:
        return len(self.pictures)

    def name(self, i: int) -> str:
        """The name of the file it came from."""
        return self.pictures[i].name

    def image(self, i: int) -> np.ndarray:
        """(H, W, 3) uint8."""
        return self.pictures[i].pixels

    def labels(self, i: int) -> np.ndarray:
        """Multi-hot (K,) float32."""
        return self._labels[i]

    def mask(self, i: int) -> None:
        """Nobody knows."""


def label_row(classes: Sequence[str], picture: str, labels: Sequence[str]) -> np.ndarray:
    """The labels of the picture of that name as multi-hot (K,) float32; raises ``UserError`` as `Labelled` does."""
    if not labels:
        raise UserError(f"“{picture}” has no label; say which classes it shows, or leave it out.")
    known = {name: k for k, name in enumerate(classes)}
    row = np.zeros(len(classes), np.float32)
    for label in labels:
        if label not in known:
            raise UserError(_unknown(label, picture, classes))
        row[known[label]] = 1
    return row


def _unknown(label: str, picture: str, classes: Sequence[str]) -> str:
    near = get_close_matches(label.lower(), classes, 3, 0.6)
    hint = f"; did you mean {' or '.join(near)}?" if near else f"; it knows {', '.join(classes[:8])} …"
    return f"“{picture}” is labelled “{label}”, which the model does not know{hint}"
