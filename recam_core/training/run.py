"""The state of a two-stage training: its networks, the optimiser, and where in the two stages it is."""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recam_core.datasets import Dataset
from recam_core.datasets.batches import Batch
from recam_core.networks.model import CamModel
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import readout_labels, untrained_readouts
from recam_core.records import TrainConfig, UserError
from recam_core.system.device import training_autocast, training_type
from recam_core.training.distributed import ProcessGroup
from recam_core.training.optimizer import build_optimizer, rate_name
from recam_core.training.run_folder import RunFolder
from recam_core.training.setup import stage2_weights, starting_networks

HOLDS = {"stage", "done", "cam", "recam", "optimizer"}


class Losses(nn.Module):
    """A network and its losses as one module, which is what processes that train together wrap.

    The backbone computes in the precision that was asked for, the head always in float32. With ``others`` every parameter takes
    part in every loss, because each process waits for all gradients of the others.
    """

    def __init__(self, model: CamModel, number: torch.dtype, others: bool, stride: int = 0) -> None:
        super().__init__()
        self.model, self.number, self.others, self.stride = model, number, others, stride

    def forward(self, pixels: Tensor, inside: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(total, BCE, SCE) of a batch; the last two are for reading only."""
        with training_autocast(pixels.device, self.number):
            x = self.model.normalise(pixels) * inside  # zero, the mean colour, where the crop leaves the picture
            with self.model.backbone.at_stride(self.stride) if self.stride else contextlib.nullcontext():
                features = self.model.features(x)
        loss, bce, sce = self.model.head.loss(features.float(), labels)
        if self.others:
            loss = _with_gradients_of(self.model.head.idle(), loss)
        return loss, bce.detach(), sce.detach()


def _with_gradients_of(idle: Iterable[nn.Parameter], loss: Tensor) -> Tensor:
    """The same loss, of which parameters that it leaves out have a gradient of zero, and not none.

    ``find_unused_parameters`` of torch's DistributedDataParallel would look for them at every step.
    """
    return loss + sum(0.0 * parameter.sum() for parameter in idle)


class Run:
    """What changes while training. ``stage`` is 3 when both are done; ``done`` counts the epochs of this stage."""

    def __init__(
        self,
        config: TrainConfig,
        dataset: Dataset,
        out: Path,
        device: torch.device,
        group: ProcessGroup,
        resume: bool = False,
    ) -> None:
        self.config, self.device, self.group = config, device, group
        self.classes = tuple(dataset.classes)
        self.folder = RunFolder(out, config, self.classes)
        state = self.folder.load(device, HOLDS) if resume else None
        heads = None if state is None else state.get("heads")
        self.cam, self.recam = starting_networks(config, self.classes, device, heads)
        self.stage, self.done = 1, 0
        self.shown = torch.zeros(len(self.classes))  # pictures of each class in the epoch before
        self.number = training_type(device, config.precision)
        self._enter(1)
        if config.stage1:
            self.done = config.stage1_epochs - 1
            self.advance()
        if state is not None:
            self._load(state)

    @property
    def model(self) -> CamModel:
        """The network that is trained now."""
        return self.cam if self.stage == 1 else self.recam

    @property
    def epochs(self) -> int:
        """How many this stage has."""
        return self.config.stage1_epochs if self.stage == 1 else self.config.stage2_epochs

    def _enter(self, stage: int) -> None:
        self.optimizer = build_optimizer(self.model, self.config, stage)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.number == torch.float16)
        several = self.group.share.world > 1
        self.losses = self.group.wrapped(Losses(self.model, self.number, several, self.config.training_stride))

    def step(self, batches: Sequence[Batch], count: int, labelled: int) -> Tensor:
        """Learn from this process's batches of the ``count`` pictures that the whole group shows; mean (BCE, SCE) of those.

        ``labelled`` of them show a class at all; where none does FC2 learns nothing.

        Losses are means over pictures, so each batch weighs as much as its share of them. A process without a picture takes
        part with an empty one that weighs nothing.
        """
        self.optimizer.zero_grad(set_to_none=True)
        parts = [(batch, len(batch.pixels) / count) for batch in batches if len(batch.pixels)]
        parts = parts or [(_stand_in(batches[0]), 0.0)]
        means = torch.zeros(2, device=self.device)
        for i, (batch, share) in enumerate(parts):
            pixels, inside, labels = (part.to(self.device, non_blocking=True) for part in batch[:3])
            with contextlib.nullcontext() if i == len(parts) - 1 else self.group.alone(self.losses):
                loss, bce, sce = self.losses(pixels, inside, labels)
                self.group.backward(
                    self.scaler.scale(loss * (share * self.group.share.world))
                )  # which then takes the mean
            means += torch.stack((bce, sce)) * share
        for parameter in self.model.head.idle(labelled > 0):
            parameter.grad = None  # rather than zero, which weight decay and momentum would add to
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return self.group.total(means)

    def check_finite(self) -> None:
        """Refuse to keep weights that the last step broke."""
        if not all(torch.isfinite(p).all() for p in self.model.parameters()):
            raise UserError(self.not_finite("The weights are", "the last step of its epoch broke them"))

    def not_finite(self, what: str, how: str) -> str:
        """What a person is told where numbers ran away."""
        config = self.config
        rates = [rate_name(part, self.stage) for part in ("backbone", *self.model.head.groups())]
        knobs = [f"({', '.join(f'{name} {getattr(config, name):g}' for name in rates)})"]
        knobs += [f"or λ (now {config.recam_weight:g})"] if self.stage == 2 else []
        knobs += [f"or the momentum (now {config.momentum:g})"] if config.optimizer == "sgd" else []
        knobs += ["or use --precision float32"] if self.number != torch.float32 else []
        return (
            f"{what} no longer finite in stage {self.stage}, epoch {self.done + 1}: lower the learning rates "
            f"{', '.join(knobs)}; {how}.{self.folder.what_is_kept}"
        )

    def too_large(self) -> str:
        """What a person is told where the memory does not suffice."""
        return (
            f"The memory of {self.device} does not suffice for batches of {self.config.batch_of(self.stage)} crops of "
            f"{self.config.crop} pixels; lower --batch-size (and raise --accumulate) or --crop and start anew."
        )

    def advance(self) -> None:
        """An epoch is done; after the last one of stage 1 the second begins from its weights."""
        self.done += 1
        if self.done < self.epochs:
            return
        self.stage, self.done = self.stage + 1, 0
        if self.stage == 2:
            self.recam.load_state_dict(stage2_weights(self.cam, self.recam, self.config.fc2_start))
            self._enter(2)

    def state(self) -> dict[str, Any]:
        """What the checkpoint has to hold."""
        return {
            "stage": self.stage, "done": self.done,
            "cam": self.cam.state_dict(), "recam": self.recam.state_dict(), "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(), "shown": self.shown, "processes": self.group.share.world,
            "heads": {name: dict(model.head.settings) for name, model in (("cam", self.cam), ("recam", self.recam))},
        }  # fmt: skip

    def _load(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        if (processes := state.get("processes", 1)) != self.group.share.world:
            raise UserError(
                f"The run in {self.folder.path} was started by {processes} process{'es' if processes > 1 else ''}, which decides "
                f"what a step learns from; launch as many again (now {self.group.share.world})."
            )
        self.cam.load_state_dict(state["cam"])
        self.recam.load_state_dict(state["recam"])
        if state["stage"] == 2 and self.stage == 1:
            self.stage = 2
            self._enter(2)
        self.stage, self.done = state["stage"], state["done"]
        if self.stage <= 2:
            self.optimizer.load_state_dict(state["optimizer"])
            self.scaler.load_state_dict(state.get("scaler", {}))
        self.shown = state.get("shown", self.shown).cpu()

    def pair(self) -> ModelPair:
        """Both networks with the settings that made them, and what to keep in mind about them."""
        settings = asdict(self.config)
        for name in ("root", "weights", "stage1"):  # the folders of this machine are nobody's business
            settings[name] = Path(settings[name]).name
        settings["watch"] = [Path(name).name for name in self.config.watch]
        card: dict[str, Any] = {"training": settings, "scores": {}}
        if cautions := self._cautions():
            card["warning"] = " ".join(cautions)
        return ModelPair(self.folder.path.name, self.classes, self.config.backbone, self.cam, self.recam, card)

    def _cautions(self) -> list[str]:
        cautions, nothing = [], readout_labels(untrained_readouts(0))
        if self.config.objective != "both":
            cautions.append(f"Trained without FC2, an ablation: {nothing} mean nothing here.")
        elif self.config.recam_weight == 0:
            cautions.append(f"Trained with λ = 0: FC2 never learned, so {nothing} mean nothing here.")
        elif len(self.classes) == 1:
            cautions.append("Trained on one class: softmax has nothing to tell apart, so FC2 never learned.")
        empty = [self.classes[k] for k in np.flatnonzero(self.shown.numpy() == 0)]
        if 0 < len(empty) < len(self.classes):
            more = f" and {len(empty) - 10} more" if len(empty) > 10 else ""
            cautions.append(
                f"No picture of the training split shows {', '.join(empty[:10])}{more}: their maps mean nothing."
            )
        return cautions


def _stand_in(batch: Batch) -> Batch:
    """One picture that nothing is on, for a batch that has none."""
    pixels, inside, labels = (part.new_zeros((1, *part.shape[1:])) for part in batch[:3])
    return Batch(pixels, inside, labels)
