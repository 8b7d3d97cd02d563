"""The app's own HTTP routes, beside Streamlit's: where the heat view fetches its maps."""

import re

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ui import payloads

_ID = re.compile(r"[0-9a-f]{64}")
_GUARD = {"X-Content-Type-Options": "nosniff"}


async def heat(request: Request) -> Response:
    """Answer with the packed payload of an id, or with 404 and a sentence."""
    name = request.path_params["id"]
    payload = payloads.get(name) if _ID.fullmatch(name) else None
    if payload is None:
        return PlainTextResponse(
            "These heatmaps are not on the server any more. Open the picture again to have them computed.",
            status_code=404,
            headers=_GUARD | {"Cache-Control": "no-store"},
        )
    return Response(
        payload,
        media_type="application/octet-stream",
        headers=_GUARD | {"Cache-Control": "private, max-age=3600, immutable"},
    )


ROUTES = [Route("/api/heat/{id}", heat, methods=["GET"])]
