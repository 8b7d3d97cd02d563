"""Pixel-adaptive mask refinement (Araslanov & Roth, CVPR 2020, section 3.3): masks that follow the colours of a picture."""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

ITERATIONS = 10
DILATIONS = (1, 2, 4, 8, 12, 24)
AROUND = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx)


def pamr(picture: Tensor, masks: Tensor, iterations: int = ITERATIONS, dilations: Sequence[int] = DILATIONS) -> Tensor:
    """Masks (n, H, W) after some iterations: every pixel becomes the weighted mean of its neighbours, again and again.

    Constant masks stay; values never leave the range that they came in; the result is linear in the masks.
    """
    *_, last = pamr_steps(picture, masks, iterations, dilations)
    return last


def pamr_steps(
    picture: Tensor, masks: Tensor, iterations: int = ITERATIONS, dilations: Sequence[int] = DILATIONS
) -> Iterator[Tensor]:
    """The masks (n, H, W) as they are, and after each iteration."""
    weights = neighbour_weights(picture, dilations)
    yield masks
    for _ in range(iterations):
        merged = torch.zeros_like(masks)
        for weight, other in zip(weights, _neighbours(masks, dilations), strict=True):
            merged.addcmul_(weight, other)  # in place: a stack of all would leave the cache
        masks = merged
        yield masks


def neighbour_weights(picture: Tensor, dilations: Sequence[int] = DILATIONS) -> Tensor:
    """How much each of a pixel's eight neighbours at each dilation counts, (8 · dilations, H, W); they add up to 1.

    The softmax of −|I_i − I_j| / (0.1 σ_i), mean over the channels of ``picture`` (C, H, W), σ_i the standard deviation of the
    neighbourhood, as in the authors' code.
    """
    count = (len(AROUND) + 1) * len(dilations)  # the pixel itself is among its neighbourhood once a dilation
    total, squares = torch.zeros_like(picture), torch.zeros_like(picture)  # of differences to the pixel
    for other in _neighbours(picture, dilations):
        difference = other - picture
        total += difference
        squares.addcmul_(difference, difference)
    variance = (squares - total * total / count).clamp_min(0) / (count - 1)
    scale = 1 / (1e-8 + 0.1 * variance.sqrt())
    distances = [((other - picture).abs() * scale).mean(dim=0) for other in _neighbours(picture, dilations)]
    return (-torch.stack(distances)).softmax(dim=0)


def _neighbours(x: Tensor, dilations: Sequence[int]) -> Iterator[Tensor]:
    """x (C, H, W) as each of a pixel's neighbours sees it; past the border it goes on as it ends."""
    height, width = x.shape[-2:]
    reach = max(dilations)
    padded = F.pad(x[None], (reach,) * 4, mode="replicate")[0]
    for d in dilations:
        for dy, dx in AROUND:
            top, left = reach + d * dy, reach + d * dx
            yield padded[:, top : top + height, left : left + width]
