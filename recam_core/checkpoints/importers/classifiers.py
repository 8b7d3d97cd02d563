"""Classifiers of torchvision and timm in files: their linear layer becomes FC1, with its bias.

Those whose backbone is in our registry are told by their names; any other says its architecture beside the file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from torch import Tensor

from recam_core.checkpoints.importers.official import flat
from recam_core.networks.backbones.libraries import parse_name, tensor_shapes
from recam_core.networks.backbones.whole import structure_of
from recam_core.records import UserError
from recam_core.system.tensor_files import PREFIXES

ANCHORS = ("layer1.0.conv1.weight", "conv_stem.weight")  # a tensor of each family that no other network has
TRUNKS = ("conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4.", "conv_stem.", "blocks.", "conv_head.", "bn2.")
HEADS = ("fc.", "classifier.", "head.", "heads.", "linear.", "last_linear.", "cls.", "logits.")
HIDDEN = "hidden"  # what the first of two linear layers is called
AVERAGED = ("ema", "teacher", "average", "momentum")  # words in the names of moving averages
BESIDE = (
    "loss",
    "criterion",
    "metric",
    "train_",
    "val_",
    "test_",
    "n_averaged",
)  # how names begin that are of no network
RESNETS: dict[tuple[tuple[int, ...], bool], str] = {  # blocks of each layer, and whether a block has three convolutions
    ((2, 2, 2, 2), False): "resnet18",
    ((3, 4, 6, 3), True): "resnet50",
    ((3, 4, 23, 3), True): "resnet101",
}
LITE = "efficientnet_lite0"
NAME_IT = "Say which architecture it is, e.g. timm:resnet34 (--timm NAME, --torchvision NAME)."


@dataclass(frozen=True)
class Layout:
    """How an architecture's tensors are called: ``anchors`` stand there once, ``is_trunk`` is all but the linear ``layer``'s."""

    anchors: tuple[str, ...]
    is_trunk: Callable[[str], bool]
    layer: str = ""  # "": as the tensors say


KNOWN = Layout(ANCHORS, lambda name: name.startswith(TRUNKS))


@cache
def layout_of(backbone: str) -> Layout:
    """The names of a library's architecture, ``timm:NAME`` or ``torchvision:NAME``."""
    layer = structure_of(backbone).classifier
    wanted = tensor_shapes(parse_name(backbone))
    trunk = {name for name in wanted if not name.startswith(f"{layer}.")}
    whole = {name.partition(".")[0] for name in trunk} - {layer.partition(".")[0]}
    anchor = next(
        name for name in trunk if len(wanted[name]) == 4 and not any(other.endswith(f".{name}") for other in wanted)
    )
    return Layout((anchor,), lambda name: name in trunk or name.partition(".")[0] in whole, layer)


@dataclass(frozen=True)
class Classifier:
    """One network of a file under torchvision's or timm's own names, and names of the tensors that stand beside it.

    Where the file holds a network and its moving average, ``taken`` and ``other`` are what stands before their names. ``two`` are
    names of the linear layers of a head of two; the first of them is then called ``hidden`` in the state.
    """

    state: dict[str, Tensor]
    beside: tuple[str, ...] = ()
    taken: str = ""
    other: str = ""
    two: tuple[str, ...] = ()


def find_classifier(
    state: Mapping[str, Tensor], file: str, average: bool = True, layout: Layout = KNOWN
) -> Classifier | None:
    """The classifier in a file, whatever stands before its names and however its head is nested; None where there is none.

    ``UserError`` for several networks that are not a network and its average, and for a head of three layers.
    """
    roots = sorted(
        {name.removesuffix(anchor) for anchor in layout.anchors for name in state if _ends_with(name, anchor)}
    )
    if not roots:
        return None
    root, other = _chosen(roots, file, average)
    others = () if other is None else tuple(name for name in state if _is_of(name, other, root))
    inner = {n.removeprefix(root): value for n, value in state.items() if n.startswith(root) and n not in others}
    trunk = {name: value for name, value in inner.items() if layout.is_trunk(name)}
    rest = {name: value for name, value in inner.items() if name not in trunk and not name.startswith(BESIDE)}
    beside = {name: value for name, value in state.items() if not name.startswith(root) and name not in others}
    if root and not any(_is_linear(name, value) for name, value in rest.items()):
        averaged = _is_averaged(root)  # a head of the one does not belong to the backbone of the other
        heads = {
            name: value
            for name, value in beside.items()
            if _plain(name).startswith(HEADS) and _is_averaged(name) == averaged
        }
        rest |= {_plain(name): value for name, value in heads.items()}
        beside = {name: value for name, value in beside.items() if name not in heads}
    unused = [*beside, *(f"{root}{name}" for name in inner if name.startswith(BESIDE))]
    layer = layout.layer or linear_layer(LITE if "conv_stem.weight" in trunk else "")
    head, two = _head_as(rest, layer, file)
    if other is None:
        return Classifier(trunk | head, tuple(sorted(unused)), two=two)
    return Classifier(trunk | head, tuple(sorted(unused)), f"{root}*", f"{other}*", two)


def _is_of(name: str, other: str, root: str) -> bool:
    """Does a tensor belong to the network whose names begin with ``other`` and not to that of ``root``?"""
    return name.startswith(other) and (len(other) > len(root) or not name.startswith(root))


def _ends_with(name: str, anchor: str) -> bool:
    return name == anchor or name.endswith(f".{anchor}")


def _is_averaged(name: str) -> bool:
    return any(word in part for part in name.lower().split(".") for word in AVERAGED)


def _chosen(roots: list[str], file: str, average: bool) -> tuple[str, str | None]:
    """What stands before the names of the network that is taken, and of the other one where one is the average of the other."""
    averaged = [root for root in roots if _is_averaged(root)]
    plain = [root for root in roots if root not in averaged]
    if len(roots) == 1:
        return roots[0], None
    if len(averaged) == len(plain) == 1:
        return (averaged[0], plain[0]) if average else (plain[0], averaged[0])
    some = ", ".join(repr(root) for root in roots[:4])
    raise UserError(
        f"{file} holds {len(roots)} networks (their names begin with {some}). Save the state dict of one alone."
    )


def _plain(name: str) -> str:
    """A name without what wrappers put before it."""
    while prefix := next((prefix for prefix in PREFIXES if name.startswith(prefix)), _averaging(name)):
        name = name.removeprefix(prefix)
    return name


def _averaging(name: str) -> str:
    """How a name begins where that says that it is of a moving average (``ema_``, ``teacher.``, ``model_ema.``), else ""."""
    first, dot, _ = name.partition(".")
    if first.startswith("ema_"):
        return "ema_"
    return f"{first}." if dot and _is_averaged(first) else ""


def _is_linear(name: str, value: Tensor) -> bool:
    return name.endswith(".weight") and flat(value).dim() == 2


def _head_as(rest: Mapping[str, Tensor], layer: str, file: str) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors beside the trunk with the last linear layer of the head under ``layer``, e.g. out of Dropout and Linear.

    Of two linear layers the first is called ``hidden``, and the second part of the answer has their names.
    """
    linear = [name.removesuffix(".weight") for name, value in rest.items() if _is_linear(name, value)]
    linear.sort(key=lambda name: [int(word) if word.isdigit() else 0 for word in name.split(".")])
    if len(linear) > 2 or (len(linear) == 2 and not _follow(rest, *linear)):
        raise UserError(
            f"{file} has {len(linear)} linear layers after its backbone ({', '.join(linear[:4])}). CAM needs one alone, from the "
            "pooled features to the classes, and the gradient methods take two that follow one another, with a ReLU between them."
        )
    if not linear:
        return dict(rest), ()
    *first, head = linear
    own = {f"{head}.weight": f"{layer}.weight", f"{head}.bias": f"{layer}.bias"}
    own |= {f"{name}.{end}": f"{HIDDEN}.{end}" for name in first for end in ("weight", "bias")}
    others = [name for name in rest if name not in own and name.partition(".")[0] == head.partition(".")[0]]
    if others:
        raise UserError(
            f"{file} has more in its head than a linear layer ({', '.join(sorted(others)[:4])}), so CAM would not be what it "
            "computes. Only Dropout, which has no weights, may stand before the linear layer."
        )
    weights = {f"{name}.weight" for name in linear}
    named = {own.get(name, name): flat(value) if name in weights else value for name, value in rest.items()}
    return named, tuple(linear) if first else ()


def _follow(rest: Mapping[str, Tensor], first: str, second: str) -> bool:
    """Does one linear layer take what the other gives, and has the first a bias?"""
    one, two = (flat(rest[f"{name}.weight"]) for name in (first, second))
    return len(one) == two.shape[1] and f"{first}.bias" in rest


def architecture(state: Mapping[str, Tensor], file: str) -> str:
    """The architecture of a classifier's state dict.

    A ResNet of a depth or kind that we do not have, or another EfficientNet, is a ``UserError`` that says which there are.
    """
    if "conv_stem.weight" in state:
        head = state.get("conv_head.weight")
        if head is not None and head.shape[:2] == (1280, 320) and not any(".se." in name for name in state):
            return LITE
        raise UserError(
            f"{file} is an EfficientNet of timm, but not tf_efficientnet_lite0, the only one that a file is known by. {NAME_IT}"
        )
    blocks = [len({name.split(".")[1] for name in state if name.startswith(f"layer{i}.")}) for i in range(1, 5)]
    deep = "layer1.0.conv3.weight" in state
    if odd := _odd_resnet(state):
        raise UserError(
            f"{file} is a {odd}; without a name there are the plain ones {', '.join(RESNETS.values())}. {NAME_IT}"
        )
    known = RESNETS.get((tuple(blocks), deep))
    if known is None:
        each = "three convolutions" if deep else "two convolutions"
        raise UserError(
            f"{file} is a ResNet with {', '.join(map(str, blocks))} blocks of {each} each; without a name there are "
            f"{', '.join(f'{name} ({_described(*kind)})' for kind, name in RESNETS.items())}. {NAME_IT}"
        )
    return known


def _described(blocks: tuple[int, ...], deep: bool) -> str:
    return f"{', '.join(map(str, blocks))} of {'three' if deep else 'two'}"


def _odd_resnet(state: Mapping[str, Tensor]) -> str:
    """What a relative of ResNet is called that has the blocks of one of ours; "" for a plain one."""
    if "conv1.0.weight" in state:
        return "ResNet with a stem of three convolutions (ResNet-D, ResNeSt)"
    if any(".se." in name for name in state):
        return "ResNet with squeeze and excitation (SE-ResNet)"
    second = state.get("layer1.0.conv2.weight")
    if "layer1.0.conv3.weight" not in state or second is None or second.dim() != 4:
        return ""
    if second.shape[1] != second.shape[0]:
        return "ResNeXt: its convolutions are in groups"
    return f"ResNet {second.shape[0] // 64} times as wide (Wide ResNet)" if second.shape[0] > 64 else ""


def default_backbone(name: str) -> str:
    """The backbone of ours that is cut from an architecture, at the stride of the reference."""
    return name if name == LITE else f"{name}_s16"


def linear_layer(name: str) -> str:
    """What the last layer of an architecture is called."""
    return "classifier" if name == LITE else "fc"


def classifier_rows(state: Mapping[str, Tensor], name: str, file: str, layer: str = "") -> int:
    """How many classes the linear layer of a classifier tells apart; ``UserError`` where it has none."""
    layer = layer or linear_layer(name)
    weight = state.get(f"{layer}.weight")
    if weight is None or weight.dim() != 2:
        raise UserError(
            f"{file} is a {name} without its classifier: expected {layer}.weight (classes × channels). As a start for "
            "training it can be given as --weights FILE."
        )
    return len(weight)


def classifier_network(state: Mapping[str, Tensor], file: str) -> dict[str, Tensor]:
    """Tensors of a classifier under the names of a ``CamModel`` with head "cam"."""
    layer = linear_layer(architecture(state, file))
    own = {f"{layer}.weight": "head.fc1", f"{layer}.bias": "head.fc1_bias"}
    own |= {name: f"backbone.{name}" for name in state if name.startswith(f"{HIDDEN}.")}
    return {own.get(key, f"backbone.trunk.{key}"): value for key, value in state.items()}
