"""Which processor does the work, and in which precision."""

import ctypes
import sys
from contextlib import AbstractContextManager, nullcontext

import torch

from recam_core.records import UserError


def pick_device(name: str = "auto") -> torch.device:
    """``auto`` is the first CUDA device where there is one, else the CPU; a name that cannot be had is an error."""
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
    """bfloat16 where the CUDA device has it; else float16, but float32 for training; float32 on the CPU."""
    if device.type != "cuda":
        return nullcontext()
    if torch.cuda.get_device_capability(device) >= (8, 0):  # Ampere and later compute in bfloat16
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext() if training else torch.autocast("cuda", torch.float16)  # its gradients would need scaling


def keep_freed_memory() -> None:
    """Let the allocator keep large blocks for the next step instead of handing them back to the system.

    glibc gives every large tensor back at once and gets it again page by page: measured, a training step of
    EfficientNet-Lite0 at 16×416×416 took 10.7 s with that and 3.6 s without (best of three).
    For processes that only train.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        never_map, never_trim = (-4, 0), (-1, 2**31 - 1)  # M_MMAP_MAX, M_TRIM_THRESHOLD
        mallopt(*never_map)
        mallopt(*never_trim)


def device_name(device: torch.device) -> str:
    """What a person calls it: the name of the graphics card, or the CPU with its number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    count = torch.get_num_threads()
    return f"CPU, {count} thread{'s' if count > 1 else ''}"
