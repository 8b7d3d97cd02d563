"""The optimiser of each stage: a group for each rate, and the reference's polynomial schedule."""

import math

import torch
from torch import nn

from recam_core.networks.model import CamModel
from recam_core.records import TrainConfig


def build_optimizer(model: CamModel, config: TrainConfig, stage: int) -> torch.optim.Optimizer:
    """SGD or AdamW with one group per rate: backbone, FC1 and, in stage 2, FC2. Frozen parts get no gradient."""
    for part in getattr(model.backbone, "frozen", ()):
        nn.Module.requires_grad_(part, False)
    first = stage == 1
    fc1 = [p for name, p in model.head.named_parameters() if name.startswith("fc1")]  # a head from elsewhere has a bias
    groups = [
        {
            "params": [p for p in model.backbone.parameters() if p.requires_grad],
            "lr": config.backbone_rate if first else config.stage2_backbone_rate,
        },
        {"params": fc1, "lr": config.fc1_rate if first else config.stage2_fc1_rate},
    ]
    if not first:
        groups.append({"params": [model.head.fc2], "lr": config.fc2_rate})
    if config.optimizer == "adamw":
        optimizer: torch.optim.Optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    else:
        optimizer = torch.optim.SGD(groups, momentum=config.momentum, weight_decay=config.weight_decay)
    for group in optimizer.param_groups:
        group["start_rate"] = group["lr"]
    return optimizer


def set_rates(optimizer: torch.optim.Optimizer, progress: float, power: float) -> float:
    """Poly schedule: rate₀ · (1 − progress)^power for ``progress`` in [0, 1); returns the first group's rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["start_rate"] * math.pow(1 - progress, power)
    return optimizer.param_groups[0]["lr"]
