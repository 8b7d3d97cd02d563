"""Pictures and masks that anybody may have sent, decoded by a process with limits of processor time and of memory.

A file of some hundred kilobytes can keep a decoder busy for minutes or ask for gigabytes. Here it ends one process, and a
sentence says so; nobody else waits for it. Processes stay for the next file, so that a picture waits for its own decoding alone.
``python -m recam_core.images.decode_process`` is such a process: requests on stdin, answers on stdout, each a line of JSON and
bytes.
"""

import atexit
import contextlib
import importlib
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

import numpy as np

from recam_core.records import UserError

# What may be asked for: a function of (data, name, **options) that returns an array of uint8 and plain facts.
DECODERS = {
    "picture": ("recam_core.images.pictures", "decode_picture"),
    "mask": ("recam_core.images.masks", "decode_mask"),
}
SECONDS = 3.5  # of processor time for a file; the system counts whole seconds, so it may be one more
ROOM = 850 * 2**20  # bytes of memory for a file, beside what the process has
AT_ONCE = 4  # files that are decoded at a time; others wait, at most for their seconds


class DecodeProcess:
    """One process that decodes a file after another."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            (sys.executable, "-m", "recam_core.images.decode_process"),
            cwd=Path(__file__).parents[2],
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the server, which ends it
        )

    def decode(self, what: str, data: bytes, name: str, options: dict[str, Any]) -> tuple[np.ndarray, dict[str, Any]]:
        """The array and facts of a file; ``UserError`` where it is refused or has used up its limits."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            _write(stdin, {"what": what, "name": name, "options": options, "size": len(data)}, data)
            answer = json.loads(stdout.readline())
            pixels = np.empty(answer.get("shape", 0), np.uint8)
            if "shape" in answer and stdout.readinto(memoryview(pixels).cast("B")) != pixels.nbytes:  # type: ignore[attr-defined]
                raise EOFError
        except (OSError, ValueError, EOFError):
            raise UserError(_how_it_ended(self.end(), name)) from None
        if "refused" in answer:
            raise UserError(answer["refused"])
        return pixels, answer["facts"]

    def end(self) -> int:
        """Have the process end, and wait for it; returns its exit status."""
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):  # what it was to read may still stand in it
                if stream is not None:
                    stream.close()
        return self.process.wait()


_idle: list[DecodeProcess] = []
_places = threading.BoundedSemaphore(AT_ONCE)


def decoded_apart(what: str, data: bytes, name: str, **options: Any) -> tuple[np.ndarray, dict[str, Any]]:
    """What the decoder of that name in ``DECODERS`` makes of a file, in a process with limits; raises ``UserError``."""
    with _places:
        worker = _living()
        try:
            return worker.decode(what, data, name, options)
        except BaseException as error:
            if not isinstance(error, UserError):
                worker.process.kill()  # whoever asked has gone in the middle of an answer
                worker.end()
            raise
        finally:
            if worker.process.returncode is None:
                _idle.append(worker)


def start_decoding() -> None:
    """Have a process ready, so that the first picture need not wait for its start."""
    _idle.append(_living())


def _living() -> DecodeProcess:
    while True:
        try:
            worker = _idle.pop()  # the one that was busy last
        except IndexError:
            return DecodeProcess()
        if worker.process.poll() is None:
            return worker
        worker.end()


def _end_all() -> None:
    while _idle:
        _idle.pop().end()


def _forget() -> None:
    """A forked process has its parent's pipes, which it must not use."""
    global _places
    _inherited.extend(_idle)
    _idle.clear()
    _places = threading.BoundedSemaphore(AT_ONCE)


_inherited: list[DecodeProcess] = []  # kept: their end would be reported as a fault
atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _how_it_ended(status: int, name: str) -> str:
    if status == -getattr(signal, "SIGXCPU", 0):
        return (
            f"“{name}” was given up after {SECONDS:.0f} seconds of processor time, more than a picture takes. Open it in an "
            "image program and save it as a plain JPEG or PNG."
        )
    if status == -getattr(signal, "SIGKILL", 0):
        return f"There is not enough memory to decode “{name}”. Save it with fewer pixels."
    return f"“{name}” is damaged or cut short, so it cannot be decoded. Copy, export or upload it again."


def _write(stream: IO[bytes], head: dict[str, Any], body: bytes | memoryview) -> None:
    stream.write(json.dumps(head).encode() + b"\n")
    stream.write(body)
    stream.flush()


def _bound() -> None:
    """Let this process have so much processor time and memory for the next file, and no more."""
    if sys.platform != "linux":
        return
    import resource  # not on every system

    with open("/proc/self/statm") as status:
        now = int(status.read().split()[0]) * resource.getpagesize()
    seconds = math.ceil(time.process_time() + SECONDS)
    for limit, most in ((resource.RLIMIT_AS, now + ROOM), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (most, resource.getrlimit(limit)[1]))


def main() -> None:
    """Answer requests until there are no more."""
    for name in ("recam_core.images.pictures", "recam_core.images.masks"):
        importlib.import_module(name)
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        _bound()
        try:
            data = sys.stdin.buffer.read(request["size"])
            module, function = DECODERS[request["what"]]
            pixels, facts = getattr(importlib.import_module(module), function)(
                data, request["name"], **request["options"]
            )
            pixels = np.ascontiguousarray(pixels)
            _write(sys.stdout.buffer, {"shape": pixels.shape, "facts": facts}, memoryview(pixels).cast("B"))
        except UserError as error:
            _write(sys.stdout.buffer, {"refused": str(error)}, b"")


if __name__ == "__main__":
    main()
