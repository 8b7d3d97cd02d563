"""A classifier that can be read out as heatmaps, and how one is put together."""

import contextlib
import copy
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from recam_core.networks.backbones import Backbone, build_backbone, library_name
from recam_core.networks.backbones.whole import Deepened, build_whole
from recam_core.networks.boundary_branches import BoundaryBranches
from recam_core.networks.folding import folded_copy
from recam_core.networks.heads import HEADS, VECTOR, Head
from recam_core.networks.losses import activation_maps
from recam_core.networks.readouts import READOUTS, head_readouts
from recam_core.system.device import to_device
from recam_core.system.pass_counter import backbone_passes

LARGE_PIXELS = (
    150_000  # of a picture: from here on a CPU looks at one at a time (measured: 1.3 times faster, below it slower)
)


class CamModel(nn.Module):
    """Backbone + head + the normalisation of their input: picture → features → scores and maps."""

    mean: Tensor
    std: Tensor
    backbone: Backbone
    head: Head
    prototypes: Tensor | None  # (K, D) of LPCAM, where they were fitted: `cam.methods.local_prototypes`

    def __init__(self, backbone: Backbone, head: Head) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.register_buffer("mean", torch.tensor(backbone.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(backbone.std).view(3, 1, 1), persistent=False)
        self.register_buffer("prototypes", None)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.mean.device

    def normalise(self, pixels: Tensor) -> Tensor:
        """uint8 pictures (B, 3, H, W) or (3, H, W) → what the backbone was trained on."""
        return (pixels.float() / 255 - self.mean) / self.std

    def preprocess(self, picture: np.ndarray, scale: float = 1.0) -> Tensor:
        """(H, W, 3) uint8 → normalised (1, 3, round(H·scale), round(W·scale)) on the model's device.

        Resized with Pillow's bicubic filter, as the reference does (golden part 5).
        """
        if scale != 1:
            height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
            picture = np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))
        # contiguous, not the channels-last view that permute would give: see docs/architecture.md on 1×1 convolutions
        pixels = torch.from_numpy(picture.transpose(2, 0, 1).copy())
        return self.normalise(to_device(pixels, self.device))[None]

    def folded(self) -> "CamModel":
        """The same network with batch normalisation folded into a copy of its backbone; the head is shared.

        For looking and for gradients of the picture, not for training: see explain/backbone and climb/step in docs/benchmarks.md.
        """
        model = CamModel(cast(Backbone, folded_copy(cast(nn.Module, self.backbone))), self.head)
        model.mean, model.std, model.training = self.mean, self.std, self.training
        model.prototypes = self.prototypes
        return model

    def on_cpu(self) -> "CamModel":
        """A copy in the CPU's memory that takes no more of the device's own."""
        there: dict[int, Any] = {id(t): t.detach().cpu() for t in self.buffers()}
        there |= {id(p): nn.Parameter(p.detach().cpu(), requires_grad=False) for p in self.parameters()}
        return copy.deepcopy(self, there)

    def features(self, x: Tensor) -> Tensor:
        """Normalised (B, 3, H, W) → features (B, D, h, w): the one expensive step.

        Where nothing is learned, a CPU takes large pictures one after the other: what is worked on then stays in its caches, see
        explain/backbone in docs/benchmarks.md.
        """
        backbone_passes.add()
        x = x.contiguous(memory_format=torch.channels_last)
        large = len(x) > 1 and x.shape[2] * x.shape[3] >= LARGE_PIXELS
        if large and x.device.type == "cpu" and not torch.is_grad_enabled():
            return torch.cat([self.backbone(one) for one in x.split(1)])
        return self.backbone(x)

    def before_last(self, x: Tensor) -> Tensor:
        """Normalised (B, 3, H, W) → what the backbone's last block is given: all but the end of ``features``."""
        backbone_passes.add()
        return self.backbone.before_last(x.contiguous(memory_format=torch.channels_last))

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """Normalised (B, 3, H, W) → the backbone's features on the way, finest first: what boundary branches look at."""
        backbone_passes.add()
        return self.backbone.stages(x.contiguous(memory_format=torch.channels_last))

    def scores(self, features: Tensor) -> Tensor:
        """Class logits (B, K)."""
        return self.head.scores(features)

    @property
    def readouts(self) -> tuple[str, ...]:
        """What this network can be read out with, in the order of ``READOUTS``."""
        return head_readouts(self.head.network, self.head.classifiers)

    def class_weights(self, readout: str) -> Tensor:
        """Weights (K, D) that a heatmap is read out with, detached."""
        return READOUTS[readout].weights(self.head).detach()

    def classifier_weights(self) -> Tensor:
        """Weights (K, D) of the classifier whose scores are this network's answer (FC1), detached."""
        return self.head.weights["w"].detach()

    def maps(self, features: Tensor, readouts: Sequence[str]) -> Tensor:
        """Signed evidence under several readouts by one matrix product: (B, R, K, h, w)."""
        weights = torch.cat([READOUTS[name].weights(self.head) for name in readouts])
        maps = activation_maps(features, weights)
        return maps.unflatten(1, (len(readouts), -1))


def build_model(backbone: str, head: str, classes: int, weights: str = "none", **head_settings: Any) -> CamModel:
    """Assemble a network from a backbone and a head of the registries, in evaluation mode.

    ``head_settings`` are those of the head, among them ``bias`` and ``activation``. Under the head "vector" a backbone has a
    ``hidden`` layer behind it, or is a library's classifier that CAM does not apply to.
    """
    net: Any
    if hidden := head_settings.get("hidden"):
        net = Deepened(build_backbone(backbone, weights), hidden)
    else:
        net = build_whole(backbone) if head == VECTOR else build_backbone(backbone, weights)
    return _assembled(net, HEADS[head](net.channels, classes, **head_settings))


def unfilled(backbone: str) -> contextlib.AbstractContextManager[Any]:
    """Inside, a network of ours is built as its memory happens to be, for weights that come next.

    Random numbers take most of the time in which a large network is built. Those of libraries are tried out with theirs.
    """
    return contextlib.nullcontext() if library_name(backbone) else _Unfilled()


class _Unfilled(TorchFunctionMode):
    """Leaves tensors as they are that were to be filled with random numbers; some of ``nn.init`` come here as a whole."""

    fills = (nn.init.kaiming_uniform_, nn.init.uniform_, nn.init.normal_, Tensor.uniform_, Tensor.normal_)

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        if function in self.fills:
            return args[0] if args else named["tensor"]
        return function(*args, **named)


def build_edge_network(backbone: str) -> CamModel:
    """A network without a classifier, for boundary branches that bring a backbone of their own."""
    return _assembled(build_backbone(backbone), cast(Head, nn.Identity()))


def _assembled(backbone: Backbone, head: Head) -> CamModel:
    # channels-last is faster on a CPU: see explain/backbone in docs/benchmarks.md
    return CamModel(backbone, head).eval().to(memory_format=torch.channels_last)


def build_branches(model: CamModel) -> BoundaryBranches:
    """Boundary branches with random weights that fit a network's backbone, in evaluation mode on the network's device."""
    net = model.backbone
    return BoundaryBranches(net.stage_channels, net.stage_strides).eval().to(model.device)
