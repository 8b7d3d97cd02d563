"""The optimiser of each stage: a group for each rate, and the reference's polynomial schedule."""

import math

import torch
from torch import nn

from recam_core.networks.backbones import Backbone
from recam_core.networks.model import CamModel
from recam_core.records import TrainConfig, UserError


def build_optimizer(model: CamModel, config: TrainConfig, stage: int) -> torch.optim.Optimizer:
    """SGD or AdamW with one group per rate: the backbone's, and those of the head. Frozen parts get no gradient."""
    for part in frozen_modules(model.backbone, config):
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


def frozen_modules(backbone: Backbone, config: TrainConfig) -> list[nn.Module]:
    """What of a backbone stays as it began: what no training touches, and what the settings ask for.

    The gradient of a depthwise kernel is slow on a CPU: of a 5×5 one ten times as slow as that of its input. Raises
    ``UserError`` where the backbone has fewer parts than the settings freeze.
    """
    if not (config.frozen_parts or config.frozen_depthwise):
        return list(backbone.frozen)
    if config.frozen_parts > len(backbone.parts):
        raise UserError(
            f"The backbone {config.backbone} has {len(backbone.parts)} parts; frozen_parts is {config.frozen_parts}."
        )
    frozen = [*backbone.frozen, *backbone.parts[: config.frozen_parts]]
    if config.frozen_depthwise:
        layers = (layer for part in backbone.parts for layer in part.modules())
        frozen += [m for m in layers if isinstance(m, nn.Conv2d) and m.groups == m.in_channels > 1]
    return frozen


def rate_name(part: str, stage: int) -> str:
    """The setting that a part learns by: "fc1_rate", in stage 2 "stage2_fc1_rate" where there is such a one."""
    of_stage = f"stage{stage}_{part}_rate"
    return of_stage if of_stage in TrainConfig.__dataclass_fields__ else f"{part}_rate"


def set_rates(optimizer: torch.optim.Optimizer, progress: float, power: float) -> float:
    """Poly schedule: rate₀ · (1 − progress)^power for ``progress`` in [0, 1); returns the first group's rate.

    That of the official ``PolyOptimizer`` (golden part 7).
    """
    for group in optimizer.param_groups:
        group["lr"] = group["start_rate"] * math.pow(1 - progress, power)
    return optimizer.param_groups[0]["lr"]
