"""Which step of the lesson is open: forward, back, by number, by keys, by a link; laid out anew for a projector."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from ui.session.link import address, read_choice, went_back, write
from ui.widgets.escaping import plain
from ui.widgets.presentation import presenting

STEP, PLACE = "why-step", "why-place"
_HERE = Path(__file__).parent
_KEYS = st.components.v2.component("recam_lesson_keys", js=(_HERE / "keys.js").read_text(encoding="utf-8"))
PRESENTED = _HERE / "presented.css"


def choose_step(titles: Sequence[str]) -> tuple[int, Any]:
    """Draw the row of steps; returns the number of the open one, from 1, and a place for the class beside it."""
    count = len(titles)
    _read_link(count)
    with st.container(horizontal=True, vertical_alignment="bottom", key="why-row"):
        step = int(st.session_state[STEP])
        _arrow("Back", "arrow_back", -1, disabled=step == 1, count=count)
        _arrow("Next", "arrow_forward", 1, disabled=step == count, count=count)
        st.segmented_control(
            "Step of the lesson",
            list(range(1, count + 1)),
            key=STEP,
            required=True,
            persist_state="session",
            label_visibility="collapsed",
        )
        place = st.container(width=230)
    step = int(st.session_state[STEP])
    if presenting():
        st.html(PRESENTED)
    _KEYS(key="why-keys", data={"pages": presenting()})
    write("step", str(step))
    st.markdown(f"#### {step} · {titles[step - 1]}", anchors=False)
    return step, place


def _read_link(count: int) -> None:
    if STEP in st.session_state and not went_back():
        return
    known = [str(number) for number in range(1, count + 1)]
    st.session_state[STEP] = int(read_choice("step", known, "1"))
    st.session_state[PLACE] = st.query_params.get("at", "")
    linked = st.query_params.get("step", "1")
    if linked not in known:
        st.warning(
            f"The link asks for step “{plain(linked[:40])}”; the lesson has steps 1 to {count}, and you see the first.",
            icon=":material/link_off:",
        )


def _arrow(word: str, icon: str, by: int, *, disabled: bool, count: int) -> None:
    st.button(
        word,
        icon=f":material/{icon}:",
        icon_position="right" if by > 0 else "left",
        key=f"why-{word.lower()}",
        type="primary" if by > 0 else "secondary",
        on_click=_go,
        args=(by, count),
        disabled=disabled,
    )


def _go(by: int, count: int) -> None:
    st.session_state[STEP] = min(max(int(st.session_state[STEP]) + by, 1), count)


def show_link() -> None:
    """The link that opens this step for a class; drawn with the step, because what is moved in a step is in it."""
    with st.popover("Link to this step", icon=":material/link:"):
        st.caption(
            "Step, picture, model, class, position, logits and presentation are all in the address: send it to a "
            "class, and everybody sees this."
        )
        st.code(address(), language=None, wrap_lines=True)


def linked_place() -> tuple[float, float] | None:
    """The position that the link named, as fractions of the picture, once: it belongs to the picture of the link."""
    try:
        x, y = (float(part) for part in st.session_state.pop(PLACE, "").split(","))
    except ValueError:
        return None
    return (x, y) if 0 <= x <= 1 and 0 <= y <= 1 else None
