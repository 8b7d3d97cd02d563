"""Training of boundary branches as an iterator of events (IRN, Ahn et al., CVPR 2019, section 4).

The stage-2 backbone is frozen and its features detached: only the branches learn, from confident labels that the pair's own
heatmaps give. No mask is looked at.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from recam_core.batches import label_batches
from recam_core.boundary_losses import boundary_losses
from recam_core.datasets import Dataset
from recam_core.device import autocast
from recam_core.files import save_atomically
from recam_core.images import working_picture
from recam_core.model import ModelPair, build_branches
from recam_core.pipeline import gather_evidence, read_out
from recam_core.records import (
    MULTI_SCALE,
    BoundaryConfig,
    BoundaryEpoch,
    BoundaryStep,
    Finished,
    HeatmapOptions,
    MaskStep,
    UserError,
)
from recam_core.run_state import CHECKPOINT, folder_for, load_checkpoint, save_checkpoint
from recam_core.seeds import confident_labels
from recam_core.shelf import save_pair
from recam_core.training import MODEL, set_rates
from recam_core.visualise import palette_png_bytes

SEED_SETTINGS = ("dataset", "split", "readout", "foreground", "background", "refinement", "multi_scale", "long_side")


def train_boundary(
    pair: ModelPair, config: BoundaryConfig, dataset: Dataset, out: Path, device: torch.device, resume: bool = False
) -> Iterator[MaskStep | BoundaryStep | BoundaryEpoch | Finished]:
    """Train branches for a pair on a data set; leaves ``model.safetensors``, the pair with its branches, in ``out``.

    First the confident labels of every picture, as PNG files in ``out`` that a later run with the same settings finds again;
    then the epochs, with a checkpoint after each. With ``resume`` it continues after the last finished epoch and, on the CPU,
    ends at the same numbers as a run that was never stopped. A loss that is not finite stops it; the checkpoint stays.
    """
    start = time.perf_counter()
    if tuple(dataset.classes) != pair.classes:
        raise UserError(
            f"The model {pair.name} knows {len(pair.classes)} classes ({', '.join(pair.classes[:3])} …), the data set has "
            f"{len(dataset.classes)} ({', '.join(dataset.classes[:3])} …); they must be the same, in the same order."
        )
    run = _Run(pair, config, dataset, out, device)
    if resume:
        run.load()
    folder_for(out)
    path, worked = out / MODEL, run.done < config.epochs
    try:
        if worked:
            yield from run.make_seeds()
        while run.done < config.epochs:
            yield from run.epoch()
        if worked or not path.exists():  # else nothing was left to do, and the file may carry scores by now
            run.finish(path)
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"The memory of {device} does not suffice for batches of {config.batch_size} crops of {config.crop} pixels with "
            f"a radius of {config.radius}; lower --batch-size, --crop or --radius and start anew."
        ) from error
    yield Finished(str(path), time.perf_counter() - start, {"pictures": len(dataset)})


class _Run:
    """What changes while training: the branches, their optimiser, and how many epochs are done."""

    def __init__(
        self, pair: ModelPair, config: BoundaryConfig, dataset: Dataset, out: Path, device: torch.device
    ) -> None:
        self.pair, self.config, self.dataset, self.out, self.device = pair, config, dataset, out, device
        torch.manual_seed(config.seed)
        self.branches = build_branches(pair.edges).to(device)
        self.done = 0
        self.saved = (out / CHECKPOINT).exists()
        self.optimizer = build_optimizer(self.branches, config)
        made_from = {name: getattr(config, name) for name in SEED_SETTINGS} | {"model": pair.sha256}
        digest = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:12]
        self.seeds = out / f"seeds-{digest}"

    def make_seeds(self) -> Iterator[MaskStep]:
        """Confident labels of every picture, each in its own file; those that are there stay."""
        folder_for(self.seeds)
        total = len(self.dataset)
        for i in range(total):
            there = self._seed_file(i).exists()
            if not there:
                save_atomically(self._seed_file(i), palette_png_bytes(self._make_seed(i)))
            yield MaskStep(i + 1, total, self.dataset.name(i), "kept" if there else "written")

    def _make_seed(self, i: int) -> np.ndarray:
        config, ids = self.config, [int(k) for k in np.flatnonzero(self.dataset.labels(i))]
        picture = working_picture(self.dataset.image(i), config.long_side)
        maps = np.zeros((0, *picture.shape[:2]), np.float32)
        if ids:
            scales = MULTI_SCALE if config.multi_scale else (1.0,)
            view = HeatmapOptions(scales, long_side=config.long_side)
            evidence = gather_evidence(picture, self.pair, view, (config.readout,))
            maps = read_out(evidence, config.readout, [self.pair.classes[k] for k in ids]).maps
        return confident_labels(picture, maps, ids, config.foreground, config.background, config.refinement)

    def _seed_file(self, i: int) -> Path:
        return self.seeds / f"{i:06d}.png"

    def _read_seed(self, i: int) -> np.ndarray:
        return np.asarray(Image.open(self._seed_file(i)))

    def epoch(self) -> Iterator[BoundaryStep | BoundaryEpoch]:
        """One pass over the pictures, then its checkpoint."""
        start, epoch, epochs = time.perf_counter(), self.done, self.config.epochs
        batches = label_batches(self.dataset, self._read_seed, self.config, epoch)
        total, sums = epochs * len(batches), np.zeros(3)
        self.branches.train()
        for i, batch in enumerate(batches):
            step = epoch * len(batches) + i
            rate = set_rates(self.optimizer, step / total, self.config.power)
            terms = self._step(*(t.to(self.device, non_blocking=True) for t in batch))
            sums += terms
            yield BoundaryStep(epoch, step + 1, total, *terms, rate)
        self.branches.eval()
        self.done += 1
        self._save()
        mean = (sums / len(batches)).tolist()
        yield BoundaryEpoch(epoch, epochs, mean[0], mean[1], mean[2], time.perf_counter() - start)

    def _step(self, pixels: Tensor, inside: Tensor, labels: Tensor) -> tuple[float, float, float]:
        with autocast(self.device, training=True):
            with torch.no_grad():
                stages = self.pair.edges.stages(self.pair.edges.normalise(pixels) * inside)
            edges = self.branches.edges(stages).float()
            moves = self.branches.displacements(stages).float() if self.branches.has_displacement else None
        terms = boundary_losses(edges, moves, labels, self.config.radius, len(self.pair.classes))
        if not torch.isfinite(terms.total):
            kept = f" The checkpoint of the epoch before is kept in {self.out}." if self.saved else ""
            raise UserError(
                f"The loss is no longer finite in epoch {self.done + 1}: lower --rate (now {self.config.rate:g}) "
                f"or --displacement-rate (now {self.config.displacement_rate:g}).{kept}"
            )
        self.optimizer.zero_grad(set_to_none=True)
        terms.total.backward()
        self.optimizer.step()
        return terms.positive.item(), terms.negative.item(), terms.displacement.item()

    def finish(self, path: Path) -> None:
        """Store the pair with its branches and what made them."""
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
        total = torch.zeros(2, device=self.device)
        for i in range(len(self.dataset)):
            picture = working_picture(self.dataset.image(i), self.config.long_side)
            stages = self.pair.edges.stages(self.pair.edges.preprocess(picture))
            total += self.branches.displacements(stages).mean(dim=(0, 2, 3))
        return total / len(self.dataset)

    def _save(self) -> None:
        save_checkpoint(self.out, {
            "config": asdict(self.config), "classes": list(self.pair.classes), "model": self.pair.sha256, "done": self.done,
            "branches": self.branches.state_dict(), "optimizer": self.optimizer.state_dict(),
        })  # fmt: skip
        self.saved = True

    def load(self) -> None:
        """Continue from the checkpoint in ``out``; another model or other settings are refused."""
        holds = {"config", "classes", "model", "done", "branches", "optimizer"}
        state = load_checkpoint(self.out, self.device, holds, self.config, self.pair.classes)
        if state["model"] != self.pair.sha256:
            raise UserError(
                f"The run in {self.out} was started with another model file than {self.pair.name}; use that."
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
