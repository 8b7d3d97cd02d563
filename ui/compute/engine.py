"""The engine as the pages use it: models loaded once, each picture explained once, one person at a time.

Evidence is shared by everybody who asks the same thing: its key is the picture's hash, the model's file and the settings.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import streamlit as st

from recam_core import (
    Evidence,
    HeatmapOptions,
    ModelPair,
    Picture,
    gather_evidence,
    known_models,
    load_pair,
    pick_device,
)
from recam_core.cam.lesson import PictureFeatures, picture_features
from recam_core.checkpoints.pair_file import find_model
from recam_core.system.cache import Cache
from recam_core.system.compute_queue import ComputeQueue
from recam_core.system.memory import give_back
from ui.compute.leaving import at_last

CACHE_BYTES = 96 * 2**20
FEATURE_BYTES = 128 * 2**20
Value = TypeVar("Value")

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


class TurnCache(Generic[Value]):
    """A bounded, thread-safe store; what is not in it is computed when its turn has come."""

    def __init__(
        self, max_bytes: int, size: Callable[[Value], int], queue: ComputeQueue, *, brief: bool = False
    ) -> None:
        self.queue = queue
        self._brief = brief
        self.cache: Cache[Value] = Cache(max_bytes, size)

    def get(self, key: Any, compute: Callable[[], Value], waiting: Callable[[int], None] | None = None) -> Value:
        """What is kept under a key; ``waiting(n)`` hears how many people are before this one."""
        if (value := self.cache.get(key)) is not None:
            return value
        with self.queue.take(waiting, brief=self._brief):
            if (value := self.cache.get(key)) is not None:  # somebody before us asked for the same
                return value
            made = _HAND.submit(compute).result()
            self.cache.put(key, made)
            if self.queue.waiting == 0:
                _HAND.submit(_rest)
            return made


class EvidenceCache(TurnCache[Evidence]):
    """What models say about pictures, and whose turn it is to ask them."""

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        super().__init__(max_bytes, evidence_bytes, ComputeQueue())


EVIDENCE = EvidenceCache()
FEATURES: TurnCache[PictureFeatures] = TurnCache(FEATURE_BYTES, lambda features: features.nbytes, EVIDENCE.queue)


# Scripts of pages run in threads of Streamlit, which nobody waits for: what they compute in their turn comes to its end, and
# no other begins.
at_last(lambda: EVIDENCE.queue.take(brief=True).__enter__())


def brief_turn() -> AbstractContextManager[None]:
    """For arithmetic beside the models: one at a time too, so that several people do not share the processors' threads."""
    return EVIDENCE.queue.take(brief=True)


@st.cache_resource(max_entries=4, show_spinner=False)
def _pair(path: str, changed: float, name: str) -> ModelPair:
    pair = load_pair(path, pick_device()).folded()
    return replace(pair, name=name) if name else pair


def model_pair(name: str) -> ModelPair:
    """A model pair from the list, for looking only; a file that was replaced is loaded again."""
    path: Path = find_model(name)
    model_name = name if name in known_models() else ""  # another than the file says, if it was renamed
    return _pair(str(path), path.stat().st_mtime, model_name)


def explain_picture(picture: Picture, model: str, options: HeatmapOptions) -> Evidence:
    """Everything the model says about the picture, from memory where it was asked before."""
    with _asking(model) as waiting:
        return evidence_of(picture, model, options, waiting)


def evidence_of(
    picture: Picture, model: str, options: HeatmapOptions, waiting: Callable[[int], None] | None = None
) -> Evidence:
    """The same without a word to anybody, for what has no page."""
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
