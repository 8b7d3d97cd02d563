"""What is kept in memory because somebody may ask for it again: bounded, thread-safe, the longest unused goes first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Cache(Generic[Value]):
    """Values by key, at most ``most`` of what ``size`` says in all: bytes, or how many where no size is given.

    Sizes are taken whenever something is put, because values may grow. What is too large by itself is not kept, and what is
    ``needed`` is not thrown out.
    """

    def __init__(
        self,
        most: int,
        size: Callable[[Value], int] = lambda value: 1,
        *,
        needed: Callable[[Value], bool] = lambda value: False,
    ) -> None:
        self.most, self._size, self._needed = most, size, needed
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Value | None:
        """What is kept under a key, which then is the last to go; None where nothing is."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: Hashable, value: Value) -> None:
        """Keep a value, and make room for it."""
        if self._size(value) > self.most:
            return
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            sizes = {name: self._size(stored) for name, stored in self._values.items()}
            total = sum(sizes.values())
            for name in list(sizes)[:-1]:
                if total <= self.most:
                    break
                if not self._needed(self._values[name]):
                    del self._values[name]
                    total -= sizes[name]

    def values(self) -> list[Value]:
        """All that is kept, the longest unused first."""
        with self._lock:
            return list(self._values.values())

    def clear(self) -> None:
        """Keep nothing of what was put so far."""
        with self._lock:
            self._values.clear()
