"""The optimiser of each stage: a group for each rate, and the reference's polynomial schedule."""

import math
from typing import Any

import torch
from torch import nn

from recam_core.networks.model import CamModel
from recam_core.records import TrainConfig, UserError


def build_optimizer(model: CamModel, config: TrainConfig, stage: int) -> torch.optim.Optimizer:
    """SGD or AdamW with one group per rate: backbone, FC1 and, in stage 2, FC2. Frozen parts get no gradient."""
    for part in frozen_modules(model.backbone, config):
        part.requires_grad_(False)
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


def frozen_modules(backbone: Any, config: TrainConfig) -> list[nn.Module]:
    """What of a backbone stays as it began: what no training touches, and what the settings ask for.

    The gradient of a depthwise kernel is slow on a CPU: of a 5×5 one ten times as slow as that of its input.
    """
    if config.frozen_parts > len(backbone.parts):
        raise UserError(
            f"The backbone {config.backbone} has {len(backbone.parts)} parts; frozen_parts is {config.frozen_parts}."
        )
    frozen = [*getattr(backbone, "frozen", ()), *backbone.parts[: config.frozen_parts]]
    if config.frozen_depthwise:
        frozen += [m for m in backbone.modules() if isinstance(m, nn.Conv2d) and m.groups == m.in_channels > 1]
    return frozen


def set_rates(optimizer: torch.optim.Optimizer, progress: float, power: float) -> float:
    """Poly schedule: rate₀ · (1 − progress)^power for ``progress`` in [0, 1); returns the first group's rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["start_rate"] * math.pow(1 - progress, power)
    return optimizer.param_groups[0]["lr"]
