"""One piece of heavy work at a time, in the order people asked, with a bounded queue."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from recam_core.records import UserError


class Turns:
    """A fair gate: whoever asks first goes first; more than ``limit`` waiting people are turned away with a sentence.

    Processors are shared by all sessions of a server: eight pictures at once would each take eight times as long, and the
    first answer would come as late as the last.
    """

    def __init__(self, limit: int = 32) -> None:
        self.limit = limit
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def take(self, waiting: Callable[[int], None] | None = None) -> Iterator[None]:
        """Hold the gate for the block; ``waiting(n)`` is told how many people are before this one."""
        ticket = object()
        with self._changed:
            if len(self._queue) > self.limit:
                raise UserError(f"{self.limit} people are waiting for the model already; please try again in a minute.")
            self._queue.append(ticket)
        try:
            while (ahead := self._ahead(ticket)) > 0:
                if waiting is not None:
                    waiting(ahead)
                self._wait_until_fewer_than(ahead, ticket)
            yield
        finally:
            with self._changed:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def _wait_until_fewer_than(self, ahead: int, ticket: object) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue.index(ticket) < ahead)

    def _ahead(self, ticket: object) -> int:
        with self._changed:
            return self._queue.index(ticket)
