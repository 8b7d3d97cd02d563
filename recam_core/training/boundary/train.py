"""Training of boundary branches as an iterator of events (IRN, arXiv 1904.05044, section 4).

The stage-2 backbone is frozen and its features detached: only the branches learn, from confident labels that the pair's own
heatmaps give. No mask is looked at.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from recam_core.checkpoints.pair_file import save_pair
from recam_core.datasets import Dataset
from recam_core.datasets.batches import label_batches
from recam_core.images.pictures import working_picture
from recam_core.networks.model import build_branches
from recam_core.networks.pair import ModelPair
from recam_core.records import (
    BoundaryConfig,
    BoundaryEpoch,
    BoundaryStep,
    Finished,
    MaskStep,
    PictureSkipped,
    UserError,
)
from recam_core.system.device import autocast
from recam_core.training.boundary.label_files import BoundarySeeds
from recam_core.training.boundary.losses import boundary_losses
from recam_core.training.loop import run_epochs
from recam_core.training.optimizer import set_rates
from recam_core.training.run_folder import RunFolder

Event = MaskStep | PictureSkipped | BoundaryStep | BoundaryEpoch | Finished


def train_boundary(
    pair: ModelPair, config: BoundaryConfig, dataset: Dataset, out: Path, device: torch.device, resume: bool = False
) -> Iterator[Event]:
    """Train branches for a pair on a data set; leaves ``model.safetensors``, the pair with its branches, in ``out``.

    First the confident labels of every picture, as PNG files in ``out`` that a later run with the same settings finds again;
    then the epochs, with a checkpoint after each. With ``resume`` it continues after the last finished epoch and, on the CPU,
    ends at the same numbers as a run that was never stopped. Raises ``UserError`` where the classes differ, and where the loss
    is no longer finite; the checkpoint stays.
    """
    if tuple(dataset.classes) != pair.classes:
        raise UserError(
            f"The model {pair.name} knows {len(pair.classes)} classes ({', '.join(pair.classes[:3])} …), the data set has "
            f"{len(dataset.classes)} ({', '.join(dataset.classes[:3])} …); they must be the same, in the same order."
        )
    training = _Branches(pair, config, dataset, out, device)
    if resume:
        training.load()
    yield from run_epochs(training)


class _Branches:
    """What changes while training: the branches, their optimiser, and how many epochs are done."""

    def __init__(
        self, pair: ModelPair, config: BoundaryConfig, dataset: Dataset, out: Path, device: torch.device
    ) -> None:
        self.pair, self.config, self.dataset, self.device = pair, config, dataset, device
        self.start = time.perf_counter()
        torch.manual_seed(config.seed)
        self.branches = build_branches(pair.edges).to(device)
        self.done = 0
        self.folder = RunFolder(out, config, pair.classes)
        self.optimizer = build_optimizer(self.branches, config)
        self.seeds = BoundarySeeds(pair, config, dataset, out)

    @property
    def is_done(self) -> bool:
        """Whether the last epoch has ended."""
        return self.done >= self.config.epochs

    @property
    def too_large(self) -> str:
        """What a person is told where the memory does not suffice."""
        config = self.config
        return (
            f"The memory of {self.device} does not suffice for batches of {config.batch_size} crops of {config.crop} pixels with "
            f"a radius of {config.radius}; lower --batch-size, --crop or --radius and start anew."
        )

    def begin(self) -> Iterator[Event]:
        """Confident labels of every picture; a run that goes on after an epoch has told of them before."""
        self.folder.open()
        for event in () if self.is_done else self.seeds.make():
            if isinstance(event, PictureSkipped):
                yield from self._skip(event.name, event.reason)
            else:
                yield event if self.done else self.folder.tell(event)

    def end(self, path: Path, is_new: bool) -> Iterator[Event]:
        """Write the pair with its branches."""
        if is_new:
            self._save_pair(path)
        yield self.folder.tell(Finished(str(path), time.perf_counter() - self.start, {"pictures": len(self.dataset)}))

    def _skip(self, name: str, reason: str) -> Iterator[PictureSkipped]:
        if self.folder.is_first_skip(name):
            yield self.folder.tell(PictureSkipped(name, reason))

    def epoch(self) -> Iterator[Event]:
        """One pass over the pictures, then its checkpoint."""
        start, epoch, epochs = time.perf_counter(), self.done, self.config.epochs
        batches = label_batches(self.dataset, self.seeds.read, self.config, epoch)
        total, sums, steps = epochs * len(batches), np.zeros(3), 0
        self.branches.train()
        for i, batch in enumerate(batches):
            for broken in batch.broken:
                yield from self._skip(self.dataset.name(broken.i), broken.reason)
            if not len(batch.pixels):
                continue
            step = epoch * len(batches) + i
            rate = set_rates(self.optimizer, step / total, self.config.power)
            terms = self._step(*(part.to(self.device, non_blocking=True) for part in batch[:3]))
            sums, steps = sums + terms, steps + 1
            yield self.folder.tell(BoundaryStep(epoch, step + 1, total, *terms, rate))
        if not steps:
            raise UserError(self.folder.none_readable(len(self.dataset)))
        self.branches.eval()
        self.done += 1
        mean = (sums / steps).tolist()
        end = BoundaryEpoch(epoch, epochs, mean[0], mean[1], mean[2], time.perf_counter() - start)
        self._save(end)
        yield end

    def _step(self, pixels: Tensor, inside: Tensor, labels: Tensor) -> tuple[float, float, float]:
        with autocast(self.device, training=True):
            with torch.no_grad():
                stages = self.pair.edges.stages(self.pair.edges.normalise(pixels) * inside)
            edges = self.branches.edges(stages).float()
            moves = self.branches.displacements(stages).float() if self.branches.has_displacement else None
        terms = boundary_losses(edges, moves, labels, self.config.radius, len(self.pair.classes))
        if not torch.isfinite(terms.total):
            raise UserError(self._not_finite("The loss is"))
        self.optimizer.zero_grad(set_to_none=True)
        terms.total.backward()
        self.optimizer.step()
        return terms.positive.item(), terms.negative.item(), terms.displacement.item()

    def _not_finite(self, what: str) -> str:
        return (
            f"{what} no longer finite in epoch {min(self.done + 1, self.config.epochs)}: lower --rate (now {self.config.rate:g}) "
            f"or --displacement-rate (now {self.config.displacement_rate:g}).{self.folder.what_is_kept}"
        )

    def _save_pair(self, path: Path) -> None:
        if self.branches.has_displacement:
            self.branches.mean_shift.running_mean.copy_(self._mean_displacement())
        settings = asdict(self.config) | {
            "root": Path(self.config.root).name
        }  # this machine's folders are nobody's business
        card = self.pair.card | {"boundary": {"training": settings}}
        whole = replace(self.pair, boundary=self.branches, card=card)
        save_pair(whole, path, torch.float16 if self.config.half else torch.float32)

    @torch.no_grad()
    def _mean_displacement(self) -> Tensor:
        """Mean (2,) over the pictures of their mean displacement, which IRN subtracts in evaluation."""
        self.branches.mean_shift.running_mean.zero_()
        total, count = torch.zeros(2, device=self.device), 0
        for i in range(len(self.dataset)):
            if self.dataset.name(i) in self.folder.skipped:
                continue
            picture = working_picture(self.dataset.image(i), self.config.long_side)
            stages = self.pair.edges.stages(self.pair.edges.preprocess(picture))
            total, count = total + self.branches.displacements(stages).mean(dim=(0, 2, 3)), count + 1
        return total / count

    def _save(self, end: BoundaryEpoch) -> None:
        if not all(torch.isfinite(p).all() for p in self.branches.parameters()):
            raise UserError(self._not_finite("The weights are"))
        state = {"branches": self.branches.state_dict(), "optimizer": self.optimizer.state_dict()}
        self.folder.keep({"model": self.pair.sha256, "done": self.done, **state}, end)

    def load(self) -> None:
        """Continue from the checkpoint, if there is one yet; another model or other settings are refused."""
        state = self.folder.load(self.device, {"model", "done", "branches", "optimizer"})
        if state is None:
            return
        if state["model"] != self.pair.sha256:
            raise UserError(
                f"The run in {self.folder.path} was started with another model file than {self.pair.name}; use that."
            )
        self.done = state["done"]
        self.branches.load_state_dict(state["branches"])
        self.optimizer.load_state_dict(state["optimizer"])


def build_optimizer(branches: nn.Module, config: BoundaryConfig) -> torch.optim.Optimizer:
    """SGD with a rate for the edge branch and one for the displacement branch."""
    groups = []
    for prefix, rate in (("fc_edge", config.rate), ("fc_dp", config.displacement_rate)):
        chosen = [p for name, p in branches.named_parameters() if name.startswith(prefix)]
        if chosen:
            groups.append({"params": chosen, "lr": rate, "start_rate": rate})
    return torch.optim.SGD(groups, momentum=config.momentum, weight_decay=config.weight_decay)
