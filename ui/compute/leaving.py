"""Threads that work beside the pages: asked to stop when the process ends, and waited for.

A thread that is inside of torch when the interpreter goes takes the whole process down with an abort.
"""

import asyncio
import atexit
import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 60.0  # seconds for the step that is being made

_working: dict[threading.Thread, Callable[[], None]] = {}
_at_last: list[Callable[[], object]] = []


def start_thread(work: Callable[[], None], stop: Callable[[], None], name: str | None = None) -> threading.Thread:
    """Let a thread do ``work``, which ends soon after ``stop`` was called."""

    def run() -> None:
        try:
            work()
        finally:
            _working.pop(threading.current_thread(), None)

    thread = threading.Thread(target=run, name=name, daemon=True)
    _working[thread] = stop
    thread.start()
    return thread


def ask_threads() -> list[threading.Thread]:
    """Ask all of them to stop; returns them, and waits for none."""
    there = dict(_working)
    for stop in there.values():
        stop()
    return list(there)


def stop_threads(seconds: float = PATIENCE) -> bool:
    """Ask all of them to stop, and give them so much time; True when they have ended."""
    there = ask_threads()
    end = time.monotonic() + seconds
    for thread in there:
        thread.join(max(0.0, end - time.monotonic()))
    return not any(thread.is_alive() for thread in there)


@contextmanager
def asked_at_signals(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Threads are asked to stop as soon as Ctrl-C is pressed: they end while the server of ``loop`` closes its connections."""
    main = threading.current_thread() is threading.main_thread()  # no other may listen to signals
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)} if main else {}

    def hear(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(ask_threads)
        if callable(heard := before[signal.Signals(number)]):
            heard(number, frame)

    for number, heard in before.items():
        if callable(heard):
            signal.signal(number, hear)
    try:
        yield
    finally:
        for number, heard in before.items():
            signal.signal(number, heard)


def at_last(act: Callable[[], object]) -> None:
    """Have something done when the process ends and those threads have ended."""
    _at_last.append(act)


def _leave() -> None:
    if stop_threads():
        for act in _at_last:
            act()
    gc.freeze()  # else the interpreter ends with a second of looking for garbage in all that torch loaded


atexit.register(_leave)
