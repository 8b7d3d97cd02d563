"""Backbones: normalised picture (B, 3, H, W) → features (B, D, h, w).

Contract: a builder takes ``weights`` and returns a module with ``channels`` (D), ``mean`` and ``std`` of its input, and
optionally ``frozen``: what no training touches. ``parts`` are its modules from the stem to the last. Its ``stages(x)`` are the
features on the way, for boundary branches: a tuple, the finest first at a quarter of the picture's size ((H−1)//4+1,
(W−1)//4+1), the last what ``forward`` returns, with their ``stage_channels`` and ``stage_strides``; strides are multiples of 4
and never fall. ``forward`` is the module ``last_block`` applied to ``before_last(x)``, for training that touches no more than
the last block. Some have ``at_stride(32)``: a context in which the output stride is coarser, for training.
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from recam_core.networks.backbones.efficientnet import build_efficientnet_lite0
from recam_core.networks.backbones.resnet import RESNETS
from recam_core.networks.backbones.tiny import build_tiny

BACKBONES: dict[str, Callable[..., nn.Module]] = {
    "tiny": build_tiny,
    "efficientnet_lite0": build_efficientnet_lite0,
    "efficientnet_lite0_relu": partial(build_efficientnet_lite0, capped=False),
    **RESNETS,
}
