"""Pairs of positions on a grid and the thick lines between them (IRN, arXiv 1904.05044, section 4; golden part 1).

Pairs and paths are those of IRN's ``PathIndex``. A pair is a source and a displacement (dy, dx) in half a disc, so that each
unordered pair is there once. Sources are the positions from which every displacement stays on the grid: rows 0 … h−r, columns
r−1 … w−r.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor

Points = tuple[tuple[int, int], ...]


@cache
def path_groups(radius: int) -> tuple[tuple[Points, ...], ...]:
    """Paths (dy, dx) from the origin to every displacement nearer than ``radius``, grouped by their number of points.

    A path holds all points of the bounding box whose distance to the line is below 1, both ends included, the destination
    first and the origin last. The order of groups and of paths in them is the order of the pairs everywhere.
    """
    paths = [_thick_line(*displacement) for displacement in _half_disc(radius)]
    lengths = sorted({len(path) for path in paths})
    return tuple(tuple(path for path in paths if len(path) == length) for length in lengths)


@cache
def displacements(radius: int) -> np.ndarray:
    """(dy, dx) of every direction, (P, 2), in the order of `path_groups`."""
    offsets = np.array([path[0] for group in path_groups(radius) for path in group], np.int64)
    offsets.flags.writeable = False  # shared by everybody who asks
    return offsets


def pair_ends(field: Tensor, radius: int) -> tuple[Tensor, Tensor]:
    """Values at both ends of every pair: field (…, h, w) → sources (…, 1, h−r+1, w−2r+2), destinations (…, P, h−r+1, w−2r+2)."""
    ends = [_from_sources(field, path[0], radius) for group in path_groups(radius) for path in group]
    return _from_sources(field, (0, 0), radius).unsqueeze(-3), torch.stack(ends, dim=-3)


def path_maxima(field: Tensor, radius: int) -> Tensor:
    """Largest value on the path of every pair: field (…, h, w) → (…, P, h−r+1, w−2r+2), rows and columns of sources.

    The gradient goes to the point of the path where the value was taken (the first of equals), as with max pooling.
    """
    with torch.no_grad():
        where = torch.arange(field.shape[-2] * field.shape[-1], device=field.device).view(field.shape[-2:])
        maxima = [_maximum(field, where, path, radius) for group in path_groups(radius) for path in group]
        values = torch.stack([value for value, _ in maxima], dim=-3)
        if not field.requires_grad:
            return values
        index = torch.stack([index for _, index in maxima], dim=-3)
    return field.flatten(-2).gather(-1, index.flatten(-3)).view(values.shape)


def _maximum(field: Tensor, where: Tensor, path: Points, radius: int) -> tuple[Tensor, Tensor]:
    """Largest value on one path for every source, and at which flat index of the grid it is."""
    value = _from_sources(field, path[0], radius)
    index = _from_sources(where, path[0], radius).expand(value.shape)
    for point in path[1:]:
        other = _from_sources(field, point, radius)
        if field.requires_grad:
            index = torch.where(other > value, _from_sources(where, point, radius), index)
        value = torch.maximum(value, other)
    return value, index


def _from_sources(field: Tensor, point: tuple[int, int], radius: int) -> Tensor:
    """What every source sees at a displacement."""
    (dy, dx), (height, width) = point, field.shape[-2:]
    return field[..., dy : height - radius + 1 + dy, radius - 1 + dx : width - radius + 1 + dx]


def _half_disc(radius: int) -> list[tuple[int, int]]:
    below = [(y, x) for y in range(1, radius) for x in range(1 - radius, radius) if x * x + y * y < radius * radius]
    return [(0, x) for x in range(1, radius)] + below


def _thick_line(dy: int, dx: int) -> Points:
    box = [(y, x) for y in range(min(dy, 0), max(dy, 0) + 1) for x in range(min(dx, 0), max(dx, 0) + 1)]
    near = [(y, x) for y, x in box if (dy * x - dx * y) ** 2 < dy * dy + dx * dx]
    return tuple(sorted(near, key=lambda point: -(abs(point[0]) + abs(point[1]))))
