"""Backbones: normalised picture (B, 3, H, W) → features (B, D, h, w).

Contract: a builder takes ``weights`` and returns a module with ``channels`` (D), ``mean`` and ``std`` of its input, and
optionally ``frozen``: the parts that no training touches. Its ``stages(x)`` are the features on the way, for boundary branches: a
tuple, the finest first at a quarter of the picture's size ((H−1)//4+1, (W−1)//4+1), the last what ``forward`` returns, with their
``stage_channels`` and ``stage_strides``; strides are multiples of 4 and never fall. ``forward`` is the module
``last_block`` applied to ``before_last(x)``, for training that touches no more than the last block.
"""

from collections.abc import Callable

from torch import nn

from recam_core.networks.backbones.efficientnet import build_efficientnet_lite0
from recam_core.networks.backbones.resnet import RESNETS
from recam_core.networks.backbones.tiny import build_tiny

BACKBONES: dict[str, Callable[..., nn.Module]] = {
    "tiny": build_tiny,
    "efficientnet_lite0": build_efficientnet_lite0,
    **RESNETS,
}
