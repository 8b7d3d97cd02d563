"""Painting one scene: backgrounds, clutter, objects with faint body patterns, and the exact mask."""

import cv2
import numpy as np

from recam_core.datasets.scenes.shapes import SHAPES, Part

SHIFT = 4  # OpenCV polygons in sixteenths of a pixel


def body_pattern(kind: str, size: int, period: float, rng: np.random.Generator) -> np.ndarray:
    """A zero-mean brightness pattern (size, size) in about −1 … 1; ``period`` in pixels."""
    y, x = np.mgrid[:size, :size] * (2 * np.pi / max(period, 3.0)) + rng.uniform(0, 2 * np.pi)
    match kind:
        case "bars":
            return np.sin(x)
        case "lines":
            return np.sin(y)
        case "grid":
            return np.maximum(np.sin(x), np.sin(y)) - 0.4
        case "spots":
            return np.where(np.sin(x) * np.sin(y) > 0.35, 1.0, -0.35)
        case "scales":
            return np.sin(x + y)
        case _:  # speckle
            coarse = rng.normal(size=(max(2, int(size / period * 2)),) * 2).astype(np.float32)
            return np.clip(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), -1, 1)


def paint_background(size: int, water: bool, rng: np.random.Generator) -> np.ndarray:
    """Sky over ground (or water), soft noise and clutter: (size, size, 3) float32 in 0 … 255."""
    horizon = int(size * rng.uniform(0.25, 0.6))
    sky, ground = rng.uniform((130, 150, 170), (215, 225, 245)), rng.uniform((90, 90, 60), (190, 180, 150))
    picture = np.empty((size, size, 3), np.float32)
    picture[:horizon], picture[horizon:] = sky, ground
    if water:
        rows = np.arange(size)[:, None]
        ripple = 14 * np.sin(rows / rng.uniform(1.2, 2.2) + 2 * np.sin(np.arange(size) / rng.uniform(6, 12)))
        picture[horizon:] = rng.uniform((40, 95, 140), (80, 140, 190))
        picture[horizon:] += ripple[horizon:, :, None]
    for _ in range(rng.integers(3, 9)):
        corners = rng.uniform(0, size, (1, 2)) + rng.uniform(-0.14 * size, 0.14 * size, (rng.integers(3, 7), 2))
        cv2.fillConvexPoly(
            picture, cv2.convexHull(corners.astype(np.int32)), rng.uniform(50, 220, 3).tolist(), cv2.LINE_AA
        )
    noise = cv2.resize(rng.normal(0, 12, (size // 8, size // 8, 3)).astype(np.float32), (size, size))
    return picture + noise


def paint_object(
    picture: np.ndarray,
    mask: np.ndarray,
    kind: str,
    label: int,
    centre: np.ndarray,
    radius: float,
    contrast: float,
    loudness: float,
    rng: np.random.Generator,
) -> None:
    """Draw one object into ``picture`` (float32) and its label into ``mask``; later objects lie on top.

    ``radius`` is half the object's extent in pixels, ``contrast`` how many grey levels the body pattern swings, ``loudness``
    how far telling parts stand out from the body's colour, from 0 (not at all) to 1 (in their own colour).
    """
    angle, mirror = rng.uniform(-0.25, 0.25), rng.choice((-1.0, 1.0))
    turn = radius * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([mirror, 1.0])
    colour = rng.uniform(70, 200, 3)
    patterns: dict[str, np.ndarray] = {}
    for part in SHAPES[kind]:
        outline = np.round((part.points @ turn.T + centre) * (1 << SHIFT)).astype(np.int32)
        cv2.fillPoly(mask, [outline], label, cv2.LINE_8, SHIFT)
        _paint_part(picture, outline, part, colour, contrast, loudness, radius, patterns, rng)


def _paint_part(
    picture: np.ndarray,
    outline: np.ndarray,
    part: Part,
    colour: np.ndarray,
    contrast: float,
    loudness: float,
    radius: float,
    patterns: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> None:
    if part.paint != "body":
        paint = colour + loudness * (np.array(part.paint) - colour)
        cv2.fillPoly(picture, [outline], tuple(paint.tolist()), cv2.LINE_AA, SHIFT)
        return
    size = picture.shape[0]
    if part.pattern not in patterns:
        patterns[part.pattern] = contrast * body_pattern(part.pattern, size, radius / 4, rng)
    x, y, width, height = cv2.boundingRect(outline)
    rows = slice(max(0, y >> SHIFT), max(0, (y + height >> SHIFT) + 2))
    columns = slice(max(0, x >> SHIFT), max(0, (x + width >> SHIFT) + 2))
    inside = picture[rows, columns]  # a view: only the part's own box is touched
    cover = np.zeros(inside.shape[:2], np.float32)
    if cover.size:
        corner = np.array([columns.start, rows.start]) << SHIFT
        cv2.fillPoly(cover, [outline - corner.astype(np.int32)], 1.0, cv2.LINE_AA, SHIFT)
        inside += cover[..., None] * (colour + patterns[part.pattern][rows, columns, None] - inside)
