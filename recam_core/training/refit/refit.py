"""Both heads again on features that are kept, for a λ that can be a slider (ReCAM, arXiv 2203.00962, equation 5)."""

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
from recam_core.networks.readouts import RECAM
from recam_core.records import Refit, RefitConfig, RefitStep, UserError
from recam_core.training.optimizer import set_rates
from recam_core.training.refit.feature_bank import FeatureBank
from recam_core.training.refit.scores import seed_scores

STAGE = 3  # keeps its shuffles apart from those of the two stages


def refit_heads(pair: ModelPair, bank: FeatureBank, config: RefitConfig) -> Iterator[RefitStep | Refit]:
    """Fit FC1 and FC2 (and the last block where it is asked for) on a bank; the last event is the result.

    The loss is BCE + λ·SCE (ReCAM, arXiv 2203.00962, equation 5). FC1 starts from stage 1's, FC2 from it as the settings say.
    The pair is left as it is. Raises ``UserError`` where the bank is not of this kind, or the loss is no longer finite.

    ```python
    pair, dataset = recam.load_pair("scenes"), recam.open_dataset("scenes", "", "samples")
    *_, bank = recam.gather_features(pair, dataset, range(8), long_side=96)
    *_, fit = recam.refit_heads(pair, bank, recam.RefitConfig(recam_weight=0.3))
    ```
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
    head = {name: _array(weight) for name, weight in learner.head.weights.items()}
    yield Refit(config, head, state, scores, losses, time.perf_counter() - start)


def _batches(pictures: int, config: RefitConfig) -> Iterator[Tensor]:
    """Indices of each step's pictures, the same for every λ: shuffled epochs without end."""
    for epoch in count():
        order = torch.tensor(epoch_order(pictures, (config.seed, STAGE, epoch)))
        yield from order.split(config.batch_size)


class Learner:
    """The head that is fitted, and the last block where it learns too: copies, the pair itself is not touched."""

    block: Any = None  # nn.Module types every attribute of a part as Tensor or Module

    def __init__(self, pair: ModelPair, config: RefitConfig, done: Refit | None = None) -> None:
        weight = pair.cam.classifier_weights()
        made = HEADS[RECAM](
            weight.shape[1],
            weight.shape[0],
            recam_weight=config.recam_weight,
            mask_gradient=config.mask_gradient,
            objective=config.objective,
            **pair.cam.head.settings,
        )
        made.load_state_dict(made.continued(pair.cam.head.state_dict(), config.fc2_start))
        if done is not None:
            with torch.no_grad():
                for name, value in done.head.items():
                    made.weights[name].copy_(torch.tensor(value))
        self.head = made.to(weight.device)
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
        deep = block(features[rows, :, : grid[0], : grid[1]])
        if len(rows) == len(grids):
            return nn.functional.pad(deep, (0, features.shape[3] - grid[1], 0, features.shape[2] - grid[0]))
        if out is None:
            out = deep.new_zeros(len(grids), deep.shape[1], *features.shape[2:])
        padded = nn.functional.pad(deep, (0, features.shape[3] - grid[1], 0, features.shape[2] - grid[0]))
        out = out.index_copy(0, torch.tensor(rows, device=deep.device), padded)
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


def load_optimizer() -> None:
    """Have torch load what the first optimizer of a process waits a second for."""
    torch.optim.AdamW([torch.zeros(1)])


def _optimizer(learner: Learner, config: RefitConfig) -> torch.optim.Optimizer:
    # a bias stays what it is: it has no part in any map
    learned = {id(weight) for weight in learner.head.weights.values()}
    groups = [
        {"params": [p for p in parameters if id(p) in learned], "lr": getattr(config, f"{part}_rate")}
        for part, parameters in learner.head.groups().items()
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
