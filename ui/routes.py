"""The app's own HTTP routes, beside Streamlit's: the page with our script, the heat view's maps, the player's frames, models."""

import os
import re
from functools import cache
from pathlib import Path

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from recam_core.system.folders import models_folder
from recam_core.system.pass_counter import backbone_passes
from recam_core.system.project_files import ASSETS
from ui.components.player import stream_store
from ui.components.served import served
from ui.compute import payloads

PAGES = ("", "climb", "walk", "why", "balance", "train", "models", "errors")
_ID = re.compile(r"[0-9a-f]{64}")
_GUARD = {"X-Content-Type-Options": "nosniff"}


def _gone(sentence: str) -> Response:
    return PlainTextResponse(sentence, status_code=404, headers=_GUARD | {"Cache-Control": "no-store"})


async def page(_request: Request) -> Response:
    """Answer with Streamlit's page, in which our script runs first."""
    return HTMLResponse(_page(), headers=_GUARD | {"Cache-Control": "no-cache"})


async def compare(request: Request) -> Response:
    """Send on to Compare, which is the first page, who asks for it by its name."""
    return RedirectResponse(f"./?{request.url.query}" if request.url.query else "./")


@cache
def _page() -> str:
    streamlit = Path(st.__file__).with_name("static") / "index.html"
    script = Path(__file__).with_name("frame.js")
    text = streamlit.read_text(encoding="utf-8").replace("<title>Streamlit</title>", "<title>ReCAM Studio</title>")
    return text.replace("<head>", f"<head>\n<script>{script.read_text(encoding='utf-8')}</script>", 1)


async def heat(request: Request) -> Response:
    """Answer with the packed payload of an id, or with 404 and a sentence."""
    name = request.path_params["id"]
    payload = payloads.get(name) if _ID.fullmatch(name) else None
    if payload is None:
        return _gone("These heatmaps are not on the server any more. Open the picture again to have them computed.")
    return Response(
        payload,
        media_type="application/octet-stream",
        headers=_GUARD | {"Cache-Control": "private, max-age=3600, immutable"},
    )


async def frames(request: Request) -> Response:
    """Answer with the frames that the browser lacks (``?from=`` how many it has, ``&made=`` of which version), or with 404."""
    name, query = request.path_params["id"], request.query_params
    stream = stream_store.get(name) if _ID.fullmatch(name) else None
    if stream is None:
        return _gone("This run is not on the server any more. Start it again.")
    have, made = (_count(query.get(word, "")) for word in ("from", "made"))
    packed = await run_in_threadpool(stream.packed, have, made, describe=query.get("about") == "1")
    return Response(packed, media_type="application/octet-stream", headers=_GUARD | {"Cache-Control": "no-store"})


def _count(text: str) -> int:
    return int(text) if re.fullmatch("[0-9]{1,6}", text) else 0


async def health(_request: Request) -> Response:
    """Answer that the server can show something, or with 503 and what it lacks: for containers and load balancers."""
    ready = await run_in_threadpool(_has_models)  # asked for while the engine is still being loaded
    answer = (
        "ok" if ready else "There is no model: install the project again, or name a folder with models in RECAM_MODELS."
    )
    return PlainTextResponse(answer, status_code=200 if ready else 503, headers=_GUARD | {"Cache-Control": "no-store"})


def _has_models() -> bool:
    return any(any(folder.glob("*.safetensors")) for folder in (ASSETS / "models", models_folder()))


async def passes(_request: Request) -> Response:
    """Answer with how often backbones ran since the server started."""
    return PlainTextResponse(f"{backbone_passes.value}", headers=_GUARD | {"Cache-Control": "no-store"})


async def model(request: Request) -> Response:
    """Answer with the file of a model in the list of models, read from disk piece by piece, or with 404 and a sentence."""
    name = request.path_params["name"]
    path = await run_in_threadpool(_model_file, name)
    if path is None:
        return _gone(
            "This model is not listed under Models any more, cannot be read, or lies elsewhere. Open Models to see which are."
        )
    return FileResponse(
        path,
        media_type="application/octet-stream",
        filename=f"{name}.safetensors",
        # weights hardly shrink, and packing them would take the processor and the length that a browser counts down from
        headers=_GUARD | {"Cache-Control": "no-store", "Content-Encoding": "identity"},
    )


def _model_file(name: str) -> Path | None:
    from recam_core.checkpoints.registry import model_file

    path: Path | None = model_file(name)
    return path


ROUTES = [
    *(Route(served(f"/{name}"), page, methods=["GET"]) for name in PAGES),
    Route(served("/compare"), compare, methods=["GET"]),
    Route(served("/api/health"), health, methods=["GET"]),
    Route(served("/api/heat/{id}"), heat, methods=["GET"]),
    Route(served("/api/frames/{id}"), frames, methods=["GET"]),
    Route(served("/api/model/{name}"), model, methods=["GET"]),
]
if os.environ.get("RECAM_COUNT_PASSES") == "1":  # for an operator who wants to see what costs model work, and for tests
    ROUTES.append(Route(served("/api/passes"), passes, methods=["GET"]))
