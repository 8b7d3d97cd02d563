"""The optimiser of each stage: a group for each rate, and the reference's polynomial schedule."""

import math

import torch

from recam_core.networks.model import CamModel
from recam_core.records import TrainConfig


def build_optimizer(model: CamModel, config: TrainConfig, stage: int) -> torch.optim.Optimizer:
    """SGD or AdamW with one group per rate: the backbone's, and those of the head. Frozen parts get no gradient."""
    for part in model.backbone.frozen:
        part.requires_grad_(False)
    backbone = [p for p in model.backbone.parameters() if p.requires_grad]
    groups = [
        {"params": parameters, "lr": getattr(config, rate_name(part, stage))}
        for part, parameters in {"backbone": backbone, **model.head.groups()}.items()
    ]
    if config.optimizer == "adamw":
        optimizer: torch.optim.Optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    else:
        optimizer = torch.optim.SGD(groups, momentum=config.momentum, weight_decay=config.weight_decay)
    for group in optimizer.param_groups:
        group["start_rate"] = group["lr"]
    return optimizer


def rate_name(part: str, stage: int) -> str:
    """The setting that a part learns by: "fc1_rate", in stage 2 "stage2_fc1_rate" where there is such a one."""
    of_stage = f"stage{stage}_{part}_rate"
    return of_stage if of_stage in TrainConfig.__dataclass_fields__ else f"{part}_rate"


def set_rates(optimizer: torch.optim.Optimizer, progress: float, power: float) -> float:
    """Poly schedule: rate₀ · (1 − progress)^power for ``progress`` in [0, 1); returns the first group's rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["start_rate"] * math.pow(1 - progress, power)
    return optimizer.param_groups[0]["lr"]
