"""The page's frame: what else is running, and the link to exactly this view."""

import streamlit as st

from ui.session.link import address
from ui.train.runs import Run
from ui.widgets import jobs
from ui.widgets.escaping import plain


def show_queue(run: Run | None) -> None:
    """Jobs that run or wait beside the one that is looked at, in a line."""
    others = [job for job in jobs.waiting_jobs() if run is None or job.name != run.name]
    if not others:
        return
    words = [f"{'running' if job.status.state == 'running' else 'queued'}: **{plain(job.title)}**" for job in others]
    st.caption(f":material/list: {' · '.join(words)}")


def show_link() -> None:
    """The address of exactly this view."""
    with st.popover("Link to this view", icon=":material/link:"):
        st.caption("The run is in the address; whoever opens it sees it as it is then.")
        st.code(address(), language=None, wrap_lines=True)
