"""What kind of checkpoint a file is, told by the names and shapes of its tensors."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from recam_core.checkpoints.importers.classifiers import (
    NAME_IT,
    Classifier,
    architecture,
    classifier_network,
    classifier_rows,
    default_backbone,
    find_classifier,
    layout_of,
)
from recam_core.checkpoints.importers.official import BRANCHES, FC1, TRUNK, cam_network
from recam_core.checkpoints.pair_file import read_header
from recam_core.networks.backbones.libraries import parse_name
from recam_core.records import UserError, is_library_name
from recam_core.system.tensor_files import read_weights, unprefixed
from recam_core.system.unpickling import Weights

State = Mapping[str, Tensor]
NETWORK, SECOND, EDGES, WHOLE = "network", "second", "edges", "whole"  # the parts of a model
IMAGENET = 1000  # classes


@dataclass(frozen=True)
class Recognised:
    """What a file is: its ``kind`` of ``CHECKPOINT_KINDS`` and, in ``words``, what a person reads about it.

    ``backbone`` is the one of ours that it fits ("" for FC2 alone), ``classes`` how many it tells apart (0 for an IRN network),
    ``softmax`` whether it was probably trained with one, ``both`` whether it holds a network and its moving average.
    """

    kind: str
    backbone: str
    classes: int
    softmax: bool
    words: str
    both: bool = False

    @property
    def row(self) -> "CheckpointKind":
        """What is known of all files of its kind."""
        return CHECKPOINT_KINDS[self.kind]


@dataclass(frozen=True)
class CheckpointKind:
    """A kind of file from elsewhere.

    ``part`` is what of a model it makes: a network with its classifier, FC2, boundary branches, or the whole. ``reference`` files
    are those of the papers' code, whose scores are sigmoids of VOC's or COCO's classes and whose stride is ours. ``recognise``
    tells a file of the kind by its tensors, its name and whether of two sets the average is wanted; ``network`` gives a network's
    tensors, out of a file by its name, the names of a ``CamModel`` with head "cam".
    """

    words: str
    part: str
    reference: bool
    recognise: Callable[[State, str, bool], Recognised | None]
    network: Callable[[State, str], dict[str, Tensor]] | None = None


def recognise(path: Path, average: bool = True, backbone: str = "") -> Recognised:
    """What a file is; ``UserError`` where it is none of the known kinds, cannot be read, or wants to run code.

    Of a network and its moving average (EMA) the latter is taken, if ``average``; the words say so. ``backbone`` may name a
    library's architecture, ``timm:NAME`` or ``torchvision:NAME``, that the file must then hold.
    """
    if is_pair(path):
        return recognise_pair(path)
    return recognise_weights(read_weights(path, average), Path(path).name, average, backbone)


def is_pair(path: Path) -> bool:
    """Does a file say that it is a pair of this project? Whether it holds one is for ``load_pair`` to find out."""
    try:
        with safe_open(path, framework="pt") as file:
            return "pair" in (file.metadata() or {})
    except (SafetensorError, OSError, ValueError):
        return False


def recognise_pair(path: Path) -> Recognised:
    """What the header of a pair says of it."""
    header = read_header(path)
    count, heads = len(header["classes"]), header["heads"].values()
    softmax = any(head["activation"] == "softmax" for head in heads)
    title, backbone = json.dumps(header["name"], ensure_ascii=False), header["backbone"]
    words = f"{CHECKPOINT_KINDS['pair'].words}: {title}, {count} classes, {backbone}"
    return Recognised("pair", backbone, count, softmax, words)


def recognise_weights(weights: Weights, file: str, average: bool = True, backbone: str = "") -> Recognised:
    """What named tensors are, and which of two sets of them was taken."""
    recognised = recognise_tensors(weights.tensors, file, average, backbone)
    if not weights.other:
        return recognised
    return replace(recognised, words=recognised.words + _both(weights.taken, weights.other, average), both=True)


def recognise_tensors(state: State, file: str, average: bool = True, backbone: str = "") -> Recognised:
    """What named tensors are; ``UserError`` for none of the kinds that there are."""
    state = unprefixed(state)
    if is_library_name(backbone):
        return _recognise_library(state, file, average, backbone)
    for kind in CHECKPOINT_KINDS.values():
        if recognised := kind.recognise(state, file, average):
            return recognised
    first = ", ".join(sorted(state)[:4])
    kinds = "; ".join(kind.words for kind in CHECKPOINT_KINDS.values())
    raise UserError(
        f"{file} is none of the kinds that can be imported ({kinds}). It has {len(state)} "
        f"tensor{'s' * (len(state) != 1)}, the first of them {first}. {NAME_IT}"
    )


def _recognise_library(state: State, file: str, average: bool, backbone: str) -> Recognised:
    name, layout = parse_name(backbone), layout_of(backbone)
    classifier = find_classifier(state, file, average, layout)
    if classifier is None:
        first = ", ".join(sorted(state)[:4])
        raise UserError(
            f"{file} does not hold {name.library}'s {name.architecture}: it has no {layout.anchors[0]}, and its first tensors "
            f"are {first}."
        )
    count = classifier_rows(classifier.state, backbone, file, layout.layer)
    words = (
        f"a {name.library} classifier: {name.model}, {count} classes{_two(classifier)}{_beside(classifier, average)}"
    )
    return Recognised("classifier", backbone, count, count == IMAGENET, words, bool(classifier.other))


def _two(classifier: Classifier) -> str:
    """What a head of two linear layers does not allow."""
    if not classifier.two:
        return ""
    return (
        f"; its head has two linear layers ({', '.join(classifier.two)}), so CAM does not apply and gradient methods do; between "
        "them a ReLU is taken, which a file does not say"
    )


def _beside(classifier: Classifier, average: bool) -> str:
    words = _both(classifier.taken, classifier.other, average) if classifier.other else ""
    if classifier.beside:
        more = f" and {len(classifier.beside) - 3} more" if len(classifier.beside) > 3 else ""
        words += f"; beside it {', '.join(classifier.beside[:3])}{more}, which are left out"
    return words


def _both(taken: str, other: str, average: bool) -> str:
    what = ("moving average", "raw weights") if average else ("raw weights", "moving average")
    option = "--no-average" if average else "--average"
    return f"; its {what[0]} ({taken}) are taken, and {option} takes its {what[1]} ({other})"


def _rows(state: State, file: str) -> int:
    """How many classes FC1 or FC2 tells apart."""
    weight = state[FC1]
    if weight.dim() not in (2, 4):
        raise UserError(
            f"{file} has a {FC1} of shape {tuple(weight.shape)}; expected classes × channels (× 1 × 1), as the reference has it."
        )
    return len(weight)


def _recognised(kind: str, backbone: str, count: int, more: str) -> Recognised:
    return Recognised(kind, backbone, count, False, f"{CHECKPOINT_KINDS[kind].words}, {more}")


def _second_classifier(state: State, file: str, average: bool) -> Recognised | None:
    if set(state) != {FC1}:
        return None
    count = _rows(state, file)
    return _recognised("recam-predictor", "", count, f"{count} classes")


def _irn_network(state: State, file: str, average: bool) -> Recognised | None:
    if not any(name.startswith(BRANCHES) for name in state):
        return None
    return _recognised("irn", "resnet50_s16", 0, "boundary branches for any model")


def _cam_network(state: State, file: str, average: bool) -> Recognised | None:
    if FC1 not in state or not any(name.startswith(TRUNK) for name in state):
        return None
    count = _rows(state, file)
    return _recognised("cam", "resnet50_s16", count, f"{count} classes")


def _classifier(state: State, file: str, average: bool) -> Recognised | None:
    classifier = find_classifier(state, file, average)
    if classifier is None:
        return None
    name = architecture(classifier.state, file)
    count = classifier_rows(classifier.state, name, file)
    words = f"{CHECKPOINT_KINDS['classifier'].words}: {name}, {count} classes{_two(classifier)}{_beside(classifier, average)}"
    return Recognised("classifier", default_backbone(name), count, count == IMAGENET, words, bool(classifier.other))


CHECKPOINT_KINDS: dict[str, CheckpointKind] = {  # in the order that a file is tried
    "recam-predictor": CheckpointKind(
        "the second classifier of the reference's ReCAM (recam_predictor: FC2 alone)", SECOND, True, _second_classifier
    ),
    "irn": CheckpointKind(
        "an IRN network of the reference (ResNet-50 and boundary branches)", EDGES, True, _irn_network
    ),
    "cam": CheckpointKind(
        "a CAM network of the reference (ResNet-50 and FC1; IRN's, AdvCAM's and ReCAM's are alike)",
        NETWORK,
        True,
        _cam_network,
        lambda state, file: cam_network(state),
    ),
    "classifier": CheckpointKind("a torchvision or timm classifier", NETWORK, False, _classifier, classifier_network),
    "pair": CheckpointKind("a model of this project", WHOLE, False, lambda *_: None),  # says so itself: see ``is_pair``
}
