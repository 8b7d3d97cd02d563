"""A small residual network that learns drawn scenes from scratch on two CPU cores in minutes."""

import torch.nn.functional as F
from torch import Tensor, nn

from recam_core.networks.backbones.fixed_stride import FixedStride
from recam_core.records import UserError


class Block(nn.Module):
    """Two 3×3 convolutions with GroupNorm, which does not need large batches, and a shortcut."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.norm1 = nn.GroupNorm(8, width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.GroupNorm(8, width)
        same = width_in == width and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(width_in, width, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width_in, h, w) → (B, width, h/stride, w/stride)."""
        y = self.conv2(F.relu(self.norm1(self.conv1(x))))
        return F.relu(self.norm2(y) + self.shortcut(x))


class Tiny(FixedStride, nn.Module):
    """Stem and two residual blocks at output stride 8: 128 channels, 0.4 million parameters, a receptive field of 61 pixels."""

    channels = 128
    stage_channels = (48, 96, 128)
    stage_strides = (4, 8, 8)
    mean = (0.5, 0.5, 0.5)
    std = (0.25, 0.25, 0.25)
    frozen = ()

    def __init__(self) -> None:
        super().__init__()
        # A full 5×5 stem: the picture itself never meets a 1×1 convolution with stride, see docs/architecture.md.
        self.stem = nn.Sequential(nn.Conv2d(3, 48, 5, 4, 2, bias=False), nn.GroupNorm(8, 48), nn.ReLU())
        self.blocks = nn.Sequential(Block(48, 96, 2), Block(96, 128, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised picture (B, 3, H, W) → features (B, 128, H/8, W/8), non-negative."""
        return self.blocks(self.stem(x))

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        """Stem and the two blocks."""
        return (self.stem, *self.blocks)

    @property
    def last_block(self) -> nn.Module:
        """The second block: (B, 96, H/8, W/8) → features."""
        return self.blocks[-1]

    def before_last(self, x: Tensor) -> Tensor:
        """What the last block is given."""
        return self.blocks[:-1](self.stem(x))

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features after the stem and after each block."""
        stages = [self.stem(x)]
        for block in self.blocks:
            stages.append(block(stages[-1]))
        return tuple(stages)


def build_tiny(weights: str = "none") -> Tiny:
    """The tiny network with random weights; ``UserError`` where others are asked for, as there are none."""
    if weights != "none":
        raise UserError(f"The tiny network has no pretrained weights: use 'none'; got {weights!r}.")
    return Tiny()
