"""Where FC1 starts: at the mean of the ImageNet classifier's rows that carry the class's name."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import EfficientNet_B0_Weights

from recam_core.backbones.efficientnet import imagenet_tensors
from recam_core.records import UserError

NAMES = Path(__file__).with_name("imagenet_names.json")


def imagenet_rows(classes: Sequence[str]) -> Tensor:
    """FC1 rows (K, D) from EfficientNet-Lite0's centred ImageNet classifier; zero where ImageNet has no such class.

    ``imagenet_names.json`` lists for each class the ImageNet names that mean it; every one is checked against the
    official list, so a typo is an error and not a silent zero.
    """
    index = {name: i for i, name in enumerate(EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"])}
    names: dict[str, list[str]] = json.loads(NAMES.read_text("utf-8"))
    unknown = [name for listed in names.values() for name in listed if name not in index]
    if unknown:
        raise UserError(f"{NAMES.name} lists names that ImageNet does not have: {', '.join(unknown)}.")
    rows = imagenet_tensors()["classifier.weight"]
    rows = rows - rows.mean(dim=0)
    start = torch.zeros(len(classes), rows.shape[1])
    for k, name in enumerate(classes):
        if listed := names.get(name):
            start[k] = rows[[index[n] for n in listed]].mean(dim=0)
    if not start.any():
        raise UserError("None of the classes has a counterpart in ImageNet; use --fc1-start default.")
    return start
