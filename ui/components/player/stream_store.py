"""Reels waiting to be watched: one bounded store per process; of those that are finished the longest unused goes first."""

import threading
from collections import OrderedDict

from ui.components.player.frame_stream import Reel

MAX_BYTES = 192 * 2**20
MAX_REELS = 256


class ReelStore:
    """A thread-safe store; a run that goes on adding frames is not thrown out while somebody works on it or looks."""

    def __init__(self, max_bytes: int = MAX_BYTES, max_reels: int = MAX_REELS) -> None:
        self.max_bytes, self.max_reels = max_bytes, max_reels
        self._items: OrderedDict[str, Reel] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, reel: Reel) -> None:
        """Keep a reel, and make room for it."""
        with self._lock:
            self._items[reel.id] = reel
            sizes = {name: kept.nbytes() for name, kept in self._items.items()}
            for name in list(self._items):
                if sum(sizes.values()) <= self.max_bytes and len(sizes) <= self.max_reels:
                    break
                if name != reel.id and not self._items[name].needed:
                    del self._items[name], sizes[name]

    def get(self, name: str) -> Reel | None:
        """The reel of an id, or None when it is unknown or was thrown out."""
        with self._lock:
            if name in self._items:
                self._items.move_to_end(name)
            return self._items.get(name)

    def stop_all(self, seconds: float = 3.0) -> None:
        """End every run, and give the step that is being made some time: a process does not end well in the middle of one."""
        with self._lock:
            running = [reel for reel in self._items.values() if reel.running]
        for reel in running:
            reel.stop()
        for reel in running:
            reel.wait(seconds)


STORE = ReelStore()
put = STORE.put
get = STORE.get
stop_all = STORE.stop_all
