"""Loads the engine behind the server's back, so that the page is there at once and the first picture soon after."""

import contextlib
import importlib
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from recam_core.records import UserError
from recam_core.system.memory import few_arenas
from ui.components.player import stream_store

ENGINE = ("recam_core.datasets.samples", "recam_core.checkpoints.pair_file", "recam_core.cam.pipeline")


def import_engine() -> None:
    """Import what every page needs, torch first of all; nothing happens where it is there already.

    Waiting threads of a computation sleep instead of spinning: a server has several computing threads, and where processors
    are shared with other programs, spinning made a climb seven times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is loaded
    for name in ENGINE:
        importlib.import_module(name)


def warm_up() -> None:
    """Import the engine and load the model of the first sample; what is wrong with it, the page will say."""
    import_engine()
    samples, engine = (importlib.import_module(name) for name in ("recam_core.datasets.samples", "ui.compute.engine"))
    with contextlib.suppress(UserError, KeyError):
        engine.model_pair(samples.sample_model(samples.SAMPLES[0]))


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Start the work when the server starts; nobody waits for it here. Runs that go on end with the server."""
    few_arenas()
    threading.Thread(target=warm_up, daemon=True).start()
    yield
    stream_store.stop_all()
