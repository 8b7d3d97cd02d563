"""Trainings on this server: found below the runs' folder, started, gone on with, and followed by boundary branches."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from recam_core import Picture, UserError, write_folder
from recam_core.checkpoints.pair_file import RUN_MODEL
from recam_core.images.visualise import png_bytes
from recam_core.records import BoundaryConfig, TrainConfig, flags_of, from_plain
from recam_core.system.folders import UPLOADS, runs_folder
from recam_core.system.history import HISTORY, read_history
from recam_core.system.jobs import ERRORS, Job, list_jobs, start_job, stop_job
from recam_core.training.run_folder import CHECKPOINT, SETTINGS, read_run
from ui.train.history import History, make_history
from ui.widgets.jobs import when_words

KIND, BOUNDARY = "train", "train-boundary"
ERRORS_READ = 16_384  # bytes at the end of that file


@dataclass(frozen=True, eq=False)
class Run:
    """One training: its name in links, its folder, and the job that does it (None: made without the app)."""

    name: str
    folder: Path
    job: Job | None

    @property
    def label(self) -> str:
        """What a person called it."""
        return self.name if self.job is None else self.job.title

    @property
    def title(self) -> str:
        """The same with when it was asked for, which tells runs of one name apart."""
        return self.label if self.job is None else f"{self.label} · {when_words(self.job.status.queued)}"

    @property
    def waits(self) -> bool:
        """Whether it is being trained, or will be."""
        return self.job is not None and self.job.is_waiting

    @property
    def state(self) -> str:
        """One of the states of jobs; of a run without one "done" where its model is there, else "unknown"."""
        if self.job is not None:
            return self.job.status.state
        return "done" if self.has_model else "unknown"

    @property
    def seconds(self) -> float:
        """How long its job took from its (last) start to its end; 0 where nobody knows."""
        status = None if self.job is None else self.job.status
        return (
            0.0 if status is None or status.started is None or status.ended is None else status.ended - status.started
        )

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is something to go on from."""
        return (self.folder / CHECKPOINT).is_file()

    @property
    def has_model(self) -> bool:
        """Whether its model is written."""
        return (self.folder / RUN_MODEL).is_file()


def all_runs() -> list[Run]:
    """Trainings, the newest first: jobs, and folders that the command line wrote into the same place."""
    jobs = list_jobs()
    made = [(job.status.queued, Run(job.name, job.folder, job)) for job in jobs if job.kind == KIND]
    names = {job.name for job in jobs}
    for path in runs_folder().glob(f"*/{SETTINGS}"):
        if path.parent.name not in names and _is_training(path.parent):
            made.append((path.stat().st_mtime, Run(path.parent.name, path.parent, None)))
    return [run for _, run in sorted(made, key=lambda pair: -pair[0])]


def labels(runs: Sequence[Run]) -> dict[str, str]:
    """What runs are called in lists, by their names; one called like an older one has a number, because lists tell by words."""
    called: dict[str, str] = {}
    for run in reversed(runs):  # the oldest first, so that a new one changes no label
        taken = set(called.values())
        words = (run.label, *(f"{run.label} ({n})" for n in range(2, len(runs) + 2)))
        called[run.name] = next(label for label in words if label not in taken)
    return called


def _is_training(folder: Path) -> bool:
    """Whether a folder holds a training; one with a history whose settings are damaged is shown, and says so."""
    try:
        return read_run(folder).kind == KIND
    except UserError:
        return (folder / HISTORY).is_file()


def settings_of(run: Run) -> TrainConfig:
    """What a run was asked for, be it not begun; ``UserError`` where that cannot be read."""
    if not (run.folder / SETTINGS).exists() and run.job is not None and run.job.about.get("config"):
        return config_from(run.job.about["config"])
    config = read_run(run.folder).config
    if not isinstance(config, TrainConfig):
        raise UserError(
            f"The run {run.name} trained boundary branches; it is shown beside the model that they belong to."
        )
    return config


def config_from(plain: Mapping[str, Any]) -> TrainConfig:
    """Settings out of plain data; ``UserError`` where a value makes no sense. What is unknown is passed over."""
    try:
        return from_plain(TrainConfig, plain)
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"These settings of a training cannot be read: {error}.") from error


def history_of(run: Run) -> History:
    """What a run has said so far."""
    return _made(str(run.folder), _stamp(run.folder / HISTORY))


@st.cache_resource(max_entries=8, show_spinner=False)
def _made(folder: str, stamp: tuple[int, int]) -> History:
    return make_history(read_history(Path(folder)))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


def start(config: TrainConfig, title: str = "", pictures: Sequence[Picture] = (), size: int = 0) -> Job:
    """Put a training into the queue; ``pictures`` are kept in its folder and watched beside those of the settings.

    ``size`` is the number of pictures of the data set, for the time left.
    """

    def arguments(folder: Path) -> list[str]:
        files = {f"{UPLOADS}/{_file_name(one.name, i)}": png_bytes(one.pixels) for i, one in enumerate(pictures)}
        write_folder(files, folder)
        mine = replace(config, watch=(*config.watch, *(str(folder / name) for name in files)))
        return [KIND, *flags_of(mine), "--out", str(folder), "--json-lines"]

    about = {"config": asdict(config), "pictures": size}
    return start_job(KIND, title or title_of(config), arguments, again=("--resume",), about=about)


def _file_name(name: str, number: int) -> str:
    """A name on this server for a picture that somebody brought along: nothing of it but letters and digits."""
    return f"{re.sub('[^A-Za-z0-9]+', '-', Path(name).stem).strip('-')[:40] or 'picture'}-{number + 1}.png"


def title_of(config: TrainConfig) -> str:
    """What a run is called unless somebody says otherwise."""
    data = Path(config.root).name if config.root else config.dataset
    stage = " · stage 2 only" if config.stage1 else ""
    return f"{config.backbone} on {data} {config.split}".strip() + stage


def start_boundary(run: Run, config: BoundaryConfig) -> Job:
    """Queue the training of boundary branches on a run's model: it begins when that run has ended."""
    return start_job(
        BOUNDARY,
        f"boundary branches of {run.label}",
        lambda folder: [
            BOUNDARY,
            f"--model={run.folder}",
            *flags_of(config),
            "--out",
            str(folder),
            "--json-lines",
        ],
        again=("--resume",),
        about={"boundary_of": run.name, "config": asdict(config)},
    )


def boundaries_of(run: Run) -> list[Job]:
    """Boundary trainings on a run's model, the newest first."""
    return [job for job in list_jobs(BOUNDARY) if job.about.get("boundary_of") == run.name]


def stop(run: Run) -> None:
    """Stop a run, and what would follow it: without its model that has nothing to train on."""
    if run.job is None:
        return
    for job in boundaries_of(run):
        if job.status.state == "queued":
            stop_job(job)
    stop_job(run.job)


def last_events(run: Run, count: int) -> list[str]:
    """The last events of a run as lines for people, the newest last."""
    lines = []
    for event in read_history(run.folder)[-count:]:
        when = (
            time.strftime("%H:%M:%S", time.localtime(event["time"]))
            if isinstance(event.get("time"), int | float)
            else ""
        )
        fields = ", ".join(f"{name} {_short(value)}" for name, value in event.items() if name not in ("event", "time"))
        lines.append(f"{when}  {event.get('event')}  {fields}")
    return lines


def last_errors(run: Run, count: int) -> list[str]:
    """The last lines that a run's command said of what went wrong; none where it said nothing."""
    try:
        with (run.folder / ERRORS).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - ERRORS_READ))
            lines = file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if line.strip()][-count:]


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} {_short(one)}" for name, one in value.items()) + "}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
