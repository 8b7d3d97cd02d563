"""Events as JSON lines in a file that is still growing: read as far as it goes, and only what is new parsed again."""

import contextlib
import json
from pathlib import Path
from typing import Any, BinaryIO

from recam_core.system.cache import Cache

REMEMBERED, MARK = 8, 64  # files that are kept parsed; bytes by which what was read is known again
_EVENTS: Cache[tuple[int, bytes, list[dict[str, Any]]]] = Cache(REMEMBERED)  # end, what is before it, events


def read_lines(path: Path, start: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Events from byte ``start`` on, and where to read on; a line that is still being written is left for then.

    What was read from the beginning is remembered, so that asking again parses only what is new; a file that was cut off or
    replaced is read anew. No file is no event.
    """
    try:
        if start:
            with path.open("rb") as stream:
                whole = _whole_lines(stream, start)
            return _parsed(whole), start + len(whole)
        with path.open("rb") as stream:
            end, mark, events = _EVENTS.get(path) or (0, b"", [])
            stream.seek(end - len(mark))
            if stream.read(len(mark)) != mark:  # another file than that which was read
                end, mark, events = 0, b"", []
            whole = _whole_lines(stream, end)
            events = events + _parsed(whole)
            _EVENTS.put(path, (end + len(whole), (mark + whole)[-MARK:], events))
            return list(events), end + len(whole)
    except OSError:  # none there, or a folder of that name
        return [], start


def _whole_lines(stream: BinaryIO, start: int) -> bytes:
    stream.seek(start)
    data = stream.read()
    return data[: data.rfind(b"\n") + 1]


def _parsed(whole: bytes) -> list[dict[str, Any]]:
    """Events among some lines; passed over is what was cut off by the place to read from, or by a command's end."""
    events = []
    for line in whole.splitlines():
        if line.startswith(b'{"event"'):
            with contextlib.suppress(ValueError, RecursionError):
                event = json.loads(line)
                if isinstance(event["event"], str):
                    events.append(event)
    return events
