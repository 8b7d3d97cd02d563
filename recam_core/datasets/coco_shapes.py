"""The area of an annotation of COCO: polygons, and run lengths along the columns, as anybody may have written them."""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from pycocotools import mask as polygons

OUTLINE = 2_000_000  # pixels along one polygon; its memory grows with them
BEYOND = 4  # sides of the picture that a corner may lie away


def is_outlined(segmentation: Any) -> bool:
    """Did anybody outline the object? A box alone leaves ``segmentation`` out, or empty."""
    return segmentation not in (None, [], {}, "")


@dataclass(frozen=True)
class Outline:
    """Where an object is: pixels from one of ``edges`` to the next, in pairs, counted down the columns; and what is unusable."""

    edges: list[int]
    faults: tuple[str, ...] = ()

    @property
    def area(self) -> int:
        """How many pixels it covers; where its parts overlap they are counted again."""
        return sum(self.edges[1::2]) - sum(self.edges[::2])

    def paint(self, columns: np.ndarray, value: int) -> None:
        """Give its pixels a value; ``columns`` (W·H,) are those of the picture one below the other."""
        for start, stop in zip(self.edges[::2], self.edges[1::2], strict=True):
            columns[start:stop] = value


def outline_of(segmentation: Any, height: int, width: int) -> Outline:
    """The good parts of a segmentation and what is wrong with the others.

    All numbers are checked before pycocotools sees them: it reads and writes where they tell it to.
    """
    edges: list[int] = []
    faults = []
    parts = segmentation if isinstance(segmentation, list) else [segmentation]
    for part in parts:
        try:
            counts = (_polygon if isinstance(segmentation, list) else _given)(part, height, width)
        except (ValueError, TypeError, OverflowError) as error:  # numpy has its own for lists of several depths
            faults.append(str(error)[:120])
            continue
        ends = list(accumulate(counts))  # every second run is one of the object, and the first is not
        edges += ends[: len(ends) // 2 * 2]
    if not parts:
        faults.append("it has no polygon")
    return Outline(edges, tuple(faults))


def _polygon(corners: Any, height: int, width: int) -> list[int]:
    """Run lengths of what a polygon encloses."""
    points = np.asarray(corners)
    if points.ndim != 1 or points.dtype.kind not in "iuf" or len(points) < 6 or len(points) % 2:
        raise ValueError("a polygon needs at least three corners of two numbers each")
    points = points.astype(np.float64)
    far = np.abs(points).max()
    if not far <= BEYOND * max(height, width):  # NaN is not
        raise ValueError("a polygon has corners far outside of the picture")
    if far <= 1:
        raise ValueError("a polygon's corners are no pixels but fractions of the picture")
    if len(points) * far > OUTLINE:  # else it cannot be that long
        steps = points.reshape(-1, 2)
        if np.abs(steps - np.roll(steps, 1, 0)).max(1).sum() > OUTLINE:
            raise ValueError(f"the outline of a polygon is longer than {OUTLINE} pixels")
    (packed,) = polygons.frPyObjects([corners], height, width)
    return _unpacked(packed["counts"].decode())


def _given(segmentation: Any, height: int, width: int) -> list[int]:
    """Run lengths of an object that has a list of them, or a string that packs it."""
    if not isinstance(segmentation, dict) or "counts" not in segmentation:
        raise ValueError("expected polygons, or an object with size and counts")
    if segmentation.get("size") != [height, width]:
        raise ValueError(f"its size is {repr(segmentation.get('size'))[:40]}, that of the picture [{height}, {width}]")
    counts, pixels = segmentation["counts"], height * width
    if isinstance(counts, str):
        counts = _unpacked(counts)
    if isinstance(counts, list):  # some programs write every number as a float
        counts = [int(count) if type(count) is float and count.is_integer() else count for count in counts]
    if not isinstance(counts, list) or not all(type(count) is int and 0 <= count <= pixels for count in counts):
        raise ValueError("its counts are no whole numbers up to the number of pixels")
    if sum(counts) != pixels:
        raise ValueError(f"its counts add up to {sum(counts)}, and the picture has {pixels} pixels")
    return counts


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
