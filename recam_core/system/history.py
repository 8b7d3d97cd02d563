"""What a run said: its events as JSON lines in its folder, none of them twice however often it was stopped and resumed."""

import contextlib
import dataclasses
import json
import os
import time
from pathlib import Path
from typing import Any

from recam_core.records import UserError
from recam_core.system.event_lines import read_lines
from recam_core.system.files import refusal
from recam_core.system.locks import taken

HISTORY = "history.jsonl"
PATIENCE = 8.0  # seconds; loaders of a killed process notice that within five, and hold what it held till then


class History:
    """The file that events are added to; what lies past ``length`` bytes was said after the last checkpoint and is cut off.

    It is held while it is open: one process at a time trains in a folder. Raises ``UserError`` where another process trains
    there, or the disk refuses.
    """

    def __init__(self, out: Path, length: int = 0) -> None:
        self.path = out / HISTORY
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            end = time.monotonic() + PATIENCE
            while not (mine := taken(self._file)) and time.monotonic() < end:
                time.sleep(0.1)
            if not mine:
                os.close(self._file)
                raise UserError(
                    f"Another process is training in {out} right now; wait until it has ended, or choose another --out."
                )
            self.length = min(length, os.fstat(self._file).st_size)  # shorter only after a power cut
            os.ftruncate(self._file, self.length)
        except OSError as error:
            raise UserError(refusal(error, self.path, 0)) from error

    def add(self, event: Any) -> None:
        """Write an event with the time; on a full disk the file keeps its whole lines."""
        self.write(event_line(event))

    def write(self, line: bytes) -> None:
        """Write a line that is ready; ``UserError`` where the disk refuses."""
        try:
            written = os.pwrite(self._file, line, self.length)
            if written < len(line):
                written += os.pwrite(self._file, line[written:], self.length + written)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.length)
            raise UserError(refusal(error, self.path, len(line))) from error
        self.length += len(line)

    def sync(self) -> None:
        """Let what was written outlast a power cut."""
        with contextlib.suppress(OSError):
            os.fsync(self._file)

    def close(self) -> None:
        """Nothing more is added."""
        os.close(self._file)


def event_line(event: Any) -> bytes:
    """An event as one line: its class, the time in seconds since 1970, and its fields."""
    plain = {"event": type(event).__name__, "time": round(time.time(), 3), **dataclasses.asdict(event)}
    return f"{json.dumps(plain, ensure_ascii=False)}\n".encode()


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The events of a run so far; asking again parses only what is new. Empty where it has said nothing."""
    return read_lines(folder / HISTORY)[0]
