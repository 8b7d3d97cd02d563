"""How rows are measured: alternating rounds, medians, peak memory, and the rate of a matrix product."""

import statistics
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode  # where PyTorch's own page on extending it takes it from

SHAPE = (375, 500)  # a VOC picture
MEASURED = (
    "chelsea",
    "astronaut",
    "coffee",
)  # the bundled photos that are measured with, so that figures can be compared


@dataclass(frozen=True)
class Row:
    """One comparison: medians in seconds, ``ratio`` = plain / ours, peak memory in MiB; None where it does not apply."""

    name: str
    shape: str
    ours_s: float
    plain_s: float | None = None
    ratio: float | None = None
    ours_mib: float | None = None
    plain_mib: float | None = None
    floor_s: float | None = None
    note: str = ""


def paired(ours: Callable[[], Any], plain: Callable[[], Any], rounds: int = 7) -> tuple[float, float, str]:
    """Median seconds of both after a warm-up, measured in turns, and the spread of ours in words."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 1):
        for call, seconds in zip((ours, plain), times, strict=True):
            start = time.perf_counter()
            call()
            for card in range(torch.cuda.device_count()):
                torch.cuda.synchronize(card)
            if turn > 0:
                seconds.append(time.perf_counter() - start)
    mine, theirs = (statistics.median(seconds) for seconds in times)
    return (
        mine,
        theirs,
        f"ours {_digits(min(times[0]))}–{_digits(max(times[0]))} s, other {_digits(min(times[1]))}–{_digits(max(times[1]))} s",
    )


def _digits(seconds: float) -> str:
    """Thousandths, and of the milliseconds of a graphics card three digits."""
    return f"{seconds:.3f}" if seconds >= 0.1 else f"{seconds:#.3g}"


class LiveTensors(TorchDispatchMode):
    """Counts the bytes of all tensors that were made inside and still live; ``peak`` is the most at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._counted: set[int] = set()  # addresses

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for tensor in _tensors((args, kwargs)):
            self._count(tensor, new=False)  # an input that was not made here was there before
        result = func(*args, **(kwargs or {}))
        for tensor in _tensors(result):
            self._count(tensor, new=True)
        return result

    def _count(self, tensor: Tensor, new: bool) -> None:
        storage = tensor.untyped_storage()
        address = storage.data_ptr()
        if address == 0 or address in self._counted:  # 0: it is empty
            return
        size = storage.nbytes() if new else 0
        self._counted.add(address)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, address, size)

    def _forget(self, address: int, size: int) -> None:
        self._counted.discard(address)
        self.now -= size


def _tensors(value: Any) -> Iterator[Tensor]:
    """Tensors with memory of their own in nested arguments and results; a sparse one has the memory of its parts."""
    if isinstance(value, Tensor) and value.layout == torch.strided:
        yield value
    elif isinstance(value, list | tuple | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tensors(part)


def peak_mib(call: Callable[[], Any]) -> float:
    """Most MiB of tensors that a call holds at a time, beyond what was there before."""
    with LiveTensors() as live:
        call()
    return live.peak / 2**20


def matrix_rate(device: torch.device, side: int = 2048) -> float:
    """Floating-point operations per second of a float32 matrix product, measured here and now.

    The faster of two libraries: the one for matrices, and the one for convolutions, for which a 1×1 convolution of a
    channels-last picture is the same product. On some processors the first reaches half of what the second does.
    """
    a = torch.rand(side, side, device=device)
    picture = a.view(1, side // 32, 32, side).permute(0, 3, 1, 2)  # channels-last, as it lies
    kernel = a.view(side, side, 1, 1).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        product, convolution, _ = paired(lambda: a @ a, lambda: F.conv2d(picture, kernel), rounds=5)
    return 2 * side**3 / min(product, convolution)


def timed(name: str, shape: str, call: Callable[[], Any], note: str, rounds: int = 5) -> Row:
    """A row without another form."""
    seconds, _, spread = paired(call, lambda: None, rounds)
    return Row(name, shape, seconds, note=f"{note}; {spread.split(', other')[0]}")
