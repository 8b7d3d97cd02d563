"""Backbones: normalised picture (B, 3, H, W) → features (B, D, h, w). One more is a file here and a row of ``BACKBONES``.

Classifiers of timm and torchvision need no line: they are backbones under their libraries' names, see ``libraries``.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from torch import Tensor, nn

from recam_core.networks.backbones.adapted import build_adapted
from recam_core.networks.backbones.efficientnet import build_efficientnet_lite0
from recam_core.networks.backbones.libraries import parse_name
from recam_core.networks.backbones.resnet import build_resnet
from recam_core.networks.backbones.tiny import build_tiny
from recam_core.records import UserError, is_library_name

STRIDE = r"_s\d+$"  # how a name ends whose network there is at several


class Backbone(Protocol):
    """A module whose call is its last block applied to what ``before_last`` gives: pictures (B, 3, H, W) → (B, D, h, w).

    Its children stand in the order of their use, so that batch normalisation can be folded into convolutions.
    """

    @property
    def channels(self) -> int:
        """D."""

    @property
    def mean(self) -> Sequence[float]:
        """Of its input: three numbers for values 0 … 1."""

    @property
    def std(self) -> Sequence[float]:
        """Of its input: three numbers for values 0 … 1."""

    @property
    def parts(self) -> Sequence[nn.Module]:
        """Its modules from the stem to the last."""

    @property
    def frozen(self) -> Sequence[nn.Module]:
        """What no training touches."""

    @property
    def training_strides(self) -> Sequence[int]:
        """Output strides that it can be trained at, where it has others than its own."""

    @property
    def stage_channels(self) -> Sequence[int]:
        """Of each of ``stages``."""

    @property
    def stage_strides(self) -> Sequence[int]:
        """Pixels a position in each of ``stages``: multiples of 4 that never fall."""

    def __call__(self, x: Tensor) -> Tensor:
        """Features."""

    @property
    def last_block(self) -> nn.Module:
        """What makes features of ``before_last``, for training that touches no more than this."""

    def at_stride(self, stride: int) -> AbstractContextManager[None]:
        """Inside, features are those at one of ``training_strides``; nothing is left behind."""

    def before_last(self, x: Tensor) -> Tensor:
        """What the last block is given."""

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features on the way, for boundary branches: the finest first at ((H−1)//4+1, (W−1)//4+1), the features last."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """As of every module."""

    def state_dict(self) -> dict[str, Any]:
        """As of every module."""


@dataclass(frozen=True)
class BackboneRow:
    """A backbone that has a name: how it is built, and everything that commands and pages say of it.

    ``build`` takes weights: "none" (random), or what else ``weights`` lists, "imagenet" or "file" for a file's path.
    """

    build: Callable[..., Backbone]
    label: str  # on screen
    help: str  # whom it suits
    stride: int  # pixels a position of its features
    weights: tuple[str, ...] = ("none", "imagenet", "file")
    library: str = ""  # what a library calls it whose classifier this is


def adapted_row(library: str, label: str, help: str, stride: int) -> BackboneRow:
    """A library's classifier (``timm:NAME``, ``torchvision:NAME``) under a name of our own."""
    return BackboneRow(partial(build_adapted, library), label, help, stride, library=library)


def _resnet(number: int, stride: int, help: str) -> BackboneRow:
    return BackboneRow(partial(build_resnet, f"resnet{number}", stride), f"ResNet-{number}", help, stride)


BACKBONES: dict[str, BackboneRow] = {
    "tiny": BackboneRow(build_tiny, "Tiny", "for drawn pictures", 8, ("none",)),
    "efficientnet_lite0": BackboneRow(
        build_efficientnet_lite0, "EfficientNet-Lite0", "small and quick, for photos", 16, ("none", "imagenet")
    ),
    "efficientnet_lite0_relu": BackboneRow(
        partial(build_efficientnet_lite0, capped=False),
        "EfficientNet-Lite0, not capped",
        "small and quick, sharper maps",
        16,
        ("none", "imagenet"),
    ),
    "resnet18_s16": _resnet(18, 16, "quick"),
    "resnet18_s8": _resnet(18, 8, "finer maps"),
    "resnet50_s16": _resnet(50, 16, "the paper's"),
    "resnet50_s8": _resnet(50, 8, "finer maps"),
    "resnet101_s16": _resnet(101, 16, "large"),
    "resnet101_s8": _resnet(101, 8, "finer maps"),
}


def check_backbone(name: str) -> str:
    """The name of a backbone of ours, or of a library's classifier; ``UserError`` offers what there is."""
    if is_library_name(name):
        parse_name(name)
    elif name not in BACKBONES:
        raise UserError(
            f"There is no backbone {name!r}; choose one of {', '.join(BACKBONES)}, or timm:NAME or torchvision:NAME."
        )
    return name


def library_name(name: str) -> str:
    """What a library calls this backbone; "" for one of ours, and for what is none."""
    if is_library_name(name):
        return name
    return BACKBONES[name].library if name in BACKBONES else ""


def strides_of(name: str) -> list[str]:
    """The names of the same network at each of its strides: they end in it."""
    return [other for other in BACKBONES if re.sub(STRIDE, "", other) == re.sub(STRIDE, "", name)]


def build_backbone(name: str, weights: str = "none") -> Backbone:
    """A backbone by its name, with weights ``none`` (random), or what else it knows: "imagenet", a file's path."""
    check_backbone(name)
    return build_adapted(name, weights) if is_library_name(name) else BACKBONES[name].build(weights)
