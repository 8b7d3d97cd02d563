"""The engine as the pages use it: models loaded once, each picture explained once, one person at a time.

Evidence is shared by everybody who asks the same thing: its key is the picture's hash, the model's file and the settings.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from cachetools import LRUCache

from recam_core import Evidence, HeatmapOptions, Picture, Turns, find_model, gather_evidence, load_pair, pick_device

CACHE_BYTES = 256 * 2**20


def evidence_bytes(evidence: Evidence) -> int:
    """What a piece of evidence takes in memory."""
    return evidence.picture.nbytes + sum(m.nbytes for maps in evidence.scale_maps.values() for m in maps)


class EvidenceCache:
    """A bounded, thread-safe store; what is not in it is computed when its turn has come."""

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        self.turns = Turns()
        self._lock = threading.Lock()
        self._kept: LRUCache[Any, Evidence] = LRUCache(max_bytes, getsizeof=evidence_bytes)

    def get(self, key: Any, compute: Callable[[], Evidence], waiting: Callable[[int], None] | None = None) -> Evidence:
        """The evidence of a key; ``waiting(n)`` hears how many people are before this one."""
        if (found := self._find(key)) is not None:
            return found
        with self.turns.take(waiting):
            if (found := self._find(key)) is not None:  # somebody before us asked for the same
                return found
            evidence = compute()
            if evidence_bytes(evidence) <= self._kept.maxsize:
                with self._lock:
                    self._kept[key] = evidence
            return evidence

    def _find(self, key: Any) -> Evidence | None:
        with self._lock:
            return self._kept.get(key)


EVIDENCE = EvidenceCache()


@st.cache_resource(max_entries=4, show_spinner=False)
def _pair(path: str, changed: float) -> Any:
    return load_pair(path, pick_device())


def model_pair(name: str) -> Any:
    """A model pair from the shelf; a file that was replaced is loaded again."""
    path: Path = find_model(name)
    return _pair(str(path), path.stat().st_mtime)


def explain_picture(picture: Picture, model: str, options: HeatmapOptions) -> Evidence:
    """Everything the model says about the picture, from memory where it was asked before."""
    note = st.empty()

    def waiting(ahead: int) -> None:
        note.info(f"The model is busy; {ahead} {'request is' if ahead == 1 else 'requests are'} before yours.")

    with st.spinner(f"The model {model} looks at the picture …", show_time=True):
        pair = model_pair(model)
        key = (picture.sha256, pair.sha256, options)
        evidence = EVIDENCE.get(key, lambda: gather_evidence(picture.pixels, pair, options), waiting)
    note.empty()
    return evidence
