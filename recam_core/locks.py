"""A file that one process at a time holds, so that two never write into one folder.

The hold belongs to the open file: it ends with the process, however that ends, so a file that was left behind holds nobody up.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recam_core.records import UserError

PATIENCE = 0.5  # seconds; somebody who only looks holds it for a moment


@contextmanager
def held(path: Path, refusal: str) -> Iterator[None]:
    """Hold ``path`` for the block and write this process's number into it; ``refusal`` may name ``{pid}`` of who has it."""
    with path.open("a+", encoding="utf-8") as stream:
        end = time.monotonic() + PATIENCE
        while not _taken(stream.fileno()):
            if time.monotonic() > end:
                stream.seek(0)
                raise UserError(refusal.format(pid=stream.read().strip() or "unknown"))
            time.sleep(0.05)
        stream.seek(0)
        stream.truncate()
        stream.write(str(os.getpid()))
        stream.flush()
        yield


def is_held(path: Path) -> bool:
    """Whether a living process holds the file."""
    try:
        with path.open(encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
