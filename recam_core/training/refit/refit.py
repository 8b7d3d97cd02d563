"""Both heads again on features that are kept, for a λ that can be a slider (ReCAM, Chen et al., CVPR 2022, section 4)."""

import copy
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recam_core.datasets.batches import epoch_order
from recam_core.networks.heads import HEADS
from recam_core.networks.pair import ModelPair
from recam_core.records import Refit, RefitConfig, RefitStep, UserError
from recam_core.training.optimizer import set_rates
from recam_core.training.refit.feature_bank import FeatureBank
from recam_core.training.refit.scores import seed_scores
from recam_core.training.setup import fc2_start

STAGE = 3  # keeps its shuffles apart from those of the two stages


def refit_heads(pair: ModelPair, bank: FeatureBank, config: RefitConfig) -> Iterator[RefitStep | Refit]:
    """Fit FC1 and FC2 (and the last block where it is asked for) on a bank; the last event is the result.

    FC1 starts from stage 1's, FC2 from it as the settings say. The pair is left as it is. Raises ``UserError`` where the
    bank is not of this kind, or the loss is no longer finite.
    """
    if config.last_block != bank.last_block:
        raise UserError("These features were kept for another choice of what learns; gather them again.")
    start = time.perf_counter()
    learner = Learner(pair, config)
    features = bank.features if bank.last_block else scaled(bank.features, bank.grids)
    optimizer = _optimizer(learner, config)
    losses = np.zeros((config.steps, 2))
    for step, chosen in zip(range(config.steps), _batches(len(bank.names), config), strict=False):
        set_rates(optimizer, step / config.steps, config.power)
        inputs = learner.finish(features[chosen], [bank.grids[i] for i in chosen])
        loss, bce, sce = learner.head.loss(inputs, bank.labels[chosen])
        if not torch.isfinite(loss):
            raise UserError(
                f"The loss is no longer finite at λ = {config.recam_weight:g}, step {step + 1}; lower λ or the learning rates."
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses[step] = bce.item(), sce.item()
        yield RefitStep(step + 1, config.steps, *losses[step])
    scores = seed_scores(pair, bank, learner, features)
    state = {} if learner.block is None else {name: _array(value) for name, value in learner.block.state_dict().items()}
    heads = (_array(learner.head.fc1), _array(learner.head.fc2))
    yield Refit(config, *heads, state, scores, losses, time.perf_counter() - start)


def _batches(pictures: int, config: RefitConfig) -> Iterator[Tensor]:
    """Indices of each step's pictures, the same for every λ: shuffled epochs without end."""
    for epoch in count():
        order = torch.tensor(epoch_order(pictures, (config.seed, STAGE, epoch)))
        yield from order.split(config.batch_size)


class Learner:
    """The head that is fitted, and the last block where it learns too: copies, the pair itself is not touched."""

    block: Any = None  # nn.Module types every attribute of a part as Tensor or Module

    def __init__(self, pair: ModelPair, config: RefitConfig, done: Refit | None = None) -> None:
        fc1 = pair.cam.head.fc1.detach()
        made = HEADS["recam"](
            fc1.shape[1],
            fc1.shape[0],
            recam_weight=config.recam_weight,
            mask_gradient=config.mask_gradient,
            objective=config.objective,
            **pair.cam.head.settings,
        )
        weights = {"fc1": fc1, "fc2": fc2_start(fc1, config.fc2_start)}
        if done is not None:
            weights = {"fc1": torch.tensor(done.fc1), "fc2": torch.tensor(done.fc2)}
        if pair.cam.head.fc1_bias is not None:  # stays what it is: it has no part in any map
            weights["fc1_bias"] = pair.cam.head.fc1_bias.detach()
        made.load_state_dict(weights)
        self.head: Any = made.to(fc1.device)
        if config.last_block:
            self.block = copy.deepcopy(pair.cam.backbone.last_block).requires_grad_(True)
            if done is not None:
                self.block.load_state_dict({name: torch.tensor(value) for name, value in done.block.items()})

    def finish(self, features: Tensor, grids: list[tuple[int, int]]) -> Tensor:
        """Start features (B, D′, h, w) → features (B, D, h, w) whose plain mean is that over each picture's own grid."""
        return features if self.block is None else scaled(apply_block(self.block, features, grids), grids)


def apply_block(block: nn.Module, features: Tensor, grids: list[tuple[int, int]]) -> Tensor:
    """The block on every picture's own grid, as if no other were in the batch; 0 past it, as before."""
    out: Tensor | None = None
    for grid in sorted(set(grids)):
        rows = [i for i, other in enumerate(grids) if other == grid]
        found = block(features[rows, :, : grid[0], : grid[1]])
        if len(rows) == len(grids):
            return nn.functional.pad(found, (0, features.shape[3] - grid[1], 0, features.shape[2] - grid[0]))
        if out is None:
            out = found.new_zeros(len(grids), found.shape[1], *features.shape[2:])
        padded = nn.functional.pad(found, (0, features.shape[3] - grid[1], 0, features.shape[2] - grid[0]))
        out = out.index_copy(0, torch.tensor(rows, device=found.device), padded)
    assert out is not None
    return out


def scaled(features: Tensor, grids: list[tuple[int, int]] | tuple[tuple[int, int], ...]) -> Tensor:
    """Features (B, D, h, w) times h·w over each picture's own positions.

    The losses pool over the whole grid; so scaled, that is pooling over the picture alone: class scores and class features are
    linear in f, and a mask is divided by its own maximum.
    """
    positions = features.shape[2] * features.shape[3]
    if all(rows * columns == positions for rows, columns in grids):
        return features
    ratio = [positions / (rows * columns) for rows, columns in grids]
    return features * torch.tensor(ratio, device=features.device)[:, None, None, None]


def _optimizer(learner: Learner, config: RefitConfig) -> torch.optim.Optimizer:
    groups = [
        {"params": [learner.head.fc1], "lr": config.fc1_rate},
        {"params": [learner.head.fc2], "lr": config.fc2_rate},
    ]
    if learner.block is not None:
        groups.append({"params": list(learner.block.parameters()), "lr": config.block_rate})
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    for group in optimizer.param_groups:
        group["start_rate"] = group["lr"]
    return optimizer


def _array(values: Tensor) -> np.ndarray:
    array = values.detach().cpu().numpy().copy()
    array.setflags(write=False)
    return array
