"""Packed payloads waiting to be fetched by the browser: one bounded store per process, oldest use goes first.

Ids are SHA-256 of the content, so knowing an id means having seen the payload: nobody guesses another person's upload.
"""

import threading
from collections import OrderedDict

from recam_core.records import UserError
from ui.compute.packing import payload_id

MAX_BYTES = 32 * 2**20


class PayloadStore:
    """A thread-safe store of at most ``max_bytes`` bytes."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self._items: OrderedDict[str, bytes] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def put(self, payload: bytes) -> str:
        """Keep a payload and return its id; the same bytes are kept once."""
        if len(payload) > self.max_bytes:
            raise UserError(
                f"One set of heatmaps may take {self.max_bytes / 2**20:.0f} MB; this one takes"
                f" {len(payload) / 2**20:.0f} MB. Choose fewer classes or a smaller working size."
            )
        name = payload_id(payload)
        with self._lock:
            if name not in self._items:
                self._items[name] = payload
                self._total += len(payload)
            self._items.move_to_end(name)
            while self._total > self.max_bytes:
                _, dropped = self._items.popitem(last=False)
                self._total -= len(dropped)
        return name

    def get(self, name: str) -> bytes | None:
        """Return the payload of an id, or None when it is unknown or was dropped."""
        with self._lock:
            if name not in self._items:
                return None
            self._items.move_to_end(name)
            return self._items[name]


STORE = PayloadStore()
put = STORE.put
get = STORE.get
