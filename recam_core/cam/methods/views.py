"""What a method is given: a copy of the network to hang hooks on, the layer, the views of a picture and the classes."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

import torch
from torch import Tensor, nn

from recam_core.networks.backbones.whole import Whole
from recam_core.networks.model import CamModel
from recam_core.records import UserError
from recam_core.system.pass_counter import backbone_passes


class Classifier(nn.Module):
    """Backbone and head as one module, normalised pictures (B, 3, H, W) → logits (B, K), for hooks of others.

    It has modules of its own, so nobody else who looks through the model meets a hook, and the model's tensors, so it costs no
    memory. What its ``layer`` gives is cut off from what was before: no gradient is kept for that.
    """

    def __init__(self, model: CamModel, layer: str = "") -> None:
        super().__init__()
        shared: dict[int, Any] = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
        self.backbone = copy.deepcopy(model.backbone, shared)
        self.head = copy.deepcopy(model.head, shared)
        layer = layer or getattr(self.backbone, "map_layer", "")
        self.layer = _layer_of(cast(nn.Module, self.backbone), layer)
        if isinstance(self.backbone, Whole):
            self.layer = self.backbone.with_positions(layer)
        self.asked, self.is_met = layer, False
        self.layer.register_forward_hook(_cut)
        self.layer.register_forward_hook(self._meet)

    def forward(self, x: Tensor) -> Tensor:
        """Class logits (B, K) of FC1; ``UserError`` where the layer is not on the way to them."""
        backbone_passes.add()
        logits = self.head.scores(self.backbone(x.contiguous(memory_format=torch.channels_last)))
        if not self.is_met:
            raise UserError(
                f"The layer {self.asked} is not on the way from the picture to the answer, so it has no map; choose another."
            )
        return logits

    def _meet(self, *_: Any) -> None:
        self.is_met = True


@dataclass(frozen=True, eq=False)
class Views:
    """Views (V, 3, H, W) of a picture through a network of ``classes``, and the positions of the n whose maps are wanted."""

    model: CamModel
    classifier: Classifier
    pixels: Tensor
    class_ids: Sequence[int]
    classes: int


def layer_names(model: CamModel) -> tuple[str, ...]:
    """Names of the layers of a backbone, as they are asked for."""
    return tuple(name for name, _ in cast(nn.Module, model.backbone).named_modules() if name)


def _layer_of(backbone: Any, name: str) -> nn.Module:
    layers = dict(backbone.named_modules())
    if name not in layers:
        same_end = [there for there in layers if there.rpartition(".")[2] == name]
        near = same_end or get_close_matches(name, layers, 3, 0.4) or [name for name, _ in backbone.named_children()]
        raise UserError(f"The network has no layer {name!r}; near names are {', '.join(near[:5])}.")
    layer = layers[name]
    while type(layer).forward is nn.Sequential.forward and len(layer):  # its modules may be called one by one
        layer = layer[-1]
    return layer


def _cut(layer: nn.Module, given: Any, features: Any) -> Tensor:
    """The layer's output as the beginning of what gradients are kept for; a copy, because what follows may work in place."""
    if not isinstance(features, Tensor) or features.dim() != 4:
        shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise UserError(
            f"The layer {type(layer).__name__} gives {shape}, not channels at positions (B, D, h, w), so it has no map; choose "
            "another layer."
        )
    return features.detach().requires_grad_().clone()
