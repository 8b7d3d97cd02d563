"""The drawn classes as data: each is a list of parts in its own frame, x to the right, y down, about −1 … 1.

Bodies are large and quiet: their colour is random and only a faint pattern tells the class. A few small parts are loud.
Related classes share parts on purpose (docs/models.md says which), so that a classifier has something to get wrong.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Part:
    """A filled polygon (n, 2); ``paint`` is "body" (random colour, faint ``pattern``) or a fixed RGB colour."""

    points: np.ndarray
    paint: str | tuple[int, int, int]
    pattern: str = ""


def ellipse(cx: float, cy: float, rx: float, ry: float, n: int = 40) -> np.ndarray:
    """Points (n, 2) on an axis-parallel ellipse."""
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([cx + rx * np.cos(angle), cy + ry * np.sin(angle)], axis=1)


def box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """Corners (4, 2) of an axis-parallel rectangle."""
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=float)


def polygon(*points: tuple[float, float]) -> np.ndarray:
    """Corners (n, 2) as given."""
    return np.array(points, dtype=float)


DARK = (35, 32, 38)
GLASS = (176, 212, 230)
PINK = (238, 142, 160)
ORANGE = (243, 156, 38)
RED = (214, 60, 52)
CREAM = (244, 236, 214)


def _four_legs(pattern: str) -> list[Part]:
    """The trunk, legs and tail that cat and dog have in common."""
    legs = [Part(box(x, 0.3, x + 0.17, 0.95), "body", pattern) for x in (-0.75, -0.45, 0.1, 0.4)]
    tail = Part(polygon((-0.8, 0.0), (-1.15, -0.55), (-1.0, -0.6), (-0.65, -0.15)), "body", pattern)
    return [*legs, tail, Part(ellipse(-0.12, 0.12, 0.8, 0.42), "body", pattern)]


def _wheels(*xs: float) -> list[Part]:
    return [
        part for x in xs for part in (Part(ellipse(x, 0.62, 0.24, 0.24), DARK), Part(ellipse(x, 0.62, 0.1, 0.1), CREAM))
    ]


def _eye(x: float, y: float) -> list[Part]:
    return [Part(ellipse(x, y, 0.1, 0.1), CREAM), Part(ellipse(x + 0.02, y, 0.05, 0.05), DARK)]


SHAPES: dict[str, list[Part]] = {
    "cat": [
        *_four_legs("bars"),
        Part(ellipse(0.68, -0.32, 0.36, 0.34), "body", "bars"),
        Part(polygon((0.38, -0.48), (0.42, -0.98), (0.68, -0.62)), PINK),
        Part(polygon((0.7, -0.62), (0.96, -0.98), (0.99, -0.46)), PINK),
        *_eye(0.76, -0.36),
    ],
    "dog": [
        *_four_legs("spots"),
        Part(ellipse(0.68, -0.32, 0.36, 0.34), "body", "spots"),
        Part(ellipse(0.98, -0.2, 0.24, 0.16), CREAM),
        Part(ellipse(1.16, -0.24, 0.08, 0.07), DARK),
        Part(ellipse(0.42, -0.28, 0.14, 0.36), DARK),
        *_eye(0.76, -0.42),
    ],
    "bird": [
        Part(polygon((-0.6, 0.0), (-1.15, -0.2), (-1.1, 0.25)), "body", "scales"),
        Part(ellipse(-0.05, 0.1, 0.7, 0.45), "body", "scales"),
        Part(ellipse(0.58, -0.3, 0.3, 0.28), "body", "scales"),
        Part(polygon((0.82, -0.42), (1.22, -0.26), (0.82, -0.16)), ORANGE),
        Part(box(-0.1, 0.5, -0.03, 0.95), ORANGE),
        Part(box(0.15, 0.5, 0.22, 0.95), ORANGE),
        *_eye(0.64, -0.36),
    ],
    "fish": [
        Part(polygon((-0.55, 0.0), (-1.15, -0.45), (-1.0, 0.0), (-1.15, 0.45)), RED),
        Part(ellipse(0.1, 0.0, 0.82, 0.46), "body", "scales"),
        Part(polygon((-0.15, -0.4), (0.15, -0.75), (0.4, -0.38)), RED),
        *_eye(0.6, -0.1),
    ],
    "car": [
        Part(polygon((-0.6, -0.05), (-0.4, -0.5), (0.35, -0.5), (0.62, -0.05)), "body", "lines"),
        Part(box(-1.1, -0.08, 1.1, 0.6), "body", "lines"),
        Part(polygon((-0.42, -0.08), (-0.3, -0.4), (0.0, -0.4), (0.0, -0.08)), GLASS),
        Part(polygon((0.08, -0.08), (0.08, -0.4), (0.28, -0.4), (0.45, -0.08)), GLASS),
        Part(ellipse(1.02, 0.12, 0.09, 0.09), ORANGE),
        *_wheels(-0.6, 0.6),
    ],
    "bus": [
        Part(box(-1.15, -0.75, 1.15, 0.6), "body", "grid"),
        *[Part(box(x, -0.55, x + 0.34, -0.15), GLASS) for x in (-1.0, -0.55, -0.1, 0.35)],
        Part(box(0.8, -0.55, 1.08, 0.45), DARK),
        *_wheels(-0.6, 0.45),
    ],
    "boat": [
        Part(polygon((-1.1, 0.25), (1.15, 0.25), (0.75, 0.85), (-0.8, 0.85)), "body", "lines"),
        Part(box(-0.06, -0.95, 0.04, 0.25), DARK),
        Part(polygon((0.1, -0.9), (0.85, 0.15), (0.1, 0.15)), CREAM),
        Part(polygon((-0.12, -0.7), (-0.7, 0.15), (-0.12, 0.15)), RED),
    ],
    "tree": [
        Part(box(-0.16, 0.2, 0.16, 1.0), DARK),
        Part(ellipse(-0.38, 0.0, 0.5, 0.45), "body", "speckle"),
        Part(ellipse(0.38, 0.0, 0.5, 0.45), "body", "speckle"),
        Part(ellipse(0.0, -0.45, 0.58, 0.5), "body", "speckle"),
        *[Part(ellipse(x, y, 0.09, 0.09), RED) for x, y in ((-0.3, -0.4), (0.25, -0.55), (0.45, 0.05), (-0.45, 0.12))],
    ],
}
