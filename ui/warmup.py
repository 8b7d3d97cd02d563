"""Loads the engine behind the server's back, so that the page is there at once and the first picture soon after."""

import asyncio
import contextlib
import gc
import importlib
import os
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from recam_core.records import HeatmapOptions, UserError
from recam_core.system.memory import few_arenas
from ui.compute.leaving import asked_at_signals, start_thread, stop_threads

_leaving = threading.Event()  # the server ends already
ENGINE = ("recam_core.datasets.samples", "recam_core.checkpoints.pair_file", "recam_core.cam.pipeline")


def import_engine() -> None:
    """Import what every page needs, torch first of all; nothing happens where it is there already.

    Waiting threads of a computation sleep instead of spinning: a server has several computing threads, and where processors
    are shared with other programs, spinning made a climb seven times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is loaded
    with contextlib.nullcontext() if sys.modules.keys() >= set(ENGINE) else for_good():
        for name in ENGINE:
            if not _leaving.is_set():
                importlib.import_module(name)


@contextmanager
def for_good() -> Iterator[None]:
    """What is loaded inside is never looked through for garbage: not on the way, which takes half a second, and not later.

    Streamlit looks for garbage after every run of a page, and holds everybody up meanwhile: a fifth of a second with torch.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def warm_up() -> None:
    """Import the engine, explain the first sample as a fresh page does, have a process ready for uploads, and what fits λ.

    While the first page is drawn the maps are computed. What is wrong with a model or a sample is said by the page.
    """
    import_engine()
    samples, engine = (importlib.import_module(name) for name in ("recam_core.datasets.samples", "ui.compute.engine"))
    first = samples.SAMPLES[0]
    with contextlib.suppress(UserError, KeyError):
        if not _leaving.is_set():
            engine.model_pair(samples.sample_model(first))
        if not _leaving.is_set():
            engine.evidence_of(samples.sample_picture(first), samples.sample_model(first), HeatmapOptions())
    if not _leaving.is_set():
        importlib.import_module("recam_core.images.decode_process").start_decoding()
    if not _leaving.is_set():
        with for_good():
            importlib.import_module("recam_core.training.refit.refit").load_optimizer()  # before λ is moved


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Start the work when the server starts; nobody waits for it here. What works beside the pages ends with it."""
    few_arenas()
    _leaving.clear()
    with asked_at_signals(asyncio.get_running_loop()):
        start_thread(warm_up, _leaving.set, name="warm-up")
        yield
    stop_threads(3.0)  # the rest of the time when the process ends
