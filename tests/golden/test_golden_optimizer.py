"""Golden part 7: the reference's optimiser, momentum 1e-4 and poly schedule, step by step."""

import numpy as np
import torch

from recam_core.training import set_rates


def test_poly_schedule_and_sgd(golden):
    v = golden("poly_optimizer")
    parameters = [torch.nn.Parameter(torch.from_numpy(v[f"init{i}"].copy())) for i in (1, 2)]
    groups = [{"params": [p], "lr": float(rate), "start_rate": float(rate)} for p, rate in zip(parameters, v["lrs"][0], strict=True)]
    optimizer = torch.optim.SGD(groups, momentum=float(v["actual_momentum"]), weight_decay=float(v["weight_decay"]))
    last = int(v["max_step"])
    for step in range(len(v["lrs"])):
        if step < last:  # after that the reference leaves the rate where it was
            set_rates(optimizer, step / last, float(v["power"]))
        np.testing.assert_allclose([g["lr"] for g in optimizer.param_groups], v["lrs"][step], rtol=1e-6)
        for i, parameter in enumerate(parameters, start=1):
            parameter.grad = torch.from_numpy(v[f"grads{i}"][step].copy())
        optimizer.step()
        for i, parameter in enumerate(parameters, start=1):
            np.testing.assert_allclose(parameter.detach().numpy(), v[f"params{i}"][step], atol=1e-5)
