"""How often backbones ran in this process: what live use must not cost. Imports no torch."""

import threading


class Counter:
    """A number that threads may raise together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value = 0

    def add(self) -> None:
        """One more."""
        with self._lock:
            self._value += 1

    @property
    def value(self) -> int:
        """How many so far."""
        with self._lock:
            return self._value


backbone_passes = Counter()  # a pass over a batch is one, whatever its size
