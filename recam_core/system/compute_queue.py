"""One piece of heavy work at a time, in the order people asked, with a bounded queue."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from recam_core.records import UserError


class ComputeQueue:
    """A fair gate: whoever asks first goes first; more than ``limit`` waiting people are turned away with a sentence.

    Processors are shared by all sessions of a server: eight pictures at once would each take eight times as long, and the
    first answer would come as late as the last. A turn cannot be taken inside of a turn.
    """

    def __init__(self, limit: int = 32) -> None:
        self.limit = limit
        self._queue: list[object] = []  # the first one is inside
        self._brief = 0  # how many right behind it ask for a brief turn
        self._changed = threading.Condition()

    @property
    def waiting(self) -> int:
        """How many wait for somebody who is inside."""
        with self._changed:
            return max(0, len(self._queue) - 1)

    @contextmanager
    def take(self, waiting: Callable[[int], None] | None = None, *, brief: bool = False) -> Iterator[None]:
        """Hold the gate for the block; ``waiting(n)`` is told how many people are before this one.

        A ``brief`` turn is what is left to do for somebody whose long turn is over: it comes before all long ones that wait,
        in the order of asking among its like, and is not turned away. Raises ``UserError`` where too many wait already.
        """
        ticket = object()
        with self._changed:
            if brief:
                place = 1 + self._brief if self._queue else 0
                self._queue.insert(place, ticket)
                self._brief += place > 0
                self._changed.notify_all()  # who waits longer now is told
            elif len(self._queue) > self.limit:
                raise UserError(f"{self.limit} people are waiting for the model already; please try again in a minute.")
            else:
                self._queue.append(ticket)
        try:
            while (ahead := self._ahead(ticket)) > 0:
                if waiting is not None:
                    waiting(ahead)
                self._wait_for_change(ahead, ticket)
            yield
        finally:
            with self._changed:
                self._leave(ticket)

    def _leave(self, ticket: object) -> None:
        place = self._queue.index(ticket)
        del self._queue[place]
        if self._brief and place <= self._brief:  # a brief one went inside, or away
            self._brief -= 1
        self._changed.notify_all()

    def _wait_for_change(self, ahead: int, ticket: object) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue.index(ticket) != ahead)

    def _ahead(self, ticket: object) -> int:
        with self._changed:
            return self._queue.index(ticket)
