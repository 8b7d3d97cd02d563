"""Presentation mode, for a projector: large type, and neither panel nor menu nor banner. It goes with a person and a link."""

from pathlib import Path

import streamlit as st

from ui.session.link import read_choice, write

PRESENT = "present"  # the name in the session and in links
CORNER = "presentation"
PRESENTED = Path(__file__).with_name("presented.css")


def presenting() -> bool:
    """Whether the page is shown on a projector."""
    return bool(st.session_state.get(PRESENT))


def choose_presentation() -> None:
    """Draw the switch in the corner, and the page as it says; links of older lessons say ``large``."""
    if PRESENT not in st.session_state:
        st.session_state[PRESENT] = "1" in (read_choice(name, ("0", "1"), "0") for name in (PRESENT, "large"))
    with st.container(key=CORNER):
        st.toggle(
            "Present",
            key=PRESENT,
            persist_state="session",
            help="For a projector: large type, without panel and menu. Escape leaves it. In the lesson a clicker's keys turn the "
            "pages.",
        )
    write(PRESENT, str(int(presenting())), "0")
    if presenting():
        st.html(PRESENTED)
