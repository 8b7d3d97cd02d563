"""Climbs of this session, which other pages may go on from."""

from typing import Any, Protocol

import streamlit as st

from recam_core import Evidence, RefineStep
from ui.components.player.frame_stream import FrameStream

RUNS = "climb-runs"
PREVIEW, CLIMB, SLOTS = "preview", "climb", ("A", "B")


class Climb(Protocol):
    """A climb as other pages know it."""

    order: Any  # what was wanted: subject, evidence before, options
    stream: FrameStream

    @property
    def steps(self) -> list[RefineStep]:
        """The steps so far that count."""


def climbs() -> dict[str, Any]:
    """The climbs of this session by their place: the preview, the climb, and those that are kept."""
    runs: dict[str, Any] = st.session_state.setdefault(RUNS, {})
    return runs


def finished_climb(subject: tuple[str, ...], before: Evidence) -> Climb | None:
    """The session's climb of this picture, model, class, readout and view, if there is one that has ended."""
    for place in (CLIMB, *SLOTS):
        run: Climb | None = climbs().get(place)
        if run is None or run.stream.running or not run.steps:
            continue
        if run.order.subject == subject and run.order.before.options == before.options:
            return run
    return None
