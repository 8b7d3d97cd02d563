"""A run while it goes on and afterwards: how far it is, its curves, what it skipped, its log."""

from typing import Any

import streamlit as st

from recam_core.records import TrainConfig
from recam_core.system.history import HISTORY
from recam_core.system.jobs import Job, read_events
from recam_core.training.run_folder import SETTINGS
from ui.train import charts, runs
from ui.train.history import History, progress
from ui.train.maps import Roll
from ui.train.runs import Run
from ui.widgets import jobs
from ui.widgets.escaping import plain
from ui.widgets.terms import BCE, SCE

EVERY = "2s"
STOP_HELP = "What is finished epoch by epoch is kept, and it can go on later."
LOGGED = 12  # events that are shown
ROLLS = "train-rolls"


def show_progress(run: Run, config: TrainConfig) -> None:
    """How far it is, read again every two seconds; the whole page is drawn anew when there is something else to show."""
    began = _landmarks(run)

    @st.fragment(run_every=EVERY)
    def poll() -> None:
        job = None if run.job is None else jobs.as_it_is(run.job)
        if job is None or not job.is_waiting or _landmarks(run) != began:
            st.rerun()
            return
        history = runs.history_of(run)
        feed_rolls(run, history, running=True)
        _show_bar(job, run, history, config)

    poll()


def show_live_curves(run: Run, config: TrainConfig) -> None:
    """The curves of a run that goes on, drawn again every two seconds."""

    @st.fragment(run_every=EVERY)
    def draw_again() -> None:
        show_curves(run, runs.history_of(run), config)

    draw_again()


def _landmarks(run: Run) -> tuple[bool, bool]:
    """What the rest of the page depends on: whether there are settings, and maps to look at."""
    return (run.folder / SETTINGS).exists(), bool(runs.history_of(run).maps)


def _show_bar(job: Job, run: Run, history: History, config: TrainConfig) -> None:
    share, words = progress(history, config, int(job.about.get("pictures") or 0))
    if job.status.state == "queued":
        share, words = 0.0, jobs.queue_words(job)
    with st.container(horizontal=True, vertical_alignment="center", key="train-bar"):
        jobs.show_bar(job, share, words)
        jobs.show_stop(job, STOP_HELP, lambda _: runs.stop(run))


def show_curves(run: Run, history: History, config: TrainConfig) -> None:
    """Losses and scores over the epochs, the learning rate and lost time below; empty axes keep their place."""
    one = [(run.title, history, config)]
    left, right = st.columns(2, gap="medium")
    draw_live(left, charts.loss_chart(one, "bce"), "train-bce")
    draw_live(right, charts.loss_chart(one, "sce"), "train-sce")
    if config.validation:
        left, right = st.columns(2, gap="medium")  # anew, so that on a phone both losses come first
        draw_live(left, charts.seed_chart(one), "train-miou")
        draw_live(right, charts.ap_chart(one), "train-map")
        if history.validated and not any(done.miou for done in history.validated):
            st.caption(f"Pictures of {plain(config.validation)} have no masks, so seeds cannot be scored.")
    else:
        st.caption("Nothing is scored after an epoch, because no validation split was chosen.")
    st.caption(f"{BCE} {SCE} {_lost_words(history, run)}")
    with st.expander("Learning rate", icon=":material/trending_down:"):
        draw_live(st, charts.rate_chart(one), "train-rate")
    if history.skipped:
        names = {one.name: one.reason for one in history.skipped}
        count = f"{len(names)} picture{' was' if len(names) == 1 else 's were'}"
        with st.expander(f"{count} skipped, and why", icon=":material/warning:"):
            st.markdown("\n".join(f"- {plain(name)}: {plain(why)}" for name, why in list(names.items())[:50]))
            if len(names) > 50:
                st.caption(f"… and {len(names) - 50} more.")
    if history.unread:
        st.caption(f"{history.unread} events of this run's history are damaged; what they said is left out.")


def _lost_words(history: History, run: Run) -> str:
    if not history.has_begun and run.state == "done":
        return "Its history is gone, so there are no curves."
    if not history.has_begun and not run.waits and run.state != "unknown":
        return "It ended before its first step."
    if not history.has_begun:
        return "Curves begin with the first step. SCE is trained in stage 2."
    waited = f"{history.waiting_share:.0%}"
    return f"Thin: each step; thick: their running mean. The processor waited for pictures {waited} of the time."


def draw(place: Any, figure: Any, key: str) -> None:
    """A chart without the bar of tools, which covers it on a phone."""
    place.plotly_chart(figure, key=key, config={"displayModeBar": False})


def draw_live(place: Any, figure: Any, key: str) -> None:
    """A chart that is drawn again and again: Streamlit makes a new one each time, which shell.css lays under the old one until
    that is taken away, so that nothing flickers or moves.
    """
    draw(place.container(key=f"live-{key}"), figure, key)


def show_log(run: Run) -> None:
    """The last events, folded away, and below them what went wrong."""
    with st.expander("Log", icon=":material/terminal:"):
        events = runs.last_events(run, LOGGED)
        errors = [] if run.waits or run.state == "done" else runs.last_errors(run, LOGGED)
        if not events and not errors:
            st.caption("Nothing was said yet." if run.waits else "Nothing was said.")
        for lines in (events, errors):
            if lines:
                st.code("\n".join(lines), language=None, wrap_lines=True)
        st.caption(f"All of it: `{run.folder.name}/{HISTORY}` in the folder of runs.")


def rolls() -> dict[tuple[str, int, str], Roll]:
    """The streams that this session looks at, by run, picture and class."""
    own: dict[tuple[str, int, str], Roll] = st.session_state.setdefault(ROLLS, {})
    return own


def feed_rolls(run: Run, history: History, *, running: bool) -> None:
    """Let new epochs appear in what this session looks at."""
    for key, roll in list(rolls().items()):
        if key[0] == run.name and not roll.feed(history.maps, running):
            del rolls()[key]  # it went back to a checkpoint: made anew when it is drawn


def show_boundary(job: Job) -> None:
    """A training of boundary branches: how far it is, its three terms."""

    @st.fragment(run_every=EVERY if job.is_waiting else None)
    def poll() -> None:
        now = jobs.as_it_is(job)
        if now is None or now.is_waiting != job.is_waiting:
            st.rerun()
            return
        if now.is_waiting:
            jobs.show_progress(now, _boundary_progress, STOP_HELP)
        else:
            jobs.show_ended(now)
        steps = {event["step"]: event for event in read_events(now)[0] if event["event"] == "BoundaryStep"}
        if steps:  # by their numbers: after a stop some were made again
            draw_live(st, charts.terms_chart([steps[n] for n in sorted(steps)]), f"train-terms-{job.name}")

    poll()


def _boundary_progress(job: Job) -> tuple[float, str]:
    """How far a boundary training is, 0 … 1, and that in words with the time left."""
    events, _ = read_events(job)
    start = max((i for i, event in enumerate(events) if event["event"] == "Started"), default=0)
    events = events[start:]
    steps = [event for event in events if event["event"] == "BoundaryStep"]
    if steps:
        last = steps[-1]
        return last["step"] / last["steps"], f"step {last['step']:,} of {last['steps']:,}"
    masks = [event for event in events if event["event"] == "MaskStep"]
    if masks:
        last = masks[-1]
        return 0.0, f"confident labels of picture {last['done']:,} of {last['total']:,}"
    return 0.0, "Loading the model and the data set …"
