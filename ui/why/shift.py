"""The slider of step 8: c · v on every row of W′, worked out in the browser from two maps and a few numbers."""

import base64
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import streamlit as st

from recam_core.cam.lesson import RowShift
from recam_core.images.visualise import jpeg_bytes
from ui.components.heatview import COLOURS as PALETTES
from ui.components.modules import bundle, handed_over
from ui.session.link import heat_settings
from ui.why.example import Example
from ui.why.symbols import COLOURS

LIMIT = 2.0
SHOWN = 4
_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "recam_shift",
    css=(_HERE / "shift.css").read_text(encoding="utf-8"),
    js=bundle(_HERE / "shift.js"),
)


def shift_view(example: Example, shifts: Mapping[str, RowShift]) -> None:
    """Mount the slider for one or more vectors v, named in words; each moves the map of the class of the lesson."""
    first = next(iter(shifts.values()))
    height, width = example.evidence.picture.shape[:2]
    ids = example.strongest(first.logits, SHOWN)
    settings = st.session_state.get("heat_settings") or heat_settings()
    _COMPONENT(
        key="why-shift",
        data=handed_over(
            {
                "photo": "data:image/jpeg;base64," + base64.b64encode(jpeg_bytes(example.evidence.picture)).decode(),
                "size": [width, height],
                "covers": [example.covers[1], example.covers[0]],
                "grid": list(first.map.shape),
                "map": _numbers(first.map),
                "shifts": [{"name": name, "by": s.by, "moved": _numbers(s.moved)} for name, s in shifts.items()],
                "logits": [round(float(z), 6) for z in first.logits],
                "target": example.k,
                "name": example.name,
                "shown": [{"k": k, "name": example.evidence.classes[k]} for k in ids],
                "limit": LIMIT,
                "palette": PALETTES[settings["palette"]],
                "opacity": settings["opacity"],
                "threshold": settings["threshold"],
                "colours": COLOURS,
            }
        ),
    )


def _numbers(grid: np.ndarray) -> list[float]:
    return [float(f"{value:.6g}") for value in grid.ravel()]
