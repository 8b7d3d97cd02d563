"""Two-stage training as an iterator of events: BCE alone, then BCE + λ·SCE from the same weights.

The recipe of ReCAM (Chen et al., CVPR 2022, arXiv 2203.00962, equation 5). Both stages' networks are kept, because CAM is read
from the first and ReCAM from the second. BatchNorm keeps its running statistics throughout (the network stays in evaluation
mode), as in the reference.
"""

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from recam_core.checkpoints.pair_file import save_pair
from recam_core.datasets import Dataset
from recam_core.datasets.batches import Batch, epoch_batches, epoch_plan
from recam_core.records import (
    EpochEnd,
    Finished,
    MapsKept,
    PictureSkipped,
    TrainConfig,
    TrainStep,
    Validated,
    WatchedPicture,
)
from recam_core.system.history import read_history
from recam_core.training.distributed import ProcessGroup
from recam_core.training.loop import run_epochs
from recam_core.training.meter import Meter
from recam_core.training.optimizer import set_rates
from recam_core.training.run import Run
from recam_core.training.validation import open_validation
from recam_core.training.watched_pictures import clear_watched, find_watched, keep_maps, keep_watched, read_watched

Event = TrainStep | EpochEnd | PictureSkipped | Validated | MapsKept | Finished


def train(
    config: TrainConfig, dataset: Dataset, out: Path, device: torch.device, resume: bool = False
) -> Iterator[Event]:
    """Train both stages on a data set; leaves ``model.safetensors`` in ``out``, a checkpoint after every epoch.

    The folder also holds ``settings.json``, the events in ``history.jsonl``, and the maps of watched pictures. With ``resume``
    it continues after the last finished epoch and, on the CPU, ends at the same numbers and the same history as a run that was
    never stopped. Raises ``UserError`` where the loss is no longer finite (the checkpoint before stays), and with ``resume``
    for other settings or classes.

    Processes that a launcher started train together: each shows its share of every batch, and only the main one says
    anything here, scores, and writes.

    ```python
    config = dataclasses.replace(recam.RECIPES["scenes"], split="samples", stage1_epochs=1, stage2_epochs=1)
    dataset = recam.open_dataset(config.dataset, config.root, config.split)
    for event in recam.progress(recam.train(config, dataset, Path("run"), recam.pick_device())):
        print(event)
    ```
    """
    group = ProcessGroup(device)
    with group.agreed():
        training = _TwoStages(Run(config, dataset, out, device, group, resume), dataset)
    yield from run_epochs(training)


class _TwoStages:
    """How a run goes on from epoch to epoch, and what it says on the way."""

    def __init__(self, run: Run, dataset: Dataset) -> None:
        self.run, self.dataset, self.config, self.group, self.folder = run, dataset, run.config, run.group, run.folder
        main = self.group.main
        self.validation = open_validation(self.config, run.classes) if main else None
        self.watched: tuple[WatchedPicture, ...] = ()
        if main:  # a run that goes on watches what it began with
            self.watched = read_watched(self.folder.path) if self.folder.goes_on else find_watched(self.config, dataset)

    @property
    def is_done(self) -> bool:
        """Whether stage 2 is done."""
        return self.run.stage > 2

    @property
    def too_large(self) -> str:
        """What a person is told where the memory does not suffice."""
        return self.run.too_large()

    def begin(self) -> Iterator[Event]:
        """Make the run's folder ready; a new run keeps the watched pictures there, and their maps before the first step."""
        events: list[Event] = []
        with self.group.agreed():
            if self.group.main:
                self.folder.open()
                if not self.folder.goes_on:
                    clear_watched(self.folder.path)  # of a run that was stopped before its first checkpoint
                    keep_watched(self.watched, self.folder.path)
                    events = self._maps(self.run.stage, -1)
        yield from events

    def end(self, path: Path, is_new: bool) -> Iterator[Event]:
        """Write both networks; the seconds are those of all epochs and their scores, also before the run was stopped."""
        with self.group.agreed():
            if self.group.main and is_new:
                save_pair(self.run.pair(), path, torch.float16 if self.config.half else torch.float32)
        if self.group.main:
            events = read_history(self.folder.path)
            seconds = sum(event["seconds"] for event in events if event["event"] in ("EpochEnd", "Validated"))
            detail: dict[str, float] = {"pictures": len(self.dataset), "classes": len(self.run.classes)}
            yield self.folder.tell(Finished(str(path), seconds, detail))

    def epoch(self) -> Iterator[Event]:
        """One epoch of the current stage, its scores and maps, then its checkpoint."""
        run, start = self.run, time.perf_counter()
        stage, epoch, epochs = run.stage, run.done, run.epochs
        plan = epoch_plan(len(self.dataset), self.config, stage, epoch, self.group.share)
        loader = iter(epoch_batches(self.dataset, self.config, stage, epoch, plan))
        meter = Meter(TrainStep(stage, epoch, 0, epochs * len(plan), 0.0, 0.0, 0.0))
        shown = torch.zeros_like(run.shown)
        under_way: deque[tuple[int, float, Tensor, int]] = deque()
        for i, batches in enumerate(plan):
            meter.begin()
            loaded: list[Batch] = [next(loader) for _ in batches]
            meter.waited()
            shown += sum((batch.labels.sum(dim=0) for batch in loaded), torch.zeros_like(shown))
            yield from self._skips(loaded, meter)
            count, labelled = self.group.count(
                sum(len(batch.pixels) for batch in loaded), sum(int(batch.labels.any(dim=1).sum()) for batch in loaded)
            )
            if count:
                step = epoch * len(plan) + i
                rate = set_rates(run.optimizer, step / meter.first.steps, self.config.power)
                under_way.append((step, rate, run.step(loaded, count, labelled), count))
            # a graphics card works on while the step before is read
            while len(under_way) > (1 if run.device.type == "cuda" else 0):
                yield from self._settle(meter, *under_way.popleft())
        while under_way:
            yield from self._settle(meter, *under_way.popleft())
        if meter.pictures == 0:
            self.group.refuse(self.folder.none_readable(len(self.dataset)))
        run.shown = self.group.total_on_host(shown)
        yield from self._finish(meter, stage, epoch, epochs, start)

    def _skips(self, loaded: list[Batch], meter: Meter) -> list[PictureSkipped]:
        """Events of the pictures that nobody in the group could read and that were not named before."""
        mine = [broken for batch in loaded for broken in batch.broken]
        if not self.group.count(len(mine))[0]:
            return []
        events = []
        for broken in (broken for part in self.group.gathered(mine) for broken in part):
            meter.skipped += 1
            if self.folder.is_first_skip(name := self.dataset.name(broken.i)):
                events.append(PictureSkipped(name, broken.reason))
        return [self.folder.tell(event) for event in events] if self.group.main else []

    def _settle(self, meter: Meter, step: int, rate: float, losses: Tensor, count: int) -> Iterator[TrainStep]:
        """Read the losses of a step, for which a graphics card must have finished it."""
        bce, sce = losses.tolist()
        wrong = [f"{name} is {value}" for name, value in (("BCE", bce), ("SCE", sce)) if not abs(value) < float("inf")]
        if wrong:
            self.group.refuse(self.run.not_finite("The loss is", " and ".join(wrong)))
        event = meter.end(step, rate, bce, sce, count)
        if self.group.main:
            yield self.folder.tell(event)

    def _finish(self, meter: Meter, stage: int, epoch: int, epochs: int, start: float) -> Iterator[Event]:
        seconds, run, events = time.perf_counter() - start, self.run, list[Event]()
        with self.group.agreed():
            run.check_finite()
            if self.group.main:
                events += self._scores(stage, epoch)
                events += self._maps(stage, epoch)
            run.advance()
            if self.group.main and run.stage == 2 and stage == 1:
                events += self._maps(2, -1)
            end = meter.epoch_end(epochs, seconds)
            if self.group.main:
                self.folder.keep(run.state(), end)
        if self.group.main:
            yield from [*events, end]

    def _scores(self, stage: int, epoch: int) -> list[Event]:
        events: list[Event] = []
        for event in self.validation.score(self.run.model, stage, epoch) if self.validation else ():
            if not isinstance(event, PictureSkipped) or self.folder.is_first_skip(event.name):
                events.append(self.folder.tell(event))
        return events

    def _maps(self, stage: int, epoch: int) -> list[Event]:
        """Keep what the networks see after an epoch (−1: before the first one) in the watched pictures."""
        if not self.watched:
            return []
        run = self.run
        networks = (run.cam,) if stage == 1 else (run.cam, run.recam)
        file = keep_maps(
            self.watched, run.classes, networks, self.folder.path, f"stage{stage}-epoch{epoch + 1:03d}.npz"
        )
        return [self.folder.tell(MapsKept(stage, epoch, file))]
