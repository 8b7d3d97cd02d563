"""Where FC1 starts: at the mean of the ImageNet classifier's rows that carry the class's name."""

import json
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from recam_core.networks.backbones.efficientnet import imagenet_tensors
from recam_core.records import UserError

NAMES = Path(__file__).with_name("imagenet_names.json")


def imagenet_rows(classes: Sequence[str]) -> Tensor:
    """FC1 rows (K, D) from EfficientNet-Lite0's centred ImageNet classifier; zero where ImageNet has no such class."""
    rows = imagenet_tensors()["classifier.weight"]
    return rows_of(classes, rows - rows.mean(dim=0))


def rows_of(classes: Sequence[str], values: Tensor) -> Tensor:
    """For each class the mean of those of ImageNet's ``values`` (1000, …) that mean it; zero where ImageNet has no such class."""
    index, meanings = _index(), _meanings(classes)
    start = values.new_zeros(len(classes), *values.shape[1:])
    for k, name in enumerate(classes):
        if name in meanings:
            start[k] = values[[index[n] for n in meanings[name]]].mean(dim=0)
    return start


def imagenet_counterparts(classes: Sequence[str]) -> tuple[str, ...]:
    """The classes that ImageNet's classifier knows something about."""
    return tuple(_meanings(classes))


def _meanings(classes: Sequence[str]) -> dict[str, list[str]]:
    """For each class that has some the ImageNet names that mean it: those of ``imagenet_names.json``, or its own name.

    Every listed name is checked against the official list, so a typo is an error and not a silent zero.
    """
    index = _index()
    names: dict[str, list[str]] = json.loads(NAMES.read_text("utf-8"))
    unknown = [name for listed in names.values() for name in listed if name not in index]
    if unknown:
        raise UserError(f"{NAMES.name} lists names that ImageNet does not have: {', '.join(unknown)}.")
    own = {name: [name] for name in classes if name in index}
    return own | {name: names[name] for name in classes if names.get(name)}


def _index() -> dict[str, int]:
    from torchvision.models import EfficientNet_B0_Weights  # seconds to load, and only a new network needs it

    return {name: i for i, name in enumerate(EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"])}
