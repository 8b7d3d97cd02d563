"""Backbones: normalised picture (B, 3, H, W) → features (B, D, h, w).

Contract: a builder takes ``weights`` and returns a module with ``channels`` (D), ``mean`` and ``std`` of its input, and
optionally ``frozen``: the parts that no training touches.
"""

from collections.abc import Callable

from torch import nn

from recam_core.backbones.efficientnet import build_efficientnet_lite0
from recam_core.backbones.resnet import RESNETS
from recam_core.backbones.tiny import build_tiny

BACKBONES: dict[str, Callable[..., nn.Module]] = {
    "tiny": build_tiny,
    "efficientnet_lite0": build_efficientnet_lite0,
    **RESNETS,
}
