"""The engine as the pages use it: models loaded once, each picture explained once, one person at a time.

Evidence is shared by everybody who asks the same thing: its key is the picture's hash, the model's file and the settings.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import streamlit as st
from cachetools import LRUCache

from recam_core import (
    Evidence,
    HeatmapOptions,
    Picture,
    PictureFeatures,
    Turns,
    find_model,
    gather_evidence,
    give_back,
    known_models,
    load_pair,
    pick_device,
    picture_features,
)
from ui.widgets.leaving import at_last

CACHE_BYTES = 96 * 2**20
FEATURE_BYTES = 128 * 2**20
Kept = TypeVar("Kept")

# Streamlit starts a thread for every run of a script; computing in a new one each time took a sixth longer, because torch
# makes its own helpers for each thread, and scattered the memory over as many arenas.
_HAND = ThreadPoolExecutor(1, thread_name_prefix="engine")


_RESTS = 10.0  # seconds between two times that freed memory is handed back
_rested = time.monotonic()


def _rest() -> None:
    """Hand freed memory back while nobody waits, now and then."""
    global _rested
    if time.monotonic() - _rested > _RESTS:
        give_back()
        _rested = time.monotonic()


def evidence_bytes(evidence: Evidence) -> int:
    """What a piece of evidence takes in memory."""
    return evidence.picture.nbytes + sum(m.nbytes for maps in evidence.scale_maps.values() for m in maps)


class TurnCache(Generic[Kept]):
    """A bounded, thread-safe store; what is not in it is computed when its turn has come."""

    def __init__(self, max_bytes: int, size: Callable[[Kept], int], turns: Turns, *, brief: bool = False) -> None:
        self.turns = turns
        self._size, self._brief = size, brief
        self._lock = threading.Lock()
        self._kept: LRUCache[Any, Kept] = LRUCache(max_bytes, getsizeof=size)

    def get(self, key: Any, compute: Callable[[], Kept], waiting: Callable[[int], None] | None = None) -> Kept:
        """What is kept under a key; ``waiting(n)`` hears how many people are before this one."""
        if (found := self._find(key)) is not None:
            return found
        with self.turns.take(waiting, brief=self._brief):
            if (found := self._find(key)) is not None:  # somebody before us asked for the same
                return found
            made = _HAND.submit(compute).result()
            if self._size(made) <= self._kept.maxsize:
                with self._lock:
                    self._kept[key] = made
            if self.turns.waiting == 0:
                _HAND.submit(_rest)
            return made

    def _find(self, key: Any) -> Kept | None:
        with self._lock:
            return self._kept.get(key)


class EvidenceCache(TurnCache[Evidence]):
    """What models say about pictures, and whose turn it is to ask them."""

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        super().__init__(max_bytes, evidence_bytes, Turns())


EVIDENCE = EvidenceCache()
FEATURES: TurnCache[PictureFeatures] = TurnCache(FEATURE_BYTES, lambda features: features.nbytes, EVIDENCE.turns)


# Scripts of pages run in threads of Streamlit, which nobody waits for: what they compute in their turn comes to its end, and
# no other begins.
at_last(lambda: EVIDENCE.turns.take(brief=True).__enter__())


def brief_turn() -> AbstractContextManager[None]:
    """For arithmetic beside the models: one at a time too, so that several people do not share the processors' threads."""
    return EVIDENCE.turns.take(brief=True)


@st.cache_resource(max_entries=4, show_spinner=False)
def _pair(path: str, changed: float, name: str) -> Any:
    pair = load_pair(path, pick_device()).folded()
    return replace(pair, name=name) if name else pair


def model_pair(name: str) -> Any:
    """A model pair from the shelf, for looking only; a file that was replaced is loaded again."""
    path: Path = find_model(name)
    shelf_name = name if name in known_models() else ""  # another than the file says, if it was renamed
    return _pair(str(path), path.stat().st_mtime, shelf_name)


def explain_picture(picture: Picture, model: str, options: HeatmapOptions) -> Evidence:
    """Everything the model says about the picture, from memory where it was asked before."""
    with _asking(model) as waiting:
        pair = model_pair(model)
        key = (picture.sha256, pair.sha256, options)
        return EVIDENCE.get(key, lambda: gather_evidence(picture.pixels, pair, options), waiting)


def look_inside(picture: Picture, model: str, long_side: int) -> PictureFeatures:
    """The features of the picture in both networks, from memory where somebody looked before."""
    with _asking(model) as waiting:
        pair = model_pair(model)
        key = (picture.sha256, pair.sha256, long_side)
        return FEATURES.get(key, lambda: picture_features(picture.pixels, pair, long_side), waiting)


@contextmanager
def _asking(model: str) -> Iterator[Callable[[int], None]]:
    """Say what is being done, and who comes first, until it is done."""
    note = st.empty()

    def waiting(ahead: int) -> None:
        note.info(f"The model is busy; {ahead} {'request is' if ahead == 1 else 'requests are'} before yours.")

    with st.spinner(f"The model {model} looks at the picture …", show_time=True):
        yield waiting
    note.empty()
