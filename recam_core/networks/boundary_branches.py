"""Boundary branches of IRN (arXiv 1904.05044, section 4; golden part 3): what is trained on a frozen backbone's stages.

Layers are those of the official ``EdgeDisplacement`` and have its names (``fc_edge1`` …, ``fc_dp1`` …, ``mean_shift``), so that
its checkpoints map onto them.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from recam_core.records import UserError

QUARTER = 4  # stride of the maps that branches make
WIDTH = 32
DISPLACEMENT = ((64, 8), (128, 16), (256, 16), (256, 16), (256, 16))  # channels and groups of each level


class MeanShift(nn.Module):
    """Subtracts the mean displacement over a data set in evaluation mode, nothing in training mode."""

    running_mean: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) → the same shape."""
        return x if self.training else x - self.running_mean[:, None, None]


class BoundaryBranches(nn.Module):
    """The edge branch on any backbone's stages, and the displacement branch where the stages are laid out as a ResNet's.

    Both take what ``backbone.stages`` returns. ``channels`` and ``strides`` are those of the stages, finest first. Raises
    ``UserError`` for strides that do not begin at 4 or are no multiples of it.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        if not strides or strides[0] != QUARTER or any(stride % QUARTER for stride in strides):
            raise UserError(f"Stages must begin at stride {QUARTER} and have multiples of it; got {tuple(strides)}.")
        self.levels = len(channels)
        for i, (width, stride) in enumerate(zip(channels, strides, strict=True), start=1):
            self.add_module(f"fc_edge{i}", _level(width, WIDTH, 4, stride // QUARTER))
        self.add_module(f"fc_edge{self.levels + 1}", nn.Conv2d(WIDTH * self.levels, 1, 1))
        self.has_displacement = len(strides) == 5 and tuple(strides[:3]) == (4, 4, 8)
        if self.has_displacement:
            self._add_displacement(channels, strides)

    def _add_displacement(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        for i, (width, (out, groups)) in enumerate(zip(channels, DISPLACEMENT, strict=True), start=1):
            self.add_module(f"fc_dp{i}", _level(width, out, groups, max(1, strides[i - 1] // 8)))
        self.fc_dp6 = _level(768, 256, 16, 2)
        self.fc_dp7 = nn.Sequential(*_level(448, 256, 16, 1), nn.Conv2d(256, 2, 1, bias=False))
        self.mean_shift = MeanShift(2)

    def edges(self, stages: Sequence[Tensor]) -> Tensor:
        """Logits (B, 1, h, w) of "here is a boundary between classes", at a quarter of the picture's size."""
        height, width = stages[0].shape[-2:]
        levels = [self._at("fc_edge", i, x)[..., :height, :width] for i, x in enumerate(stages, start=1)]
        return self._at("fc_edge", self.levels + 1, torch.cat(levels, dim=1))

    def displacements(self, stages: Sequence[Tensor]) -> Tensor:
        """Displacement (B, 2, h, w), dy and dx, of every position to the centre of its instance; ResNets only.

        Raises ``UserError`` for another backbone.
        """
        if not self.has_displacement:
            raise UserError("This backbone has no displacement branch; it is for ResNets.")
        (height, width), (half_height, half_width) = stages[0].shape[-2:], stages[2].shape[-2:]
        one, two, *deep = (self._at("fc_dp", i, x) for i, x in enumerate(stages, start=1))
        merged = self.fc_dp6(torch.cat([x[..., :half_height, :half_width] for x in deep], dim=1))
        return self.mean_shift(self.fc_dp7(torch.cat([one, two, merged[..., :height, :width]], dim=1)))

    def _at(self, name: str, i: int, x: Tensor) -> Tensor:
        return self.get_submodule(f"{name}{i}")(x)


def _level(channels: int, out: int, groups: int, factor: int) -> nn.Sequential:
    """1×1 convolution without bias, GroupNorm, bilinear upsampling, then ReLU."""
    up = [nn.Upsample(scale_factor=factor, mode="bilinear", align_corners=False)] if factor > 1 else []
    return nn.Sequential(nn.Conv2d(channels, out, 1, bias=False), nn.GroupNorm(groups, out), *up, nn.ReLU())
