"""A stream: frames of one run while they are made, by a thread that takes fair turns and ends when nobody looks any more.

Whatever is worked on step by step can be a stream: a description, and an iterator of frames.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

from recam_core import UserError
from recam_core.system.compute_queue import ComputeQueue
from ui.components.player.frame import Frame
from ui.compute.leaving import start_thread
from ui.compute.packing import join

VERSION = 1
PAUSE = 0.25  # seconds between two questions of a browser
PATIENCE = 90.0  # seconds without a question for frames until a run stops by itself
RUNNING, DONE, STOPPED, FAILED = "running", "done", "stopped", "failed"
BROKEN = "Something went wrong here, and it is our fault; the server's log says what. What was made until then stays."
UNSEEN = "Stopped, because nobody was looking at it any more."

_LOG = logging.getLogger(__name__)


class FrameStream:
    """Frames in the order they were made; safe to read while the thread of `start` adds more.

    ``about`` describes panels and charts to the browser (see ``frame``), ``picture`` is the encoded photo below the layers,
    ``total`` how many frames are expected. ``id`` is a secret: who knows it may watch. Frames that a process elsewhere makes are
    added by whoever reads them: such a stream is asked less often (``pause``), says no times (not ``timed``), is ended by `end`.
    """

    def __init__(
        self, about: dict[str, Any], picture: bytes, total: int, *, pause: float = PAUSE, timed: bool = True
    ) -> None:
        self.id = secrets.token_hex(32)
        self.about, self.picture, self.total = about, picture, total
        self.pause, self.timed = pause, timed
        self.state, self.message = RUNNING, ""
        self.sentences: tuple[str, ...] = ()
        self._frames: list[Frame] = []
        self._version = 0  # counts how often frames that had been given away became void
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._has_thread = False
        self._born = self._asked = time.monotonic()
        self._first = self._last = self._born

    def start(self, make: Callable[[], Generator[Frame]], queue: ComputeQueue) -> None:
        """Let a thread make the frames, each of them when its turn has come; closing the iterator must free everything."""
        self._has_thread = True
        start_thread(lambda: self._work(make, queue), self.stop, name=f"stream-{self.id[:8]}")

    def stop(self) -> None:
        """End after the step that is being made; what is there stays."""
        self._stopping.set()
        if not self._has_thread:
            self.end()

    def end(self, message: str = "") -> None:
        """No more frames will come to a stream that has no thread."""
        with self._lock:
            self.state, self.message = DONE, message
        self._ended.set()

    def wait(self, seconds: float) -> bool:
        """Wait until the thread has ended; True when it has."""
        return self._ended.wait(seconds)

    @property
    def running(self) -> bool:
        """Whether frames may still come."""
        return self.state == RUNNING

    @property
    def needed(self) -> bool:
        """Whether it must be kept: a thread works on it, or somebody asked not long ago for frames that others make."""
        return self.running and (self._has_thread or time.monotonic() - self._asked < PATIENCE)

    @property
    def made(self) -> int:
        """How many frames there are."""
        with self._lock:
            return len(self._frames)

    def nbytes(self) -> int:
        """What it takes in memory."""
        with self._lock:
            return len(self.picture) + sum(frame.nbytes for frame in self._frames)

    def packed(self, have: int = 0, version: int = 0, *, describe: bool = False) -> bytes:
        """Everything that a browser lacks which has ``have`` frames of a ``version``: keys as in frame_stream.js."""
        with self._lock:
            self._asked = time.monotonic()
            start = have if version == self._version and 0 <= have <= len(self._frames) else 0
            frames = self._frames[start:]
            header: dict[str, Any] = {
                "version": VERSION,
                "made": self._version,
                "from": start,
                "total": self.total,
                "state": self.state,
                "message": self.message,
                "sentences": list(self.sentences),
                "seconds": round(self._elapsed(), 1) if self.timed else None,
                "left": self._left() if self.timed else None,
                "pause": self.pause,
            }
        entries, offset = [], 0
        for frame in frames:
            entries.append(frame.entry(offset))
            offset += frame.nbytes
        header["frames"] = entries
        blobs = {"frames": b"".join(frame.blob for frame in frames)}
        if describe:
            header["about"] = self.about
            blobs["picture"] = self.picture
        return join(header, blobs)

    def add(self, frame: Frame) -> None:
        """Append a frame; one that starts a part over makes earlier frames of that part void."""
        with self._lock:
            if frame.first and any(earlier.part == frame.part for earlier in self._frames):
                self._frames = [earlier for earlier in self._frames if earlier.part != frame.part]
                self._version += 1
            self._frames.append(frame)
            self._last = time.monotonic()
            if len(self._frames) == 1:
                self._first = self._last

    def _elapsed(self) -> float:
        return (time.monotonic() if self.state == RUNNING else self._last) - self._born

    def _left(self) -> float | None:
        """Seconds that the rest will take at the pace so far; None while nobody can know."""
        made = len(self._frames)
        if self.state != RUNNING or made < 2:
            return None
        return round((self._last - self._first) / (made - 1) * (self.total - made), 1)

    def _work(self, make: Callable[[], Generator[Frame]], queue: ComputeQueue) -> None:
        state, message = FAILED, BROKEN
        try:
            with closing(make()) as frames:
                state, message = self._make_all(frames, queue)
        except UserError as error:
            message = str(error)
        except Exception:
            _LOG.exception("A run failed.")
        finally:
            with self._lock:
                self.state, self.message = state, message
            self._ended.set()

    def _make_all(self, frames: Generator[Frame], queue: ComputeQueue) -> tuple[str, str]:
        while not self._stopping.is_set():
            if time.monotonic() - self._asked > PATIENCE:
                return STOPPED, UNSEEN
            with queue.take(self._say_waiting):
                self.message = ""
                if self._stopping.is_set():
                    break
                frame = next(frames, None)
            if frame is None:
                return DONE, ""
            self.add(frame)
        return STOPPED, f"Stopped after {self.made} of {self.total}; what is there stays."

    def _say_waiting(self, ahead: int) -> None:
        self.message = f"The model is busy; {ahead} {'request is' if ahead == 1 else 'requests are'} before this step."
