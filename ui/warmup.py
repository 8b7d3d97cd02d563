"""Loads the engine behind the server's back, so that the page is there at once and the first picture soon after."""

import contextlib
import importlib
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

ENGINE = ("recam_core.samples", "recam_core.shelf", "recam_core.pipeline")


def import_engine() -> None:
    """Import what every page needs, torch first of all; nothing happens where it is there already."""
    for name in ENGINE:
        importlib.import_module(name)


def warm_up() -> None:
    """Import the engine and load the model of the first sample; what is wrong with it, the page will say."""
    import_engine()
    core, engine = (importlib.import_module(name) for name in ("recam_core", "ui.engine"))
    with contextlib.suppress(core.UserError, KeyError):
        engine.model_pair(core.sample_model(core.SAMPLES[0]))


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Start the work when the server starts; nobody waits for it here."""
    threading.Thread(target=warm_up, daemon=True).start()
    yield
