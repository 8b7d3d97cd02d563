"""The processes that train together, as ``accelerate launch`` or ``torchrun`` started them; without a launcher a group of one.

Gradients and losses travel between the devices; counts, broken pictures and refusals between the processors (gloo), so that
nobody waits for a graphics card to say them.
"""

import contextlib
import os
import warnings
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from recam_core.records import UserError
from recam_core.system.launcher import launched

PATIENCE = timedelta(hours=6)  # while the main process validates and writes, the others wait
Value = TypeVar("Value")


class ProcessGroup:
    """One of the processes: its share, and what it does together with the others. Only ``main`` writes and reports."""

    def __init__(self, device: torch.device) -> None:
        self.share = launched(os.environ)
        self.main = self.share.rank == 0
        self._accelerator: Any = None
        self._host: Any = None
        if self.share.world > 1:
            self._join(device)

    def _join(self, device: torch.device) -> None:
        """Meet the other processes."""
        from accelerate import Accelerator  # a large package, and only they need it
        from accelerate.utils import DistributedDataParallelKwargs, DistributedType, InitProcessGroupKwargs

        self._accelerator = Accelerator(
            cpu=device.type == "cpu",
            mixed_precision="no",  # the heads are never rounded: see `Losses`
            device_placement=False,
            kwargs_handlers=[
                DistributedDataParallelKwargs(broadcast_buffers=False),  # they are constants here
                InitProcessGroupKwargs(timeout=PATIENCE),
            ],
        )
        if self._accelerator.distributed_type not in (DistributedType.MULTI_CPU, DistributedType.MULTI_GPU):
            raise UserError(
                f"Training was launched as {self._accelerator.distributed_type.value}; it knows one process, several on CPUs, "
                "and several graphics cards (accelerate launch --multi_gpu, or torchrun)."
            )
        self._host = dist.new_group(backend="gloo", timeout=PATIENCE)

    def wrapped(self, losses: nn.Module) -> nn.Module:
        """A module whose gradients are means over the group after ``backward``."""
        if self._accelerator is None:
            return losses
        self._accelerator.free_memory()  # it would keep the network of the stage before
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*broadcast_buffers. is deprecated", FutureWarning)
            return self._accelerator.prepare_model(losses, device_placement=False)

    def backward(self, loss: Tensor) -> None:
        """Add up gradients, and outside of ``alone`` take their mean over the group."""
        with self._together():
            loss.backward()  # accelerate's would divide by a launcher's own number of accumulated steps

    def alone(self, module: nn.Module) -> contextlib.AbstractContextManager[Any]:
        """Inside, each process adds up gradients for itself."""
        return contextlib.nullcontext() if self._accelerator is None else self._accelerator.no_sync(module)

    def total(self, values: Tensor) -> Tensor:
        """The sum of a tensor over the group, on its device."""
        if self._host is None:
            return values
        with self._together():
            return self._accelerator.reduce(values, "sum")

    def count(self, *numbers: int) -> list[int]:
        """The sums of some numbers over the group."""
        return self.total_on_host(torch.tensor(numbers, dtype=torch.int64)).tolist()

    def total_on_host(self, values: Tensor) -> Tensor:
        """The sum of a CPU tensor over the group."""
        if self._host is not None:
            with self._together():
                dist.all_reduce(values, group=self._host)
        return values

    def gathered(self, value: Value) -> list[Value]:
        """What each process says, in order."""
        if self._host is None:
            return [value]
        values: list[Any] = [None] * self.share.world
        with self._together():
            dist.all_gather_object(values, value, group=self._host)
        return values

    @contextlib.contextmanager
    def agreed(self) -> Iterator[None]:
        """A part that all go through and end together: where one is refused, all stop, and the main process says why."""
        refused = ""
        try:
            yield
        except UserError as error:
            if self._host is None:
                raise
            refused = str(error)
        for sentence in self.gathered(refused):
            if sentence:
                self.refuse(sentence)

    def refuse(self, sentence: str) -> NoReturn:
        """Stop all, who must all have come to the same conclusion; the main process says it."""
        if self.main:
            raise UserError(sentence)
        with contextlib.suppress(RuntimeError):
            dist.barrier(group=self._host)  # until it has: a launcher ends all as soon as one has ended
        raise SystemExit(2)

    @contextlib.contextmanager
    def _together(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            if self._host is None or isinstance(error, torch.OutOfMemoryError):
                raise
            raise UserError(
                f"Another process of this training ended; see what it said. ({str(error)[:100]})"
            ) from error
