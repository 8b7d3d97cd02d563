"""Which processor does the work, in which precision, and how memory is moved and kept."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor

from recam_core.records import UserError
from recam_core.system.memory import MMAP_MAX, TRIM_THRESHOLD, mallopt

CPU_IS_FULL = "can't allocate memory"  # what torch says then, in a RuntimeError of no kind of its own


@contextmanager
def enough_memory(refusal: str | Callable[[], str]) -> Iterator[None]:
    """Whatever says that memory does not suffice, of a card or of the machine, becomes a ``UserError`` with that sentence."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not lacks_memory(error):
            raise
        raise UserError(refusal if isinstance(refusal, str) else refusal()) from error


def lacks_memory(error: Exception) -> bool:
    """Whether an error says that memory does not suffice."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or CPU_IS_FULL in str(error)


def pick_device(name: str = "auto") -> torch.device:
    """``auto`` is the first CUDA device where there is one, else the CPU; ``UserError`` for what cannot be had."""
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"{name!r} is no device; use auto, cpu, cuda or cuda:N.") from error
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"{name!r} is not supported; use auto, cpu, cuda or cuda:N.")
    count = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= count:
        there = f"{count} CUDA devices" if count else "no CUDA device"
        raise UserError(f"{name!r} was asked for, but torch sees {there} here; use auto or cpu.")
    return device


def autocast(device: torch.device, training: bool = False) -> AbstractContextManager:
    """bfloat16 where the CUDA device has it; else float16, but float32 for training; on the CPU float32.

    An operator whose processor computes in bfloat16 (AVX-512 BF16, AMX) may set ``RECAM_CPU_BF16=1`` for looking: faster, and
    the maps then depend on the processor in their third digit.
    """
    if training:
        return training_autocast(device, training_type(device, "auto"))
    if device.type != "cuda":
        return torch.autocast("cpu", torch.bfloat16) if cpu_half() else nullcontext()
    return torch.autocast("cuda", torch.bfloat16 if _has_bfloat16(device) else torch.float16)


def training_type(device: torch.device, precision: str) -> torch.dtype:
    """The numbers that a backbone is trained with, by the name of a precision.

    Where float16 would be the only half precision "auto" is float32, because gradients in float16 need scaling.
    """
    if precision == "auto":
        return torch.bfloat16 if device.type == "cuda" and _has_bfloat16(device) else torch.float32
    return {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def training_autocast(device: torch.device, number: torch.dtype) -> AbstractContextManager:
    """What a backbone is trained in: nothing special for float32."""
    return nullcontext() if number == torch.float32 else torch.autocast(device.type, number)


def _has_bfloat16(device: torch.device) -> bool:
    return torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere and later compute in it


def cpu_half() -> bool:
    """Whether the CPU looks in bfloat16: it was asked for, and this processor has instructions for it."""
    if os.environ.get("RECAM_CPU_BF16") != "1":
        return False
    has = (getattr(torch.cpu, f"_is_{name}_supported", bool)() for name in ("avx512_bf16", "amx_tile"))
    return any(has)


@contextmanager
def exact() -> Iterator[None]:
    """float32 products in float32: no TF32 in cuBLAS or cuDNN, which torch allows for convolutions otherwise.

    For golden vectors and other comparisons. The setting is that of the whole process, so not for a server.
    """
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """A CPU tensor on the device; to a graphics card through pinned memory, so that nobody waits for the copy."""
    if device.type == "cuda":
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)


def keep_freed_memory() -> None:
    """Let the allocator keep large blocks for the next step instead of handing them back to the system.

    glibc gives every large tensor back at once and gets it again page by page: measured, a training step of
    EfficientNet-Lite0 at 16×416×416 took 10.7 s with that and 3.6 s without (best of three).
    For processes that only train.
    """
    mallopt(MMAP_MAX, 0)
    mallopt(TRIM_THRESHOLD, 2**31 - 1)


def device_name(device: torch.device) -> str:
    """What a person calls it: the name of the graphics card, or the CPU with its number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    count = torch.get_num_threads()
    return f"CPU, {count} thread{'s' if count > 1 else ''}"
