"""What is chosen on the page lives in the session and in the address; both are checked, because a link can say anything."""

from collections.abc import Collection
from typing import Any

import streamlit as st

from ui.link import read_choice, write

NEXT = "errors-next"


def key(name: str) -> str:
    """Where the session keeps a choice of this page."""
    return f"errors-{name}"


def remembered(name: str, choices: Collection[str], otherwise: str) -> str:
    """The key of a choice: what was just chosen for the person, what the session has, the address, what counts anyway."""
    settle(name)
    if st.session_state.get(key(name)) not in choices:
        st.session_state[key(name)] = read_choice(name, choices, otherwise)
    return key(name)


def tell(name: str, otherwise: str = "") -> str:
    """Put a choice into the address and return it."""
    value = st.session_state.get(key(name)) or otherwise
    write(name, str(value), otherwise)
    return str(value)


def choose(name: str, value: Any) -> None:
    """Make a choice for the person, for example by a click on a chart; it counts from the next run on."""
    st.session_state.setdefault(NEXT, {})[name] = value


def settle(name: str) -> None:
    """Let a choice count that was made for the person, before the widget that shows it is drawn."""
    pending = st.session_state.get(NEXT, {})
    if name in pending:
        st.session_state[key(name)] = pending.pop(name)


def number(name: str, least: int, most: int, otherwise: int) -> int:
    """A whole number of the address, or what counts where it says something else."""
    text = st.query_params.get(name, "")
    return min(max(int(text), least), most) if text.isdecimal() and len(text) < 9 else otherwise


def fraction(name: str, otherwise: float, most: float) -> float:
    """A hundredth from 0 to ``most`` of the address, or what counts where it says something else."""
    try:
        found = round(float(st.query_params.get(name, "")), 2)
    except ValueError:
        return otherwise
    return found if 0 <= found <= most else otherwise
