"""What an address says and is told: checked here, because a link can say anything."""

from collections.abc import Collection
from typing import Any
from urllib.parse import quote, urlsplit

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from recam_core.images.visualise import PALETTES
from ui.components.heatview import DEFAULTS

NAMES = {"threshold": "t", "opacity": "opacity", "palette": "palette", "mode": "view", "scale": "scale", "grow": "grow"}
CHOICES = {
    "palette": tuple(PALETTES),
    "mode": ("heat", "mask", "difference", "error"),
    "scale": ("each", "together"),
    "grow": ("0", "1"),
}


def read_list(name: str) -> list[str]:
    """A comma-separated list of the address, every part once."""
    parts = (part.strip() for part in st.query_params.get(name, "").split(","))
    return list(dict.fromkeys(part for part in parts if part))


def read_choice(name: str, choices: Collection[str], otherwise: str) -> str:
    """One of some words of the address, or what counts where it says something else."""
    text = st.query_params.get(name, otherwise)
    return text if text in choices else otherwise


def went_back() -> bool:
    """Whether Back or Forward of the browser asks for this run, so that a step is the one of the address, not of the session."""
    running = get_script_run_ctx()
    return running is not None and running.is_history_navigation


def write(name: str, text: str, default: str | None = None) -> None:
    """Put a word into the address, or take it out where it is what counts anyway."""
    if text == default:
        if name in st.query_params:
            del st.query_params[name]
    elif st.query_params.get(name) != text:
        st.query_params[name] = text


def address() -> str:
    """The whole address of this view."""
    base = (st.context.url or "").split("?")[0]
    if not urlsplit(base).path:
        base += "/"
    query = "&".join(f"{name}={quote(value, safe=',')}" for name, value in sorted(st.query_params.items()))
    return f"{base}?{query}"


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
        write(short, _text(name, value), _text(name, DEFAULTS[name]))


def _text(name: str, value: Any) -> str:
    return str(int(value)) if name == "grow" else f"{value:g}" if isinstance(value, int | float) else str(value)


def _fraction(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return round(number, 2) if 0 <= number <= 1 else None  # the slider's steps
