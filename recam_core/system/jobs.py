"""Long work as processes that outlive the page: a command of the CLI, its folder, its events, its turn.

A run is a folder below ``RECAM_RUNS`` (``runs/`` by default) with ``job.json`` (what is done, never changed), ``status.json``
(how far it is), ``events.jsonl`` (what the command says with ``--json-lines``) and ``errors.txt``. A runner
(``recam_core.system.job_runner``) waits until its turn has come, runs the command and writes the status. It needs no app:
whoever reads the folder sees the same, also after the app was started again. One command runs at a time.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from recam_core.records import UserError, from_plain
from recam_core.system.event_lines import read_lines
from recam_core.system.files import save_atomically
from recam_core.system.folders import may_start, runs_folder
from recam_core.system.history import HISTORY
from recam_core.system.locks import is_held

JOB, STATUS, EVENTS, ERRORS, LOCK = "job.json", "status.json", "events.jsonl", "errors.txt", ".keeper"
WAITING, ENDED = ("queued", "running"), ("done", "stopped", "failed", "interrupted")
STARTING = 20.0  # seconds that a runner may take to be there
FULL = 1 << 20  # bytes that are left on a disk that counts as full
QUEUE = 16  # jobs that may wait for their turn
LAST_MOMENT = 2.0**33  # in the year 2242; clocks do not show what is far beyond
TAIL = 1 << 16  # bytes from the end of the events in which the last ones are looked for
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Status:
    """How far a job is: one of ``WAITING`` and ``ENDED``; times in seconds since 1970; ``message`` is its last words."""

    state: str = "queued"
    queued: float = 0.0
    started: float | None = None
    ended: float | None = None
    message: str = ""


@dataclass(frozen=True)
class Job:
    """One run: what for (``kind``, ``title``, ``about``: plain data of whoever started it), its command, and its status.

    ``again`` are arguments that the command takes in addition when it goes on after a stop.
    """

    folder: Path
    kind: str
    title: str
    arguments: tuple[str, ...]
    again: tuple[str, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    status: Status = field(default_factory=Status)

    @property
    def name(self) -> str:
        """The folder's name: how a link names the run."""
        return self.folder.name

    @property
    def is_waiting(self) -> bool:
        """Whether it runs or will run."""
        return self.status.state in WAITING


def start_job(
    kind: str,
    title: str,
    arguments: Callable[[Path], Sequence[str]],
    again: Sequence[str] = (),
    about: Mapping[str, Any] | None = None,
) -> Job:
    """Put a command into the queue; ``arguments(folder)`` names its files inside the new run's folder.

    Raises ``UserError`` where the operator has switched that off, or no folder can be made.
    """
    _check_may_start()
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    slug = re.sub("[^a-z0-9]+", "-", f"{kind} {title}".lower()).strip("-")[:40].strip("-")
    try:
        runs_folder().mkdir(parents=True, exist_ok=True)
        places = (runs_folder() / f"{stamp}-{slug}{f'-{n}' if n else ''}" for n in range(1000))
        folder = next(place for place in places if _is_made(place))
    except OSError as error:
        raise UserError(
            f"No run can be started in {runs_folder()} ({error.strerror}); set RECAM_RUNS to another folder."
        ) from error
    try:
        job = Job(folder, kind, title, tuple(arguments(folder)), tuple(again), dict(about or {}))
        described = {name: value for name, value in asdict(job).items() if name not in ("folder", "status")}
        save_atomically(folder / JOB, json.dumps(described, ensure_ascii=False, indent=1).encode())
        return _queue(job)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # a full disk: nothing is begun
        raise


def resume_job(job: Job) -> Job:
    """Put a job that has ended back into the queue; what it kept is gone on with; ``UserError`` for one that has not ended."""
    _check_may_start()
    if read_job(job.folder).is_waiting:
        raise UserError(f"“{job.title}” is running or queued already.")
    return _queue(job)


def stop_job(job: Job) -> None:
    """Ask a job to end, as Ctrl-C does: what it has is kept. Nothing happens where it has ended.

    Raises ``UserError`` where the operator has switched that off.
    """
    if not may_start():
        raise UserError(
            "This server only shows what was computed before: its operator has switched off starting and stopping jobs."
        )
    if not is_held(job.folder / LOCK):
        if (job := read_job(job.folder)).is_waiting:  # its runner is not there yet, and will find this
            words = "Stopped before it began."
            write_status(job, replace(job.status, state="stopped", ended=time.time(), message=words))
        return
    with contextlib.suppress(ValueError, ProcessLookupError):  # it is just ending
        os.kill(int((job.folder / LOCK).read_text("utf-8")), signal.SIGTERM)


def list_jobs(kind: str | None = None, runs: Path | None = None) -> list[Job]:
    """All runs, the newest first; of one kind where it is given. Folders that are no runs are passed over."""
    listed = []
    for path in sorted((runs or runs_folder()).glob(f"*/{JOB}"), reverse=True):
        with contextlib.suppress(UserError):
            listed.append(read_job(path.parent))
    return [job for job in listed if kind in (None, job.kind)]


def damaged_runs(runs: Path | None = None) -> list[tuple[Path, str]]:
    """Folders that are runs and cannot be read, each with the reason: they are passed over, and may be deleted."""
    damaged = []
    for path in sorted((runs or runs_folder()).glob(f"*/{JOB}"), reverse=True):
        try:
            read_job(path.parent)
        except UserError as error:
            damaged.append((path.parent, str(error)))
    return damaged


def delete_run(folder: Path) -> None:
    """Delete a run's folder with everything in it, its model too; ``UserError`` while it runs or waits."""
    if not may_start():
        raise UserError("This server only shows what was computed before: its operator has switched off deleting runs.")
    if folder.is_symlink() or folder.resolve().parent != runs_folder() or not folder.is_dir():
        raise UserError(f"There is no run {folder.name[:60]!r} on this server; choose one that is listed.")
    if is_busy(folder):
        raise UserError(f"The run {folder.name} is running or queued; stop it before it is deleted.")
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise UserError(f"The run {folder.name} could not be deleted whole ({error.strerror}).") from error


def is_busy(folder: Path) -> bool:
    """Whether a run's folder is being worked in, or will be; one that cannot be read is not, unless a process holds it."""
    if is_held(folder / HISTORY) or is_held(
        folder / LOCK
    ):  # the first alone: a command without a job is training in it
        return True
    try:
        return read_job(folder).is_waiting
    except UserError:
        return False


def find_job(name: str) -> Job:
    """A run by its name; ``UserError`` where there is none."""
    is_name = re.fullmatch(r"[\w-][\w.-]*", name) is not None and len(name.encode()) <= 255
    if not is_name or not (runs_folder() / name / JOB).is_file():
        raise UserError(f"There is no run {name[:60]!r} on this server; choose one that is listed, or start another.")
    return read_job(runs_folder() / name)


def read_job(folder: Path) -> Job:
    """A run as its folder tells it; one whose runner is gone without a last word is "interrupted".

    Raises ``UserError`` where that cannot be read.
    """
    try:
        status = _read_status(folder)
        job = from_plain(Job, json.loads((folder / JOB).read_text("utf-8")), folder=folder, status=status)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"The run {folder.name} cannot be read: {JOB} or {STATUS} is missing or damaged ({str(error)[:200]})."
        ) from error
    if not job.is_waiting or is_held(folder / LOCK) or time.time() - status.queued < STARTING:
        return job
    status = _read_status(folder)  # it may have ended while we looked
    if status.state in WAITING:
        words = (
            "It ended without a word: its process was killed (when memory runs out, the system kills one), or the machine was "
            "switched off. What it kept is there: go on, with smaller batches or a smaller working size if it happens again."
        )
        if is_full(folder):
            words = "It ended because no space is left on the disk of the runs. Free some, and go on with it."
        status = replace(status, state="interrupted", message=words)
    return replace(job, status=status)


def read_events(job: Job, start: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Events from byte ``start`` on, and where to read on; a line that is still being written is left for then."""
    return read_lines(job.folder / EVENTS, start)


def last_event(job: Job, kind: str) -> dict[str, Any] | None:
    """The last event of a kind (its class's name) that is near the end of what the command said."""
    path = job.folder / EVENTS
    start = max(0, path.stat().st_size - TAIL) if path.exists() else 0
    events, _ = read_events(job, start)
    return next((event for event in reversed(events) if event.get("event") == kind), None)


def environment() -> dict[str, str]:
    """For a process of ours: that of this process, with the project where Python finds it from any folder."""
    paths = (str(ROOT), os.environ.get("PYTHONPATH", ""))
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def runner_command(folder: Path) -> list[str]:
    """What runs as a job's runner."""
    return [sys.executable, "-m", "recam_core.system.job_runner", str(folder)]


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder has no room for another file of ours."""
    try:
        return shutil.disk_usage(folder).free < FULL
    except OSError:
        return False


def _queue(job: Job) -> Job:
    job = replace(job, status=Status(queued=time.time()))
    write_status(job, job.status)
    nothing = subprocess.DEVNULL
    runner = subprocess.Popen(
        runner_command(job.folder),
        stdin=nothing,
        stdout=nothing,
        stderr=nothing,
        env=environment(),
        start_new_session=True,
    )
    threading.Thread(target=runner.wait, daemon=True).start()  # nobody else would take note of its end
    return job


def _is_made(place: Path) -> bool:
    try:
        place.mkdir()
    except FileExistsError:
        return False
    return True


def write_status(job: Job, status: Status) -> None:
    """Replace what is known of how far a job is."""
    save_atomically(job.folder / STATUS, json.dumps(asdict(status), ensure_ascii=False).encode())


def _read_status(folder: Path) -> Status:
    status = from_plain(Status, json.loads((folder / STATUS).read_text("utf-8")))
    if status.state not in (*WAITING, *ENDED):
        raise ValueError(f"state: expected one of {', '.join((*WAITING, *ENDED))}, got {status.state[:40]!r}")
    if not all(0 <= (moment or 0) < LAST_MOMENT for moment in (status.queued, status.started, status.ended)):
        raise ValueError("expected times in seconds since 1970")
    return status


def _check_may_start() -> None:
    if not may_start():
        raise UserError("This server only shows what was computed before: its operator has switched off starting jobs.")
    waiting = sum(job.status.state == "queued" for job in list_jobs())
    if waiting >= QUEUE:
        raise UserError(
            f"At most {QUEUE} jobs may wait for their turn, and {waiting} do; wait until some have run, or stop some."
        )
