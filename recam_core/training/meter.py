"""Where the time of an epoch goes, and its mean losses."""

import time
from dataclasses import replace

import torch

from recam_core.records import EpochEnd, TrainStep


class Meter:
    """Steps of one epoch, each told by ``end``; ``first`` holds what all of them share.

    Where a step is told only when the next one is under way, its seconds are those between the two.
    """

    def __init__(self, first: TrainStep) -> None:
        self.first = first
        self.sums, self.pictures, self.skipped = torch.zeros(2), 0, 0
        self.waiting = self._wait = self._began = self._asked = 0.0
        self._open = False  # is there a step whose end was not told?

    def begin(self) -> None:
        """A step begins: its pictures are waited for."""
        self._asked = time.perf_counter()
        if not self._open:
            self._began, self._open = self._asked, True

    def waited(self) -> None:
        """Its pictures are there."""
        waited = time.perf_counter() - self._asked
        self._wait, self.waiting = self._wait + waited, self.waiting + waited

    def end(self, step: int, rate: float, bce: float, sce: float, pictures: int) -> TrainStep:
        """The event of a step that is done."""
        self.sums += torch.tensor([bce, sce]) * pictures
        self.pictures += pictures
        seconds, self._began, self._open = time.perf_counter() - self._began, time.perf_counter(), False
        waiting, self._wait = self._wait, 0.0
        return replace(
            self.first, step=step + 1, loss_bce=bce, loss_sce=sce, rate=rate, seconds=seconds, waiting=waiting
        )

    def epoch_end(self, epochs: int, seconds: float) -> EpochEnd:
        """The event of the epoch: means over its pictures."""
        bce, sce = (self.sums / self.pictures).tolist()
        return EpochEnd(
            self.first.stage, self.first.epoch, epochs, bce, sce, seconds, self.waiting, self.pictures, self.skipped
        )
