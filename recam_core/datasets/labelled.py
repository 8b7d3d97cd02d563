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
        self._labels = np.zeros((len(self.pictures), len(self.classes)), np.float32)
        known = {name: k for k, name in enumerate(self.classes)}
        for i, picture in enumerate(self.pictures):
            given = labels.get(picture.sha256, ())
            if not given:
                raise UserError(f"“{picture.name}” has no label; say which classes it shows, or leave it out.")
            for name in given:
                if name not in known:
                    raise UserError(_unknown(name, picture.name, self.classes))
                self._labels[i, known[name]] = 1

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


def _unknown(label: str, picture: str, classes: Sequence[str]) -> str:
    near = get_close_matches(label.lower(), classes, 3, 0.6)
    meant = f"; did you mean {' or '.join(near)}?" if near else f"; it knows {', '.join(classes[:8])} …"
    return f"“{picture}” is labelled “{label}”, which the model does not know{meant}"
