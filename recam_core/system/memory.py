"""How the C library keeps the memory that was freed; nothing happens where it is not glibc. Imports no torch."""

import ctypes
import sys

TRIM_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -4, -8  # names of mallopt(3)


def mallopt(name: int, value: int) -> None:
    """Change a setting of the allocator for this process; musl and other systems have none."""
    change = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if change is not None:
        change(name, value)


def few_arenas(count: int = 2) -> None:
    """Let all threads of a process share ``count`` heaps; to be called before they are started.

    glibc gives threads heaps of their own, up to eight a processor, and what was freed in one is of no use to the others. A
    server that eight people asked for 80 pictures held 820 MiB of freed memory, and half of that with two heaps.
    """
    mallopt(ARENA_MAX, count)


def give_back() -> None:
    """Hand freed memory back to the system, which takes some hundredths of a second; for a server that rests."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
