"""Loads the engine behind the server's back, so that the page is there at once and the first picture soon after."""

import importlib
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

ENGINE = ("recam_core.pipeline", "recam_core.shelf", "recam_core.samples")


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Start importing torch and the engine when the server starts; nobody waits for it here."""
    threading.Thread(target=lambda: [importlib.import_module(name) for name in ENGINE], daemon=True).start()
    yield
