"""What a link says beyond the widgets: checked here, because an address can say anything."""

from typing import Any

import streamlit as st

from recam_core import PALETTES
from ui.heatview import DEFAULTS

NAMES = {"threshold": "t", "opacity": "opacity", "palette": "palette", "mode": "view", "scale": "scale", "grow": "grow"}
CHOICES = {
    "palette": tuple(PALETTES),
    "mode": ("heat", "mask", "difference", "error"),
    "scale": ("each", "together"),
    "grow": ("0", "1"),
}


def read_list(name: str) -> list[str]:
    """A comma-separated list of the address."""
    return [part.strip() for part in st.query_params.get(name, "").split(",") if part.strip()]


def heat_settings() -> dict[str, Any]:
    """The heat view's settings: those of the address where they make sense, else the defaults."""
    settings = dict(DEFAULTS)
    for name, short in NAMES.items():
        text = st.query_params.get(short)
        if text is None:
            continue
        if name in CHOICES:
            if text in CHOICES[name]:
                settings[name] = text == "1" if name == "grow" else text
        elif (number := _fraction(text)) is not None:
            settings[name] = number
    return settings


def write_heat_settings(settings: dict[str, Any]) -> None:
    """Put what differs from the defaults into the address; takes out what does not."""
    for name, short in NAMES.items():
        value = settings[name]
        text = str(int(value)) if name == "grow" else f"{value:g}" if isinstance(value, int | float) else str(value)
        if value == DEFAULTS[name]:
            if short in st.query_params:
                del st.query_params[short]
        elif st.query_params.get(short) != text:
            st.query_params[short] = text


def _fraction(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None
