"""What a walk leaves: maps at picture size that are labelled like any other, and the settings a model walks with."""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from recam_core.networks.pair import ModelPair
from recam_core.records import CamResult, RandomWalkOptions, UserError

STRIDE = 4  # a position of the grid is so many pixels apart


def walk_defaults(pair: ModelPair) -> RandomWalkOptions:
    """The settings that suit a model: those of its card (``walk``) where it has some, else the reference's.

    Raises ``UserError`` where the card's cannot be used.
    """
    options = RandomWalkOptions()
    tuned = pair.card.get("walk", {})
    names = ("radius", "beta", "steps")
    numbers = {name: tuned.get(name, getattr(options, name)) for name in names} if isinstance(tuned, dict) else {}
    whole = all(isinstance(numbers.get(name), int) for name in ("radius", "steps"))
    if not whole or not isinstance(numbers["beta"], int | float):
        raise UserError(
            f"The card of {pair.name} holds no usable walk settings: expected radius, beta and steps; got {tuned!r}."
        )
    return replace(options, **numbers)


def walked_result(start: CamResult, maps: np.ndarray) -> CamResult:
    """Walked maps (n, h, w) on the quarter-size grid as heatmaps of the picture that ``start`` is of.

    As in IRN's ``make_sem_seg_labels`` (golden part 2): enlarged four times (bilinear, half-pixel centres), cropped at top left
    to H × W, and divided by **one** maximum over all classes together; where that is 0 the maps are 0. Raises ``UserError`` for
    another shape and for values that are not finite.
    """
    if maps.shape != start.grid.shape:
        raise UserError(f"The walked maps must be on the grid of their start, {start.grid.shape}; got {maps.shape}.")
    if not np.isfinite(maps).all():
        raise UserError("The walked maps hold values that are not finite; check the maps that the walk began with.")
    height, width = start.picture.shape[:2]
    raw = enlarged(maps, (height, width))
    peak = raw.max()
    whole = peak if peak > 0 else np.float32(1)
    return replace(start, raw=raw, maps=raw / whole, grid=maps / whole)


def enlarged(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps (n, h, w) on the quarter-size grid at picture size (n, H, W) float32."""
    height, width = size
    large = F.interpolate(
        torch.from_numpy(maps.astype(np.float32))[None], scale_factor=STRIDE, mode="bilinear", align_corners=False
    )
    return np.ascontiguousarray(large[0, :, :height, :width].numpy())


def milestones(steps: int) -> list[int]:
    """The t of a walk that are worth keeping when not all are: powers of two and halfway between, 0 and the last."""
    doubling = (2**k for k in range(steps.bit_length()))
    return sorted({0, steps, *(t for power in doubling for t in (power, 3 * power) if t <= steps)})
