"""Two-stage training as an iterator of events: BCE alone, then BCE + λ·SCE from the same weights (ReCAM, section 4).

Both stages' networks are kept, because CAM is read from the first and ReCAM from the second. BatchNorm keeps its running
statistics throughout (the network stays in evaluation mode), as in the reference.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from recam_core.batches import epoch_batches
from recam_core.datasets import Dataset
from recam_core.device import autocast
from recam_core.model import CamModel, ModelPair, build_model
from recam_core.records import EpochEnd, Finished, TrainConfig, TrainStep, UserError
from recam_core.run_state import CHECKPOINT, folder_for, load_checkpoint, save_checkpoint
from recam_core.shelf import load_pair, save_pair
from recam_core.starts import imagenet_rows

MODEL = "model.safetensors"


def train(
    config: TrainConfig, dataset: Dataset, out: Path, device: torch.device, resume: bool = False
) -> Iterator[TrainStep | EpochEnd | Finished]:
    """Train both stages on a data set; leaves ``model.safetensors`` in ``out``, a checkpoint after every epoch.

    With ``resume`` it continues after the last finished epoch and, on the CPU, ends at the same numbers as a run that was
    never stopped. A loss that is not finite stops it; the checkpoint before stays.
    """
    start = time.perf_counter()
    run = _Run(config, dataset, out, device)
    if resume:
        run.load()
    folder_for(out)
    path, worked = out / MODEL, run.stage <= 2
    try:
        while run.stage <= 2:
            yield from run.epoch()
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"The memory of {device} does not suffice for batches of {config.batch_size} crops of {config.crop} pixels; "
            "lower --batch-size or --crop and start anew."
        ) from error
    if worked or not path.exists():  # else nothing was left to do, and the file may carry scores by now
        save_pair(run.pair(), path, torch.float16 if config.half else torch.float32)
    yield Finished(str(path), time.perf_counter() - start, {"pictures": len(dataset), "classes": len(dataset.classes)})


class _Run:
    """What changes while training: the networks, the optimiser, and where in the two stages it is."""

    def __init__(self, config: TrainConfig, dataset: Dataset, out: Path, device: torch.device) -> None:
        self.config, self.dataset, self.out, self.device = config, dataset, out, device
        torch.manual_seed(config.seed)
        classes = len(dataset.classes)
        self.cam = build_model(config.backbone, "cam", classes, config.weights)
        if config.fc1_start == "imagenet":
            self._start_fc1(imagenet_rows(dataset.classes))
        self.recam = build_model(
            config.backbone,
            "recam",
            classes,
            recam_weight=config.recam_weight,
            mask_gradient=config.mask_gradient,
            objective=config.objective,
        )
        for model in (self.cam, self.recam):
            model.to(device)
        self.stage, self.done = 1, 0  # epochs done in this stage
        self.saved = (out / CHECKPOINT).exists()
        self.optimizer = build_optimizer(self.cam, config, 1)
        if config.stage1:
            self._take_stage1(load_pair(config.stage1, device))

    def epoch(self) -> Iterator[TrainStep | EpochEnd]:
        """One epoch of the current stage, then its checkpoint."""
        start = time.perf_counter()
        stage, epoch = self.stage, self.done
        epochs = self.config.stage1_epochs if stage == 1 else self.config.stage2_epochs
        model = self.cam if stage == 1 else self.recam
        batches = epoch_batches(self.dataset, self.config, stage, epoch)
        total = epochs * len(batches)
        sums, pictures = torch.zeros(2), 0
        for i, (pixels, inside, labels) in enumerate(batches):
            step = epoch * len(batches) + i
            rate = set_rates(self.optimizer, step / total, self.config.power)
            bce, sce = self._step(model, pixels, inside, labels)
            sums += torch.tensor([bce, sce]) * len(pixels)
            pictures += len(pixels)
            yield TrainStep(stage, epoch, step + 1, total, bce, sce, rate)
        self._advance(epochs)
        self._save()
        mean = (sums / pictures).tolist()
        yield EpochEnd(stage, epoch, epochs, mean[0], mean[1], time.perf_counter() - start)

    def _step(self, model: CamModel, pixels: Tensor, inside: Tensor, labels: Tensor) -> tuple[float, float]:
        pixels, inside, labels = (t.to(self.device, non_blocking=True) for t in (pixels, inside, labels))
        with autocast(self.device, training=True):
            x = model.normalise(pixels) * inside  # zero, the mean colour, where the crop leaves the picture
            features = model.features(x)
        loss, bce, sce = model.head.loss(features.float(), labels)
        if not torch.isfinite(loss):
            kept = f" The checkpoint of the epoch before is kept in {self.out}." if self.saved else ""
            raise UserError(
                f"The loss is no longer finite in stage {self.stage}, epoch {self.done + 1}: lower the learning rates "
                f"(or λ, now {self.config.recam_weight}).{kept}"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return bce.item(), sce.item()

    def _advance(self, epochs: int) -> None:
        self.done += 1
        if self.done < epochs:
            return
        self.stage, self.done = self.stage + 1, 0
        if self.stage == 2:
            self._start_stage2()
            self.optimizer = build_optimizer(self.recam, self.config, 2)

    def _start_fc1(self, rows: Tensor) -> None:
        if rows.shape != self.cam.head.fc1.shape:
            raise UserError(
                f"ImageNet's classifier rows have {rows.shape[1]} channels and fit efficientnet_lite0 only; "
                f"{self.config.backbone} has {self.cam.head.fc1.shape[1]}. Use --fc1-start default."
            )
        self.cam.head.load_state_dict({"fc1": rows})

    def _take_stage1(self, pair: ModelPair) -> None:
        if pair.classes != tuple(self.dataset.classes) or pair.backbone != self.config.backbone:
            raise UserError(
                f"Stage 1 of {pair.name} ({pair.backbone}, {len(pair.classes)} classes) does not fit this run "
                f"({self.config.backbone}, {len(self.dataset.classes)} classes); both must be the same."
            )
        self.cam.load_state_dict(pair.cam.state_dict())
        self.done = self.config.stage1_epochs - 1
        self._advance(self.config.stage1_epochs)

    def _start_stage2(self) -> None:
        """Stage 2 starts from all of stage 1; FC2 from its own default start, from FC1, or from FC1's positive part."""
        state = dict(self.cam.state_dict())
        own = self.recam.state_dict()["head.fc2"]
        state["head.fc2"] = (
            own if self.config.fc2_start == "default" else fc2_start(state["head.fc1"], self.config.fc2_start)
        )
        self.recam.load_state_dict(state)

    def pair(self) -> ModelPair:
        """Both networks with the settings that made them."""
        settings = asdict(self.config)
        for name in ("root", "weights", "stage1"):  # the folders of this machine are nobody's business
            settings[name] = Path(settings[name]).name
        card: dict[str, Any] = {"training": settings, "scores": {}}
        if self.config.objective != "both":
            card["warning"] = "Trained without FC2, an ablation: w′, w⊕w′ and w⊗w′ mean nothing here."
        elif self.config.recam_weight == 0:
            card["warning"] = "Trained with λ = 0: FC2 never learned, so w′, w⊕w′ and w⊗w′ mean nothing here."
        elif len(self.dataset.classes) == 1:
            card["warning"] = "Trained on one class: softmax has nothing to tell apart, so FC2 never learned."
        return ModelPair(self.out.name, tuple(self.dataset.classes), self.config.backbone, self.cam, self.recam, card)

    def _save(self) -> None:
        state: dict[str, Any] = {
            "config": asdict(self.config),
            "classes": list(self.dataset.classes),
            "stage": self.stage,
            "done": self.done,
            "cam": self.cam.state_dict(),
            "recam": self.recam.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        save_checkpoint(self.out, state)
        self.saved = True

    def load(self) -> None:
        """Continue from the checkpoint in ``out``; settings that changed since are refused."""
        holds = {"config", "classes", "stage", "done", "cam", "recam", "optimizer"}
        state = load_checkpoint(self.out, self.device, holds, self.config, self.dataset.classes)
        if state is None:
            return
        self.stage, self.done = state["stage"], state["done"]
        self.cam.load_state_dict(state["cam"])
        self.recam.load_state_dict(state["recam"])
        if self.stage == 2:
            self.optimizer = build_optimizer(self.recam, self.config, 2)
        if self.stage <= 2:
            self.optimizer.load_state_dict(state["optimizer"])


def fc2_start(fc1: Tensor, how: str) -> Tensor:
    """Where FC2 (K, D) starts from FC1: at a copy of it ("fc1"), or at its positive part ("positive")."""
    return {"fc1": torch.clone, "positive": torch.relu}[how](fc1)


def build_optimizer(model: CamModel, config: TrainConfig, stage: int) -> torch.optim.Optimizer:
    """SGD or AdamW with one group per rate: backbone, FC1 and, in stage 2, FC2. Frozen parts get no gradient."""
    for part in getattr(model.backbone, "frozen", ()):
        nn.Module.requires_grad_(part, False)
    first = stage == 1
    groups = [
        {
            "params": [p for p in model.backbone.parameters() if p.requires_grad],
            "lr": config.backbone_rate if first else config.stage2_backbone_rate,
        },
        {"params": [model.head.fc1], "lr": config.fc1_rate if first else config.stage2_fc1_rate},
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
