"""What is chosen on the Errors page, and numbers of its address."""

import streamlit as st

from ui.session.choices import Choices

_CHOICES = Choices("errors")
key, remembered, tell = _CHOICES.key, _CHOICES.remembered, _CHOICES.tell
choose, settle = _CHOICES.choose, _CHOICES.settle


def number(name: str, least: int, most: int, otherwise: int) -> int:
    """A whole number of the address, or what counts where it says something else."""
    text = st.query_params.get(name, "")
    return min(max(int(text), least), most) if text.isdecimal() and len(text) < 9 else otherwise


def fraction(name: str, otherwise: float, most: float) -> float:
    """A hundredth from 0 to ``most`` of the address, or what counts where it says something else."""
    try:
        value = round(float(st.query_params.get(name, "")), 2)
    except ValueError:
        return otherwise
    return value if 0 <= value <= most else otherwise
