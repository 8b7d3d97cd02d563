"""What kind of checkpoint a file is, told by the names and shapes of its tensors."""

from dataclasses import dataclass
from pathlib import Path

KINDS = {
    "cam": "a CAM network of the reference (ResNet-50 and FC1)",
    "recam-predictor": "the second classifier of the reference's ReCAM (FC2 alone)",
    "irn": "an IRN network of the reference (ResNet-50 and boundary branches)",
    "classifier": "a torchvision or timm classifier",
    "pair": "a model of this project",
}


@dataclass(frozen=True)
class Recognised:
    """What a file is: its ``kind`` of ``KINDS`` and, in ``words``, what a person reads about it.

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
    raise NotImplementedError
