"""Classifiers of torchvision and timm whose backbone is in our registry: their linear layer becomes FC1, with its bias."""

from collections.abc import Mapping

from torch import Tensor

from recam_core.records import UserError

RESNETS: dict[tuple[tuple[int, ...], bool], str] = {  # blocks of each layer, and whether a block has three convolutions
    ((2, 2, 2, 2), False): "resnet18",
    ((3, 4, 6, 3), True): "resnet50",
    ((3, 4, 23, 3), True): "resnet101",
}
LITE = "efficientnet_lite0"


def architecture(state: Mapping[str, Tensor], file: str) -> str:
    """The architecture whose names a state dict has, "" where it is none of a classifier.

    A ResNet of a depth that we do not have, or another EfficientNet, is an error that says which there are.
    """
    if {"conv_stem.weight", "conv_head.weight"} <= state.keys():
        if state["conv_head.weight"].shape[:2] == (1280, 320) and not any(".se." in name for name in state):
            return LITE
        raise UserError(f"{file} is an EfficientNet of timm, but not tf_efficientnet_lite0, the only one that is here.")
    if "layer1.0.conv1.weight" not in state:
        return ""
    blocks = [len({name.split(".")[1] for name in state if name.startswith(f"layer{i}.")}) for i in range(1, 5)]
    found = RESNETS.get((tuple(blocks), "layer1.0.conv3.weight" in state))
    if found is None:
        raise UserError(
            f"{file} is a ResNet with {', '.join(map(str, blocks))} blocks; there are {', '.join(RESNETS.values())}."
        )
    return found


def default_backbone(name: str) -> str:
    """The backbone of ours that is cut from an architecture, at the stride of the reference."""
    return name if name == LITE else f"{name}_s16"


def linear_layer(name: str) -> str:
    """What the last layer of an architecture is called."""
    return "classifier" if name == LITE else "fc"


def classifier_rows(state: Mapping[str, Tensor], name: str, file: str) -> int:
    """How many classes the linear layer of a classifier tells apart."""
    layer = linear_layer(name)
    weight = state.get(f"{layer}.weight")
    if weight is None or weight.dim() != 2:
        raise UserError(
            f"{file} is a {name} without its classifier: expected {layer}.weight (classes × channels). As a start for "
            "training it can be given as --weights FILE."
        )
    return len(weight)


def classifier_network(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Tensors of a classifier under the names of a ``CamModel`` with head "cam"."""
    layer = linear_layer(name)
    own = {f"{layer}.weight": "head.fc1", f"{layer}.bias": "head.fc1_bias"}
    return {own.get(key, f"backbone.trunk.{key}"): value for key, value in state.items()}
