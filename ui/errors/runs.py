"""Evaluations on this server: found below the runs' folder, started, watched, stopped and gone on with."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from recam_core import (
    Job,
    Store,
    UserError,
    find_by_sha256,
    find_model,
    known_models,
    list_jobs,
    may_start,
    open_store,
    read_events,
    read_header,
    read_parts,
    read_settings,
    resume_job,
    runs_folder,
    start_job,
    stop_job,
)
from ui.pictures import plain

KIND = "evaluate"
SETTINGS, STORE = "store.json", "store"
SECONDS = {"scenes": 0.03, "photos": 1.2}  # a picture on a slow processor: only until there is something to measure


@dataclass(frozen=True, eq=False)
class Run:
    """One evaluation: its name in links, the folder of its store, and the job that makes it (None: made without the app)."""

    name: str
    folder: Path
    job: Job | None

    @property
    def title(self) -> str:
        """What a person reads."""
        if self.job is None:
            return self.name
        made = time.localtime(self.job.status.queued)
        when = time.strftime("%H:%M" if made[:3] == time.localtime()[:3] else "%d %b", made)
        return f"{self.job.title} · {when}"  # not its state: the box would go on showing an old one


def all_runs() -> list[Run]:
    """Evaluations, the newest first: jobs, and stores that the command line wrote into the same place."""
    jobs = {job.name: job for job in list_jobs(KIND)}
    found = [Run(name, job.folder / STORE, job) for name, job in jobs.items() if not job.about.get("baselines_of")]
    stores = sorted(runs_folder().glob(f"*/{SETTINGS}"), key=lambda path: -path.stat().st_mtime)
    return [*found, *(Run(path.parent.name, path.parent, None) for path in stores)]


def waiting_jobs() -> list[Job]:
    """Evaluations that run or wait, in the order in which they will be done."""
    return sorted((job for job in list_jobs(KIND) if job.is_waiting), key=lambda job: job.status.queued)


def baselines_of(run: Run) -> Run | None:
    """The newest job that measures what the figures of a run are worth."""
    for job in list_jobs(KIND):
        if job.about.get("baselines_of") == run.name:
            return Run(job.name, job.folder / STORE, job)
    return None


def store_of(run: Run) -> Store:
    """The store of a run as it is now; kept in memory until it changes."""
    try:
        parts = [path.stat() for path in (run.folder / SETTINGS, *sorted(run.folder.glob("counts-*.parquet")))]
    except FileNotFoundError:
        parts = []
    return _opened(str(run.folder), tuple((part.st_mtime_ns, part.st_size) for part in parts))


@st.cache_resource(max_entries=4, show_spinner="Reading the counts …")
def _opened(folder: str, stamp: tuple[Any, ...]) -> Store:
    try:
        return open_store(folder)
    except UserError as error:
        raise UserError(_so_far(Path(folder), str(error))) from error


def _so_far(folder: Path, words: str) -> str:
    """A refusal that speaks of the whole split, of the pictures so far where more are to come."""
    if " of this split " not in words:
        return words
    settings, finished = read_settings(folder)
    done = len(read_parts(folder)[0])
    return words if finished else words.replace(" of this split ", f" of the {done} so far (of {settings.total}) ", 1)


def start(
    model: str, dataset: str, root: str, split: str, *, walk: str = "", multi: bool = False, flip: bool = True
) -> Job:
    """Evaluate a model of the shelf on a data set; ``walk`` names boundaries where maps are kept after the walk too."""
    common = ["--model", model, "--dataset", dataset, "--split", split, *(["--root", root] if root else [])]
    common += ["--scales", "multi" if multi else "1", "--flip" if flip else "--no-flip"]
    refine = ["--refine", "walk", "--boundary", walk] if walk else []
    title = f"{model} on {Path(root).name if root else dataset} {split}" + (", walked" if walk else "")
    return start_job(
        KIND,
        title,
        lambda folder: [KIND, *common, *refine, "--json-lines", "--out", str(folder / STORE)],
        about={"common": common, "model": model},
    )


def source_of(store: Store) -> str:
    """What the model of an evaluation is called by now: one that was renamed since is found by the hash of its file."""
    source = store.settings.source
    try:
        find_model(source)
    except UserError:
        found: str | None = find_by_sha256(store.settings.sha256)
        if found is None:
            raise
        return found
    return source


def start_baselines(run: Run, store: Store) -> Job:
    """Measure what knows nothing of the pictures, on the same pictures in the same way."""
    settings = store.settings
    common = ["--model", source_of(store), "--dataset", settings.dataset, "--split", settings.split]
    common += ["--root", settings.root] if settings.root else []
    common += ["--scales", ",".join(f"{scale:g}" for scale in settings.options.scales)]
    common += ["--flip" if settings.options.flip else "--no-flip", "--long-side", str(settings.options.long_side)]
    more = ["--baselines", "only", "--json-lines"]
    return start_job(
        KIND,
        f"baselines on {settings.dataset} {settings.split}",
        lambda folder: [KIND, *common, *more, "--out", str(folder / STORE)],
        about={"baselines_of": run.name},
    )


def progress(job: Job) -> tuple[float, str]:
    """How far a running job is, 0 … 1, and that in words with the time left."""
    if job.status.state == "queued":
        return 0.0, "Waiting for its turn: one evaluation or training runs at a time."
    events, _ = read_events(job)
    begun = max((i for i, event in enumerate(events) if event["event"] == "Started"), default=-1)
    steps = [event for event in events[begun + 1 :] if event["event"] == "EvalStep"]
    if not steps:
        return 0.0, "Loading the model and the data set …"
    last, before = steps[-1], steps[0]["done"] - 1
    seconds = time.time() - events[begun]["time"]
    left = (last["total"] - last["done"]) * seconds / max(1, last["done"] - before)
    return last["done"] / last["total"], f"{last['done']} of {last['total']} pictures, about {time_words(left)} left"


def time_words(seconds: float) -> str:
    """A time that is roughly known, in words."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def watch(job: Job) -> None:
    """Progress of a job that runs or waits, with a way to stop it.

    When it has ended, or its first pictures can be looked at, the whole page is drawn again.
    """
    run = Run(job.name, job.folder / STORE, job)
    had_pictures = has_pictures(run)

    @st.fragment(run_every="1s")
    def poll() -> None:
        now = next((j for j in list_jobs(KIND) if j.name == job.name), None)
        if now is None or not now.is_waiting or (has_pictures(run) and not had_pictures):
            st.rerun()
            return
        share, words = progress(now)
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.container():
                st.progress(share, f"**{plain(now.title)}** · {words}")
            if may_start() and st.button(
                "Stop", icon=":material/stop_circle:", key=f"stop-{now.name}", help="What is counted is kept."
            ):
                stop_job(now)

    poll()


def has_pictures(run: Run) -> bool:
    """Whether some pictures are counted and written."""
    return any(run.folder.glob("counts-*.parquet"))


def show_ended(job: Job) -> None:
    """What there is to say about a job that did not finish, and a way to go on with it."""
    words = {"stopped": "was stopped", "failed": "ended with an error", "interrupted": "was interrupted"}
    if job.status.state not in words:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        show = st.error if job.status.state == "failed" else st.info
        show(f"**{plain(job.title)}** {words[job.status.state]}. {plain(job.status.message)}")
        if may_start() and st.button("Go on", icon=":material/play_arrow:", key=f"resume-{job.name}"):
            try:
                resume_job(job)
            except UserError as error:
                st.error(plain(str(error)))
                return
            st.rerun()


def estimate(model: str, pictures: int) -> str:
    """About how long an evaluation takes, in words, from the size of the model's backbone."""
    try:
        small = read_header(known_models()[model])["backbone"] == "tiny"
    except (UserError, KeyError):
        small = False
    return time_words(5 + pictures * SECONDS["scenes" if small else "photos"])
