"""Backbones: normalised picture (B, 3, H, W) → features (B, D, h, w). One more is a file here and a line in ``BACKBONES``."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from recam_core.networks.backbones.efficientnet import build_efficientnet_lite0
from recam_core.networks.backbones.resnet import RESNETS
from recam_core.networks.backbones.tiny import build_tiny


class Backbone(Protocol):
    """A module whose call is its last block applied to what ``before_last`` gives: pictures (B, 3, H, W) → (B, D, h, w).

    Its children stand in the order of their use, so that batch normalisation can be folded into convolutions.
    """

    channels: int  # D
    mean: Sequence[float]  # of its input, three numbers for values 0 … 1
    std: Sequence[float]
    frozen: Sequence[nn.Module]  # the parts that no training touches
    stage_channels: Sequence[int]  # of each of ``stages``
    stage_strides: Sequence[int]  # pixels a position, multiples of 4 that never fall

    def __call__(self, x: Tensor) -> Tensor:
        """Features."""

    @property
    def last_block(self) -> nn.Module:
        """What makes features of ``before_last``, for training that touches no more than this."""

    def before_last(self, x: Tensor) -> Tensor:
        """What the last block is given."""

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features on the way, for boundary branches: the finest first at ((H−1)//4+1, (W−1)//4+1), the features last."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """As of every module."""

    def state_dict(self) -> dict[str, Any]:
        """As of every module."""


# a builder takes ``weights``: "none" (random), or what else it knows, such as "imagenet" or a file's path
BACKBONES: dict[str, Callable[..., Backbone]] = {
    "tiny": build_tiny,
    "efficientnet_lite0": build_efficientnet_lite0,
    **RESNETS,
}
