"""Golden part 7: the reference's optimiser, momentum 1e-4 and poly schedule, step by step, through our own builder."""

import numpy as np
import torch
from torch import nn

from recam_core.records import TrainConfig
from recam_core.training.optimizer import build_optimizer, set_rates


class TwoGroups(nn.Module):
    """A backbone and an FC1 of the sizes in the file."""

    def __init__(self, backbone: torch.Tensor, fc1: torch.Tensor) -> None:
        super().__init__()
        self.backbone = nn.ParameterList([nn.Parameter(backbone)])
        self.head = nn.Module()
        self.head.fc1 = nn.Parameter(fc1)
        self.backbone.frozen = ()
        self.head.groups = lambda: {"fc1": [self.head.fc1]}


def test_poly_schedule_and_sgd(golden):
    v = golden("poly_optimizer")
    model = TwoGroups(*(torch.from_numpy(v[f"init{i}"].copy()) for i in (1, 2)))
    parameters = [model.backbone[0], model.head.fc1]
    config = TrainConfig(
        backbone_rate=float(v["lrs"][0][0]),
        fc1_rate=float(v["lrs"][0][1]),
        momentum=float(v["actual_momentum"]),
        weight_decay=float(v["weight_decay"]),
        power=float(v["power"]),
    )
    optimizer = build_optimizer(model, config, stage=1)
    last = int(v["max_step"])
    for step in range(len(v["lrs"])):
        if step < last:  # after that the reference leaves the rate where it was
            set_rates(optimizer, step / last, config.power)
        np.testing.assert_allclose([g["lr"] for g in optimizer.param_groups], v["lrs"][step], rtol=1e-6)
        for i, parameter in enumerate(parameters, start=1):
            parameter.grad = torch.from_numpy(v[f"grads{i}"][step].copy())
        optimizer.step()
        for i, parameter in enumerate(parameters, start=1):
            np.testing.assert_allclose(parameter.detach().numpy(), v[f"params{i}"][step], atol=1e-5)
