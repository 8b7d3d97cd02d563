"""The area of an annotation of COCO: polygons, and run lengths along the columns, as anybody may have written them."""

from typing import Any

import numpy as np
from pycocotools import mask as polygons

OUTLINE = 2_000_000  # pixels along one polygon; its memory grows with them
BEYOND = 4  # sides of the picture that a corner may lie away


def area_of(segmentation: Any, height: int, width: int) -> np.ndarray:
    """(H, W) bool; ``ValueError`` says what is wrong with a segmentation.

    All numbers are checked before pycocotools sees them: it reads and writes where they tell it to.
    """
    if isinstance(segmentation, list):
        return _filled(segmentation, height, width)
    if not isinstance(segmentation, dict) or "counts" not in segmentation:
        raise ValueError("expected polygons, or an object with size and counts")
    if segmentation.get("size") != [height, width]:
        raise ValueError(f"its size is {repr(segmentation.get('size'))[:40]}, that of the picture [{height}, {width}]")
    counts = segmentation["counts"]
    return _runs(_unpacked(counts) if isinstance(counts, str) else counts, height, width)


def _filled(parts: list[Any], height: int, width: int) -> np.ndarray:
    if not parts:
        raise ValueError("it has no polygon")
    far = BEYOND * max(height, width)
    for part in parts:
        corners = np.asarray(part)
        if corners.ndim != 1 or corners.dtype.kind not in "iuf" or len(corners) < 6 or len(corners) % 2:
            raise ValueError("a polygon needs at least three corners of two numbers each")
        points = corners.reshape(-1, 2).astype(np.float64)
        if not np.abs(points).max() <= far:  # NaN is not
            raise ValueError("a polygon has corners far outside of the picture")
        if np.abs(points - np.roll(points, 1, 0)).max(1).sum() > OUTLINE:
            raise ValueError(f"the outline of a polygon is longer than {OUTLINE} pixels")
    area: np.ndarray = polygons.decode(polygons.merge(polygons.frPyObjects(parts, height, width)))
    return area > 0


def _runs(counts: Any, height: int, width: int) -> np.ndarray:
    pixels = height * width
    if not isinstance(counts, list) or not all(type(count) is int and 0 <= count <= pixels for count in counts):
        raise ValueError("its counts are no whole numbers up to the number of pixels")
    if sum(counts) != pixels:
        raise ValueError(f"its counts add up to {sum(counts)}, and the picture has {pixels} pixels")
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)  # first of zeros
    return flat.reshape(width, height).T


def _unpacked(text: str) -> list[int]:
    """Run lengths out of COCO's string: five bits a letter, low ones first.

    From the fourth on it says what a run is longer than the last but one.
    """
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        code = ord(letter) - 48
        if not 0 <= code < 64 or shift > 30:
            raise ValueError("its counts are no run lengths")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    return counts
