"""The course of every training: its folder is opened, epochs follow, each with a checkpoint, and a model is written."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol, TypeVar

from recam_core.checkpoints.pair_file import RUN_MODEL
from recam_core.system.device import enough_memory
from recam_core.training.run_folder import RunFolder

Event_co = TypeVar("Event_co", covariant=True)


class Training(Protocol[Event_co]):
    """What the loop asks of a training; every part is an iterator of its events."""

    folder: RunFolder

    @property
    def is_done(self) -> bool:
        """Whether the last epoch has ended."""

    @property
    def too_large(self) -> str:
        """What a person is told where the memory does not suffice."""

    def begin(self) -> Iterator[Event_co]:
        """Open the folder, and make what the next epoch needs."""

    def epoch(self) -> Iterator[Event_co]:
        """One epoch, then its checkpoint."""

    def end(self, path: Path, is_new: bool) -> Iterator[Event_co]:
        """Write the model, where it is a new one, and say that the training has finished."""


def run_epochs(training: Training[Event_co]) -> Iterator[Event_co]:
    """The events of a training from where it stands; closing the iterator stops it, and the checkpoint stays.

    A training that was at its end writes no model where one is: that one may carry scores by now.
    """
    path, worked = training.folder.path / RUN_MODEL, not training.is_done
    with closing(training.folder), enough_memory(lambda: training.too_large):
        yield from training.begin()
        while not training.is_done:
            yield from training.epoch()
        yield from training.end(path, worked or not path.exists())
