"""The runs of a session: a preview, a climb, and two that are kept."""

from dataclasses import replace

import streamlit as st

from ui.climb.runs import PREVIEW_STEPS, Order, Run, start_climb, start_preview
from ui.compute import engine
from ui.session.climbs import CLIMB, PREVIEW, SLOTS, climbs

SHOW = "climb-show"


def runs() -> dict[str, Run]:
    """The runs of this session: the preview, the climb, and those that are kept."""
    current: dict[str, Run] = climbs()
    return current


def forget_another_subject(order: Order) -> None:
    """A climb of something else is stopped, because nobody sees it any more; kept runs stay."""
    run = runs().get(CLIMB)
    if run is not None and run.order.subject != order.subject:
        run.stream.stop()
        del runs()[CLIMB]


def preview(order: Order) -> None:
    """Start the first steps again where a knob or the subject changed, and show it."""
    before = runs().get(PREVIEW)
    shown = replace(order.options, result="accumulated", steps=min(order.options.steps, PREVIEW_STEPS))
    key = replace(order, options=shown).key
    if before is not None and st.session_state.get("climb-preview-key") == key:
        return
    if before is not None:
        before.stream.stop()
    st.session_state["climb-preview-key"] = key
    climbed = runs().get(CLIMB)
    runs()[PREVIEW] = start_preview(order, engine.EVIDENCE.queue)
    same = climbed is not None and climbed.order.options == order.options
    st.session_state[SHOW] = [CLIMB] if same else [PREVIEW]


def start(order: Order) -> None:
    """Climb; a climb that goes on is replaced, and a preview that does is not waited for: its steps come once more."""
    stop()
    if (before := runs().get(PREVIEW)) is not None:
        before.stream.stop()
    runs()[CLIMB] = start_climb(order, engine.EVIDENCE.queue)
    st.session_state[SHOW] = [CLIMB]


def stop() -> None:
    """End the climb after the step that is being made."""
    if (run := runs().get(CLIMB)) is not None:
        run.stream.stop()
        run.stream.wait(0.2)  # often it is between two steps


def keep() -> None:
    """Keep the climb as A, or as B beside it; a third takes the place of B."""
    name = SLOTS[0] if SLOTS[0] not in runs() else SLOTS[1]
    runs()[name] = runs()[CLIMB]
    st.session_state[SHOW] = list(SLOTS) if name == SLOTS[1] else [SLOTS[0]]


def drop() -> None:
    """Forget what was kept."""
    for name in SLOTS:
        runs().pop(name, None)
    st.session_state[SHOW] = [CLIMB] if CLIMB in runs() else [PREVIEW]
