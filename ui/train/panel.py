"""The panel: which run is looked at, or the form of a new one."""

import time

import streamlit as st

from recam_core.system.folders import may_start
from ui.train import state
from ui.train.runs import Run, labels
from ui.widgets.escaping import plain
from ui.widgets.jobs import when_words

NOTHING = ""  # in the place of a run as long as there is none
ADDRESS = "train-told"  # in the session: what the address says, what it said before, and since when
NO_ADDRESS = (None, None, 0.0)
LATE = 3.0  # seconds
STATES = {
    "queued": "queued",
    "running": "running",
    "done": "done",
    "stopped": "stopped",
    "failed": "ended with an error",
    "interrupted": "interrupted",
    "unknown": "from the command line",
}
SHOWN = 8  # runs that are listed before the list scrolls


def choose_run(runs: list[Run]) -> Run | str:
    """The run that is looked at, else ``state.NEW`` for the form of a new one, or ``NOTHING``."""
    names = {run.name: run for run in runs}
    _follow_link(names)
    with st.sidebar:
        if may_start() and st.button("New training", icon=":material/add:", width="stretch", key="train-new"):
            state.choose("run", state.NEW)
        key = state.remembered("run", [*names, state.NEW, *([] if names else [NOTHING])], next(iter(names), NOTHING))
        if not names:
            chosen = st.session_state[key]
        else:
            st.markdown("**Runs on this server**")
            with st.container(height=460 if len(names) > SHOWN else "content", border=False):
                chosen = _list(names, labels(runs), key)
    _tell()
    return names.get(str(chosen), str(chosen or NOTHING))


def _tell() -> None:
    """Put the choice into the address, and remember what it said before for as long as the browser may not have heard."""
    before, _, _ = st.session_state.get(ADDRESS, NO_ADDRESS)
    if (now := state.tell("run")) != before:
        st.session_state[ADDRESS] = (now, before, time.monotonic())


def _is_news(linked: str) -> bool:
    """Whether somebody else changed the address: a fragment that reruns may bring along the one of a moment ago."""
    now, before, at = st.session_state.get(ADDRESS, NO_ADDRESS)
    return linked != now and not (linked == before and time.monotonic() - at < LATE)


def _follow_link(names: dict[str, Run]) -> None:
    """Let the address count where it was changed by somebody else than this page."""
    linked = st.query_params.get("run")
    if st.query_params.get("stage1"):
        state.choose("run", state.NEW)
    elif linked in (*names, state.NEW) and _is_news(linked):
        state.choose("run", linked)
    elif linked and linked not in (*names, state.NEW):  # of an old link, or deleted in another tab
        st.warning(
            f"The link names the run “{plain(linked[:60])}”, which this server does not have; you see another one instead.",
            icon=":material/link_off:",
        )


def _list(names: dict[str, Run], called: dict[str, str], key: str) -> str:
    """The runs, the newest first, each with its state and time below it."""
    options = [*([state.NEW] if st.session_state[key] == state.NEW else []), *names]
    chosen = st.radio(
        "Run",
        options,
        key=key,
        format_func=lambda name: "A new one …" if name == state.NEW else plain(called[name]),
        captions=["not started yet" if name == state.NEW else _state_words(names[name]) for name in options],
        persist_state="session",
        label_visibility="collapsed",
    )
    return str(chosen)


def _state_words(run: Run) -> str:
    when = "" if run.job is None else f" · {when_words(run.job.status.queued)}"
    return f"{STATES.get(run.state, run.state)}{when}"
