"""Jobs on the screen: whose turn it is, how far one is, how it ended, and what can be done about it."""

import time
from collections.abc import Callable
from typing import Literal

import streamlit as st

from recam_core import UserError
from recam_core.checkpoints.registry import delete_run
from recam_core.system.folders import may_start
from recam_core.system.jobs import Job, damaged_runs, list_jobs, resume_job, stop_job
from ui.widgets.escaping import plain

STOPPING = "Stopping: what is being computed now is finished first, which may take some seconds."
STOPPED = "jobs-stopped"  # in the session: jobs that it has asked to stop, with when they were queued
ENDED = {"stopped": "was stopped", "failed": "ended with an error", "interrupted": "was interrupted"}


def waiting_jobs(kind: str | None = None) -> list[Job]:
    """Jobs that run or wait, in the order in which they will be done; of one kind where it is given."""
    return sorted((job for job in list_jobs(kind) if job.is_waiting), key=lambda job: (job.status.queued, job.name))


def queue_words(job: Job) -> str:
    """What a queued job waits for."""
    mine = (job.status.queued, job.name)
    before = [other for other in waiting_jobs() if (other.status.queued, other.name) < mine]
    if not before:
        return "Its turn is about to come."
    more = "" if len(before) == 1 else f" and {len(before) - 1} more"
    return f"Queued, after “{plain(before[-1].title)}”{more}: one job runs at a time."


def watch(job: Job, progress: Callable[[Job], tuple[float, str]], stop_help: str, is_news: Callable[[], bool]) -> None:
    """Progress of a job that runs or waits, with a way to stop it; ``stop_help`` says what a stop leaves.

    When it has ended, or ``is_news`` says that there is more to look at, the whole page is drawn again.
    """

    @st.fragment(run_every="1s")
    def poll() -> None:
        now = as_it_is(job)
        if now is None or not now.is_waiting or is_news():
            st.rerun()
            return
        show_progress(now, progress, stop_help)

    poll()


def as_it_is(job: Job) -> Job | None:
    """The same job as its folder tells it now; None where it was deleted."""
    return next((now for now in list_jobs(job.kind) if now.name == job.name), None)


def show_progress(job: Job, progress: Callable[[Job], tuple[float, str]], stop_help: str) -> None:
    """A bar (``progress``: 0 … 1 and words) or what a queued job waits for, and the button that stops it."""
    share, words = (0.0, queue_words(job)) if job.status.state == "queued" else progress(job)
    with st.container(horizontal=True, vertical_alignment="center"):
        show_bar(job, share, words)
        show_stop(job, stop_help)


def show_bar(job: Job, share: float, words: str) -> None:
    """How far a job is, 0 … 1 and in words, or that it is about to stop."""
    with st.container():
        st.progress(share, f"**{plain(job.title)}** · {STOPPING if _is_stopping(job) else words}")


def show_stop(job: Job, stop_help: str, stop: Callable[[Job], None] = stop_job) -> None:
    """The button that stops a job, where stopping is allowed; once pressed it cannot be pressed again."""
    if may_start():
        st.button(
            "Stop",
            icon=":material/stop_circle:",
            key=f"stop-{job.name}",
            help=stop_help,
            disabled=_is_stopping(job),
            on_click=_stop,
            args=(job, stop),
        )


def _stop(job: Job, stop: Callable[[Job], None]) -> None:
    st.session_state.setdefault(STOPPED, set()).add((job.name, job.status.queued))
    stop(job)


def _is_stopping(job: Job) -> bool:
    return (job.name, job.status.queued) in st.session_state.get(STOPPED, ())


def show_ended(job: Job, label: str = "Go on", *, main: bool = False) -> None:
    """What there is to say about a job that did not finish, and a way to go on with it, which may be the main answer."""
    if job.status.state not in ENDED:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        show = st.error if job.status.state == "failed" else st.info
        message = job.status.message
        more = "" if message.rstrip(".").casefold() == job.status.state else f" {plain(message)}"
        show(f"**{plain(job.title)}** {ENDED[job.status.state]}.{more}")
        how: Literal["primary", "secondary"] = "primary" if main else "secondary"
        if may_start() and st.button(label, icon=":material/play_arrow:", type=how, key=f"resume-{job.name}"):
            try:
                resume_job(job)
            except UserError as error:
                st.error(plain(str(error)))
                return
            st.rerun()


def show_damaged() -> None:
    """Runs that cannot be read, each with the reason and a way to have it gone; nothing where there are none."""
    if not (damaged := damaged_runs()):
        return
    count = "One run" if len(damaged) == 1 else f"{len(damaged)} runs"
    with st.expander(f"{count} on this server cannot be read", icon=":material/broken_image:"):
        for folder, reason in damaged:
            st.markdown(plain(reason))
            if may_start() and st.button("Delete it", icon=":material/delete:", key=f"delete-damaged-{folder.name}"):
                try:
                    delete_run(folder)
                except UserError as error:
                    st.error(plain(str(error)))
                    continue
                st.rerun()


def time_words(seconds: float) -> str:
    """A time that is roughly known, in words."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def when_words(seconds: float) -> str:
    """A time since 1970 as the clock of today, or as a day."""
    made = time.localtime(seconds)
    return time.strftime("%H:%M" if made[:3] == time.localtime()[:3] else "%d %b", made)
