"""The page's frame: what is known of the evaluation, which part is looked at, and the link to exactly this view."""

import streamlit as st

from recam_core import UserError
from ui.errors import runs
from ui.errors.runs import Run
from ui.errors.sides import View
from ui.errors.state import key, remembered, tell
from ui.session.link import address, read_choice, went_back
from ui.widgets import jobs
from ui.widgets.escaping import plain

PARTS = {"pictures": "Pictures", "classes": "Classes", "sanity": "Sanity", "export": "Export"}


def show_state(run: Run) -> None:
    """Progress of jobs that run or wait, and what to do about this one if it did not finish."""
    for job in jobs.waiting_jobs(runs.KIND):
        runs.watch(job, looked_at=run.job is not None and run.job.name == job.name)
    if run.job is not None:
        jobs.show_ended(run.job)
    try:
        store = runs.store_of(run)
    except UserError:
        return  # said below, where the figures would stand
    settings = store.settings
    scales = "one scale" if len(settings.options.scales) == 1 else f"{len(settings.options.scales)} scales"
    mirror = "with" if settings.options.flip else "without"
    more = ", more as they are written" if run.job is not None and run.job.is_waiting else ""
    done = (
        f"figures of the first {len(store.entries)} of {settings.total} pictures{more}"
        if not store.finished
        else f"{settings.total} pictures"
    )
    how = (
        "the classes of a picture are given."
        if settings.boxed
        else "as the field scores seeds: the classes of a picture are given, and their maps compete with the threshold."
    )
    st.caption(
        f"Model **{plain(settings.model)}** · {plain(settings.dataset)} {plain(settings.split)}, {done} · {scales}, "
        f"{mirror} mirror image · {how}"
    )
    if store.notes:
        count = f"{len(store.notes)} picture{' is' if len(store.notes) == 1 else 's are'}"
        with st.expander(f"{count} left out or counted in part, and why", icon=":material/warning:"):
            st.markdown("\n".join(f"- {plain(note)}" for note in store.notes[:50]))
            if len(store.notes) > 50:
                st.caption(f"… and {len(store.notes) - 50} more.")


def choose_part() -> str:
    """What is looked at below the curves."""
    if went_back():
        st.session_state[key("part")] = read_choice("part", PARTS, "pictures")
    st.segmented_control(
        "Look at",
        list(PARTS),
        key=remembered("part", PARTS, "pictures"),
        format_func=PARTS.__getitem__,
        required=True,
        persist_state="session",
        label_visibility="collapsed",
    )
    return tell("part", "pictures")


def show_link(view: View) -> None:
    """The address of exactly this view."""
    with st.popover("Link to this view", icon=":material/link:"):
        st.caption("Evaluation, sides, threshold, part, sorting, filters, page and opened picture are in the address.")
        st.code(address(), language=None, wrap_lines=True)
