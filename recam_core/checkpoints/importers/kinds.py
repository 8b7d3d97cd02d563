"""What kind of checkpoint a file is, told by the names and shapes of its tensors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from recam_core.checkpoints.importers.classifiers import architecture, classifier_rows, default_backbone
from recam_core.checkpoints.importers.official import EDGES, FC1, TRUNK
from recam_core.checkpoints.pair_file import read_header
from recam_core.records import UserError
from recam_core.system.tensor_files import read_tensors

CHECKPOINT_KINDS = {
    "cam": "a CAM network of the reference (ResNet-50 and FC1; IRN's, AdvCAM's and ReCAM's are alike)",
    "recam-predictor": "the second classifier of the reference's ReCAM (recam_predictor: FC2 alone)",
    "irn": "an IRN network of the reference (ResNet-50 and boundary branches)",
    "classifier": "a torchvision or timm classifier",
    "pair": "a model of this project",
}
IMAGENET = 1000  # classes


@dataclass(frozen=True)
class Recognised:
    """What a file is: its ``kind`` of ``CHECKPOINT_KINDS`` and, in ``words``, what a person reads about it.

    ``backbone`` is the one of ours that it fits ("" for FC2 alone), ``classes`` how many it tells apart (0 for an IRN network),
    ``softmax`` whether it was probably trained with one.
    """

    kind: str
    backbone: str
    classes: int
    softmax: bool
    words: str


def recognise(path: Path) -> Recognised:
    """What a file is; ``UserError`` where it is none of the known kinds, cannot be read, or wants to run code."""
    return recognise_pair(path) if is_pair(path) else recognise_tensors(read_tensors(path), Path(path).name)


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
    words = f"{CHECKPOINT_KINDS['pair']}: {json.dumps(header['name'], ensure_ascii=False)}, {count} classes, {header['backbone']}"
    return Recognised("pair", header["backbone"], count, softmax, words)


def recognise_tensors(state: Mapping[str, Tensor], file: str) -> Recognised:
    """What named tensors are."""
    if set(state) == {FC1}:
        count = _rows(state, file)
        return _recognised("recam-predictor", "", count, f"{count} classes")
    if any(name.startswith(EDGES) for name in state):
        return _recognised("irn", "resnet50_s16", 0, "boundary branches for any model")
    if any(name.startswith(TRUNK) for name in state) and FC1 in state:
        count = _rows(state, file)
        return _recognised("cam", "resnet50_s16", count, f"{count} classes")
    if name := architecture(state, file):
        count = classifier_rows(state, name, file)
        words = f"{CHECKPOINT_KINDS['classifier']}: {name}, {count} classes"
        return Recognised("classifier", default_backbone(name), count, count == IMAGENET, words)
    first = ", ".join(sorted(state)[:4])
    raise UserError(
        f"{file} is none of the kinds that can be imported ({'; '.join(CHECKPOINT_KINDS.values())}). It has {len(state)} "
        f"tensor{'s' * (len(state) != 1)}, the first of them {first}."
    )


def _rows(state: Mapping[str, Tensor], file: str) -> int:
    """How many classes FC1 or FC2 tells apart."""
    weight = state[FC1]
    if weight.dim() not in (2, 4):
        raise UserError(
            f"{file} has a {FC1} of shape {tuple(weight.shape)}; expected classes × channels (× 1 × 1), as the reference has it."
        )
    return len(weight)


def _recognised(kind: str, backbone: str, count: int, more: str) -> Recognised:
    return Recognised(kind, backbone, count, False, f"{CHECKPOINT_KINDS[kind]}, {more}")
