"""A file that one process at a time holds, so that two never write into one folder.

The hold belongs to the open file: it ends with the process, however that ends, so a file that was left behind holds nobody up.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from recam_core.records import UserError

PATIENCE = 0.5  # seconds; somebody who only looks holds it for a moment


@contextmanager
def held(path: Path, refusal: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold ``path`` for the block and write this process's number into it; ``refusal`` may name ``{pid}`` of who has it.

    Who has it is waited for ``patience`` seconds. Raises ``UserError`` where it is not free by then.
    """
    with _open_lock(path) as stream:
        end = time.monotonic() + patience
        while not taken(stream.fileno()):
            if time.monotonic() > end:
                stream.seek(0)
                raise UserError(refusal.format(pid=stream.read().decode(errors="replace").strip() or "unknown"))
            time.sleep(0.05)
        try:
            _write_number(stream, os.getpid())
        except OSError as error:
            raise UserError(
                f"“{path.name}” in {path.parent} could not be written ({error.strerror}). Free some space, or "
                "choose another folder."
            ) from error
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
    except OSError:  # a folder, or what nobody may open: nobody holds it
        return False
    return False


def taken(handle: int) -> bool:
    """Hold an open file for as long as it stays open; False where another process does."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open_lock(path: Path) -> BinaryIO:
    """The file, which is made where there is none; ``UserError`` where that cannot be."""
    try:
        return open(path, "r+b", buffering=0, opener=_made)
    except OSError as error:
        raise UserError(
            f"The folder {path.parent} must be one that can be written to, but {path.name} in it cannot be opened "
            f"({error.strerror}); change its permissions, or choose another folder."
        ) from error


def _made(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o666)


def _write_number(stream: BinaryIO, pid: int) -> None:
    """Put a number in place of the one that is there; whoever reads meanwhile finds one of them, never nothing."""
    number = str(pid).encode()
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    stream.write(number.ljust(size))  # blanks over the rest of a longer number
    stream.truncate(len(number))
