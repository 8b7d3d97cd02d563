"""The panel on the left: which run is looked at, beside which others, or the form of a new one."""

import streamlit as st

from recam_core import may_start
from ui.pictures import plain
from ui.train import state
from ui.train.runs import Run

NOTHING = ""  # in the place of a run as long as there is none
TOLD = "train-told"
WORDS = {NOTHING: "none yet", state.NEW: "a new one …"}
DOTS = {"queued": "🕒", "running": "▶", "done": "✓", "stopped": "■", "failed": "✕", "interrupted": "!", "unknown": "·"}


def choose_run(found: list[Run]) -> Run | str:
    """The run that is looked at, else ``state.NEW`` for the form of a new one, or ``NOTHING``."""
    names = {run.name: run for run in found}
    asked = st.query_params.get("run")
    fresh = state.key("run") not in st.session_state
    if fresh and asked is not None and asked not in (*names, state.NEW):
        st.warning(
            f"The link names the run “{plain(asked[:60])}”, which this server does not have; you see another one instead.",
            icon=":material/link_off:",
        )
    if st.query_params.get("stage1"):
        state.choose("run", state.NEW)
    options = [*names, state.NEW] if names else [NOTHING, state.NEW]
    if asked in options and asked != st.session_state.get(TOLD):  # somebody came here by a link
        state.choose("run", asked)
    with st.sidebar:
        if may_start() and st.button(
            "New training",
            icon=":material/add:",
            width="stretch",
            key="train-new",
            type="primary" if not found else "secondary",
        ):
            state.choose("run", state.NEW)
        chosen = st.selectbox(
            "Run",
            options,
            key=state.remembered("run", options, options[0]),
            format_func=lambda name: WORDS.get(name) or _words(names[name]),
            persist_state="session",
            help="Every run is kept below the server's folder of runs, also those that the command line made.",
        )
    st.session_state[TOLD] = state.tell("run")
    return names.get(str(chosen), str(chosen or NOTHING))


def _words(run: Run) -> str:
    return f"{DOTS.get(run.state, '·')} {run.title}"
