"""Evaluations on this server: found below the runs' folder, started, watched, stopped and gone on with."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from recam_core import Store, UserError, known_models, open_store, read_header
from recam_core.cam.methods import is_method
from recam_core.checkpoints.pair_file import find_model
from recam_core.checkpoints.registry import find_by_sha256, names_file
from recam_core.evaluation.store import read_entries, read_settings
from recam_core.refiners import REFINERS
from recam_core.system.folders import runs_folder
from recam_core.system.jobs import Job, list_jobs, read_events, start_job
from ui.widgets import jobs
from ui.widgets.jobs import time_words

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
        # not its state: the box would go on showing an old one
        return f"{self.job.title} · {jobs.when_words(self.job.status.queued)}"


def all_runs() -> list[Run]:
    """Evaluations, the newest first: jobs, and stores that the command line wrote into the same place."""
    runs = [Run(job.name, job.folder / STORE, job) for job in list_jobs(KIND) if not job.about.get("baselines_of")]
    stores = sorted(runs_folder().glob(f"*/{SETTINGS}"), key=lambda path: -path.stat().st_mtime)
    return [*runs, *(Run(path.parent.name, path.parent, None) for path in stores)]


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
    return _store(str(run.folder), tuple((part.st_mtime_ns, part.st_size) for part in parts))


def model_of(run: Run) -> str:
    """The name of the model that was evaluated, "" where its store cannot be read."""
    try:
        return store_of(run).settings.model
    except UserError:
        return ""


@st.cache_resource(max_entries=4, show_spinner="Reading the counts …")
def _store(folder: str, stamp: tuple[Any, ...]) -> Store:
    try:
        return open_store(folder)
    except UserError as error:
        raise UserError(_so_far(Path(folder), str(error))) from error


def _so_far(folder: Path, words: str) -> str:
    """A refusal that speaks of the whole split, of the pictures so far where more are to come."""
    if " of this split " not in words:
        return words
    settings, finished = read_settings(folder)
    done = len(read_entries(folder))
    return words if finished else words.replace(" of this split ", f" of the {done} so far (of {settings.total}) ", 1)


def offers() -> dict[str, str]:
    """What else may be counted beside the maps as they are, in words."""
    offered = {key: words for refiner in REFINERS.values() for key, (words, _) in refiner.offers.items()}
    return {"": "no: the maps as they are"} | offered


def start(
    model: str,
    dataset: str,
    root: str,
    split: str,
    *,
    walk: str = "",
    multi: bool = False,
    flip: bool = True,
    methods: Sequence[str] = (),
    localisation: bool = False,
) -> Job:
    """Evaluate a model of the list on a data set; maps of a refiner, by one of its offers, and of ``methods`` are counted too."""
    common = ["--model", model, "--dataset", dataset, "--split", split, *(["--root", root] if root else [])]
    common += ["--scales", "multi" if multi else "1", "--flip" if flip else "--no-flip"]
    refine: list[str] = []
    more = ["--methods", ",".join(methods)] if methods else []
    more += ["--localisation"] if localisation else []
    title = f"{model} on {Path(root).name if root else dataset} {split}"
    for name, refiner in REFINERS.items():
        if walk in refiner.offers:
            refine = ["--refine", name, *refiner.offers[walk][1]]
            title += f", {refiner.label}"
    return start_job(
        KIND,
        title,
        lambda folder: [KIND, *common, *refine, *more, "--json-lines", "--out", str(folder / STORE)],
        about={"common": common, "model": model},
    )


def source_of(store: Store) -> str:
    """What the model of an evaluation is called by now: found by the hash of its file, where its name is gone or another's."""
    source, sha256 = store.settings.source, store.settings.sha256
    if names_file(source, sha256):
        return source
    name: str | None = find_by_sha256(sha256)
    if name is None:
        find_model(source)  # where there is none of that name, it says which there are
        raise UserError(changed_words(store))
    return name


def changed_words(store: Store) -> str:
    """What there is to say where a model's name leads to another file than the one that was evaluated."""
    return (
        f"The model {store.settings.model} has changed since this evaluation, so its maps cannot be shown, nor can more be "
        "measured with it; the figures stay what they were. Evaluate it again to see them."
    )


def start_baselines(run: Run, store: Store) -> Job:
    """Measure what knows nothing of the pictures, on the same pictures in the same way."""
    settings = store.settings
    common = ["--model", source_of(store), "--dataset", settings.dataset, "--split", settings.split]
    common += ["--root", settings.root] if settings.root else []
    common += ["--scales", ",".join(f"{scale:g}" for scale in settings.options.scales)]
    common += ["--flip" if settings.options.flip else "--no-flip", "--long-side", str(settings.options.long_side)]
    common += ["--stretch"] if settings.options.stretch else []
    common += ["--localisation"] if settings.localisation else []
    methods = [name for name in settings.maps if is_method(name)]
    more = ["--baselines", "only", *(["--methods", ",".join(methods)] if methods else []), "--json-lines"]
    return start_job(
        KIND,
        f"baselines on {settings.dataset} {settings.split}",
        lambda folder: [KIND, *common, *more, "--out", str(folder / STORE)],
        about={"baselines_of": run.name},
    )


def progress(job: Job) -> tuple[float, str]:
    """How far a running job is, 0 … 1, and that in words with the time left."""
    events, _ = read_events(job)
    start = max((i for i, event in enumerate(events) if event["event"] == "Started"), default=-1)
    steps = [event for event in events[start + 1 :] if event["event"] == "EvalStep"]
    if not steps:
        return 0.0, "Loading the model and the data set …"
    last, before = steps[-1], steps[0]["done"] - 1
    seconds = time.time() - events[start]["time"]
    remaining = (last["total"] - last["done"]) * seconds / max(1, last["done"] - before)
    if last["done"] == last["total"]:
        return 1.0, f"All {last['total']} pictures are looked at; the last counts are being written …"
    words = f"{last['done']} of {last['total']} pictures looked at, about {time_words(remaining)} left"
    return last["done"] / last["total"], words


def watch(job: Job, looked_at: bool) -> None:
    """Progress of a job that runs or waits; whenever more of what is ``looked_at`` is written, the whole page is drawn again."""
    run = Run(job.name, job.folder / STORE, job)
    before = written_parts(run)
    jobs.watch(job, progress, "What is counted is kept.", lambda: looked_at and written_parts(run) != before)


def written_parts(run: Run) -> int:
    """How many parts of the counts are written; none while no picture can be looked at."""
    return len(list(run.folder.glob("counts-*.parquet")))


def estimate(model: str, pictures: int) -> str:
    """About how long an evaluation takes, in words, from the size of the model's backbone."""
    try:
        small = read_header(known_models()[model])["backbone"] == "tiny"
    except (UserError, KeyError):
        small = False
    return time_words(5 + pictures * SECONDS["scenes" if small else "photos"])
