"""A knob whose values span orders of magnitude: a slider over rungs."""

from collections.abc import Sequence
from typing import Any

import streamlit as st


def ladder(label: str, key: str, rungs: Sequence[float], words: str) -> float:
    """A slider over the rungs; what the session holds is brought to the nearest of them."""
    rungs = sorted(set(rungs))
    if (now := st.session_state.get(key)) not in rungs:
        st.session_state[key] = min(rungs, key=lambda rung: abs(rung - float(now or 0)))
    chosen = st.select_slider(label, rungs, key=key, persist_state="session", format_func=as_text, help=words)
    return float(chosen)


def as_text(value: Any) -> str:
    """A number as short as it can be told, as in links."""
    return f"{value:g}" if isinstance(value, float) else str(value)
