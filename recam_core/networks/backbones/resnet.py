"""torchvision's ResNets at output stride 16 or 8, exactly as the reference's ``CAM`` network cuts them (golden part 5)."""

import contextlib
import sys
from http.client import HTTPException
from pickle import UnpicklingError

from torch import Tensor, nn

from recam_core.networks.backbones.fixed_stride import FixedStride
from recam_core.networks.tensor_check import listed, tensor_faults
from recam_core.records import UserError
from recam_core.system.tensor_files import read_tensors


class ResNet(FixedStride, nn.Module):
    """A ResNet without its classifier: normalised picture (B, 3, H, W) → features (B, D, H/stride, W/stride).

    Stride 16: ``layer4`` keeps its resolution and is *not* dilated. Stride 8: ``layer3`` and ``layer4`` keep theirs and
    every block but the first of each is dilated by 2. (torchvision's ``replace_stride_with_dilation`` is neither.) Raises
    ``UserError`` for another stride.
    """

    mean = (0.485, 0.456, 0.406)
    std = (0.229, 0.224, 0.225)

    def __init__(self, name: str, output_stride: int) -> None:
        import torchvision  # seconds to load, which nobody waits for who has another backbone

        super().__init__()
        trunk = getattr(torchvision.models, name)(weights=None)
        self.channels = int(trunk.fc.in_features)
        del trunk.fc, trunk.avgpool
        self.trunk = trunk
        if output_stride == 16:
            _keep_resolution(trunk.layer4, dilation=1)
        elif output_stride == 8:
            _keep_resolution(trunk.layer3, dilation=2)
            _keep_resolution(trunk.layer4, dilation=2)
        else:
            raise UserError(f"The output stride of a ResNet is 16 or 8; got {output_stride}.")
        self.frozen = (trunk.conv1, trunk.bn1)
        self.stage_channels = (trunk.conv1.out_channels, *(self.channels // part for part in (8, 4, 2, 1)))
        self.stage_strides = (4, 4, 8, output_stride, output_stride)

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        """Stem and the four layers."""
        t = self.trunk
        return (nn.ModuleList((t.conv1, t.bn1)), t.layer1, t.layer2, t.layer3, t.layer4)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the last stage, non-negative."""
        return self.trunk.layer4(self.before_last(x))

    @property
    def last_block(self) -> nn.Module:
        """The last stage, ``layer4``."""
        return self.trunk.layer4

    def before_last(self, x: Tensor) -> Tensor:
        """Features after ``layer3``."""
        t = self.trunk
        return t.layer3(t.layer2(t.layer1(self._stem(x))))

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features after the stem's pooling and after each of the four layers, as IRN's branches take them."""
        stages = [self._stem(x)]
        for layer in (self.trunk.layer1, self.trunk.layer2, self.trunk.layer3, self.trunk.layer4):
            stages.append(layer(stages[-1]))
        return tuple(stages)

    def _stem(self, x: Tensor) -> Tensor:
        t = self.trunk
        return t.maxpool(t.relu(t.bn1(t.conv1(x))))


def _keep_resolution(layer: nn.Sequential, dilation: int) -> None:
    for i, block in enumerate(layer):
        for conv in (m for m in block.modules() if isinstance(m, nn.Conv2d)):
            conv.stride = (1, 1)
            if i > 0 and conv.kernel_size == (3, 3):
                conv.dilation = conv.padding = (dilation, dilation)


def build_resnet(name: str, output_stride: int, weights: str = "none") -> ResNet:
    """A ResNet with weights ``none`` (random), ``imagenet`` (torchvision's, fetched when online) or a local file's path.

    Raises ``UserError`` where that does not hold them.
    """
    net = ResNet(name, output_stride)
    if weights == "none":
        return net
    state = imagenet_state(name) if weights == "imagenet" else read_tensors(weights)
    state = {key: value for key, value in state.items() if not key.startswith("fc.")}
    if faults := tensor_faults(state, net.trunk.state_dict()):
        raise UserError(f"{weights} does not hold torchvision's {name}: {listed(faults)}.")
    net.trunk.load_state_dict(state)
    return net


def imagenet_state(name: str) -> dict[str, Tensor]:
    """torchvision's ImageNet weights of a ResNet, fetched once and kept where torch keeps what it fetches.

    A download is a file of its own until it is whole and has the right hash, so a part of one is never taken for weights.
    Raises ``UserError`` where they cannot be fetched.
    """
    import torchvision

    enum = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"]  # as the reference, which is older than V2
    try:
        with contextlib.redirect_stdout(sys.stderr):  # torch announces a download where our commands write events
            return enum.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, HTTPException, RuntimeError, UnpicklingError) as error:  # RuntimeError: another hash
        raise UserError(
            f"The ImageNet weights of {name} could not be fetched ({error}). Give a file that you downloaded "
            f"from {enum.url} as --weights PATH, or go online."
        ) from error
