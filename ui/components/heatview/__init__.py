"""The heat view: one in-browser component that draws every heatmap of the app.

Python hands over the id of a packed payload and gets back settings and clicks; everything between happens in the
browser, without a word to the server.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from recam_core.images.visualise import DIVERGING, HIT, MISSED, PALETTES, WRONG
from recam_core.records import DisplayOptions
from ui.components.modules import bundle, handed_over
from ui.components.served import served
from ui.compute import payloads
from ui.compute.packing import read_header

# "rule" says where maps are cut (`recam_core.cam.thresholds.RULES`), "area" the share of the picture under the rule of that
# name; "maps", "numbers" and "boxes" what is shown of large maps.
DEFAULTS: dict[str, Any] = asdict(DisplayOptions()) | {
    "mode": "heat",
    "rule": "measured",
    "area": 0.2,
    "maps": "two",
    "numbers": False,
    "boxes": False,
}

_HERE = Path(__file__).parent
COLOURS = {
    name: base64.b64encode(table.tobytes()).decode() for name, table in PALETTES.items()
}  # as the browser reads it
_DIVERGING = base64.b64encode(DIVERGING.tobytes()).decode()

_COMPONENT = st.components.v2.component(
    "recam_heat_view",
    css=(_HERE / "heatview.css").read_text(encoding="utf-8"),
    js=bundle(_HERE / "main.js"),
)


def heat_view(
    payload_id: str,
    *,
    more: Sequence[str] = (),
    uploader: str | None = None,
    key: str,
    initial: Mapping[str, Any] | None = None,
    follow: float | None = None,
    large: bool = False,
    on_change: Callable[[], None] | None = None,
    on_pick: Callable[[], None] | None = None,
) -> Any:
    """Mount the heat view of a payload that `ui.compute.payloads.put` has kept.

    ``initial`` (keys of `DEFAULTS`, any subset) counts on the first mount only; afterwards the browser holds them. Where
    ``follow`` is given it is the threshold, of which the page has the slider: whenever it changes, the browser takes it over.
    ``more`` are payloads of further pictures, which stand below as rows of their own. ``uploader`` is a CSS selector: what is
    pasted or dropped anywhere on the page goes there. ``large`` shows two large maps, or all in three columns; of a payload
    with thresholds of its own it offers the rules.
    The result has three attributes, each None until it happens: ``settings`` (a dict with the keys of `DEFAULTS`, set
    when the person lets go of a control), ``pick`` (for one run: {"x", "y" as fractions of the picture, "row": class
    index, "view": view key or "picture"}) and ``expired`` (for one run: the id the server no longer had; put the
    payload again under the same id and the browser finds it by itself).
    """
    return _COMPONENT(
        key=key,
        data=handed_over(
            {
                "id": payload_id,
                "url": served(f"/api/heat/{payload_id}"),
                "more": [{"id": name, "url": served(f"/api/heat/{name}")} for name in more],
                "uploader": uploader,
                "initial": DEFAULTS | {name: value for name, value in (initial or {}).items() if name in DEFAULTS},
                "follow": follow,
                "large": large,
                "palettes": COLOURS,
                "diverging": _DIVERGING,
                "outcomes": {"hit": HIT, "wrong": WRONG, "missed": MISSED},
                "shape": _shape(payload_id),
            }
        ),
        on_settings_change=on_change or _nothing,
        on_pick_change=on_pick or _nothing,
        on_expired_change=_nothing,
    )


def _nothing() -> None:
    """Streamlit gives the result an attribute only for names that have a callback."""


def _shape(payload_id: str) -> dict[str, int] | None:
    """What the browser needs to keep the right space free before the maps arrive."""
    payload = payloads.get(payload_id)
    if payload is None:
        return None
    header = read_header(payload)
    return {
        "width": header["picture"]["width"],
        "height": header["picture"]["height"],
        "classes": len(header["classes"]),
        "views": len(header["views"]),
        "pair": min(2, len(header["views"])),
    }
