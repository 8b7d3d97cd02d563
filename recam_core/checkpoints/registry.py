"""The list of models: what stands on it in detail, renaming, deleting, and files that arrive to be imported."""

import contextlib
import hashlib
import itertools
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from safetensors import safe_open

from recam_core.checkpoints import pair_file
from recam_core.checkpoints.pair_file import (
    NAME_FILE,
    RUN_MODEL,
    find_model,
    known_models,
    model_name,
    read_header,
    standing,
    stored_readouts,
)
from recam_core.networks.readouts import NETWORKS, READOUTS
from recam_core.records import UserError
from recam_core.system import jobs
from recam_core.system.files import move_new, refusal, save_atomically
from recam_core.system.folders import may_start, models_folder, runs_folder
from recam_core.system.jobs import JOB, Job, is_busy, list_jobs

TAKEN_FROM = ("--model", "--stage1", "--weights", "--onto")  # flags of commands that name a model or a file
ARRIVING = ".arriving-"  # folders for files that are looked at and imported
FORGOTTEN = 6 * 3600  # seconds after which such a folder was left behind by a process that was killed
READ_ONLY = "This server only shows the models that are there: its operator has switched off changing them."


@dataclass(frozen=True, eq=False)
class ModelEntry:
    """A model in the list of models: where it stands, what its header says, or the sentence why it cannot be read.

    ``title`` is what a person reads: the name, or what its run was called. ``size`` in bytes, ``changed`` in seconds since 1970.
    """

    name: str
    path: Path
    kind: str
    title: str
    size: int
    changed: float
    fault: str = ""
    header: Mapping[str, Any] = field(default_factory=dict)
    has_boundaries: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of its classes; none where it cannot be read."""
        return tuple(self.header.get("classes", ()))

    @property
    def backbone(self) -> str:
        """Its backbone's name in the registry."""
        return str(self.header.get("backbone", ""))

    @property
    def readouts(self) -> tuple[str, ...]:
        """The readouts that it really has."""
        return stored_readouts(self.header) if self.header else tuple(READOUTS)

    @property
    def networks(self) -> tuple[str, ...]:
        """Which of ``NETWORKS`` it really has."""
        return tuple(self.header.get("heads", NETWORKS))

    @property
    def card(self) -> Mapping[str, Any]:
        """What travels with the weights: training settings, scores, a warning."""
        card: Mapping[str, Any] = self.header.get("card", {})
        return card


def model_entries() -> list[ModelEntry]:
    """Every model: bundled, trained here, imported. Files are read again only where they changed."""
    entries = []
    for place in standing():
        is_nameless = place.kind == "trained" and place.name == place.path.parent.name
        title = (_run_title(str(place.path.parent)) if is_nameless else "") or place.name
        try:
            stat = place.path.stat()
        except FileNotFoundError:  # it was taken away meanwhile
            continue
        except OSError as error:  # a link that leads to itself, a folder that may not be looked into
            fault = f"{place.path.name} cannot be read ({error.strerror})."
            entries.append(ModelEntry(place.name, place.path, place.kind, title, 0, 0, fault))
            continue
        header, has_boundaries, fault = _described(str(place.path), stat.st_mtime_ns, stat.st_size)
        entries.append(
            ModelEntry(
                place.name,
                place.path,
                place.kind,
                title,
                stat.st_size,
                stat.st_mtime,
                fault,
                header,
                has_boundaries,
            )
        )
    return entries


def model_entry(name: str) -> ModelEntry:
    """One model by its name; ``UserError`` where none has it."""
    for entry in model_entries():
        if entry.name == name:
            return entry
    raise UserError(
        f"There is no model “{name[:60]}” listed under Models any more; it may have been renamed or deleted."
    )


def model_sha256(entry: ModelEntry) -> str:
    """SHA-256 of a model's file, read again only where it changed."""
    return file_sha256(entry.path)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, read again only where it changed; ``UserError`` where it cannot be read."""
    try:
        stat = path.stat()
        return _digest(str(path), stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise UserError(f"{path.name} cannot be read ({error.strerror}).") from error


def model_file(name: str) -> Path | None:
    """The file of a model to hand out, links followed; None where it cannot be read or lies in no folder of models."""
    entry = next((entry for entry in model_entries() if entry.name == name), None)
    if entry is None or entry.fault:
        return None
    path = _real(entry.path)
    is_here = any(
        path.is_relative_to(folder) for folder in (models_folder(), runs_folder(), pair_file.BUNDLED_MODELS.resolve())
    )
    return path if is_here and path.is_file() else None


def names_file(source: str, sha256: str) -> bool:
    """Whether a model's name, file or run folder still leads to the file with this hash."""
    try:
        return file_sha256(find_model(source)) == sha256
    except UserError:
        return False


def find_by_sha256(sha256: str) -> str | None:
    """The name under which a file stands in the list of models by now, whatever it was called before."""
    return next((entry.name for entry in model_entries() if not entry.fault and model_sha256(entry) == sha256), None)


def check_model_name(name: str) -> str:
    """A name that may be given to a model: one for files, links and commands that no other model has.

    Raises ``UserError`` for any other name.
    """
    name = model_name(name)
    if name in known_models():
        raise UserError(_taken(name))
    return name


def rename_model(name: str, new: str) -> str:
    """Give a model of one's own another name and return it; its file stays byte for byte what it is, and so does its hash.

    Raises ``UserError`` where it is bundled or in use, the name cannot be given, or the folder refuses.
    """
    entry = _own(name, "renamed")
    if new.strip() == name:
        return name
    new = check_model_name(new)
    if entry.kind == "trained":  # the file in a run's folder keeps its place, so that the run can go on
        save_atomically(entry.path.with_name(NAME_FILE), new.encode())
        return new
    try:
        move_new(entry.path, entry.path.with_name(f"{new}.safetensors"))
    except FileExistsError as error:  # somebody was quicker
        raise UserError(_taken(new)) from error
    except OSError as error:
        raise UserError(f"“{name}” could not be renamed ({error.strerror}); check the folder's permissions.") from error
    return new


def delete_model(name: str, *, whole_run: bool = False) -> None:
    """Take a model of one's own from the list for good; of a trained one the file alone, or the run's folder too.

    Raises ``UserError`` where it is bundled or in use, or the folder refuses.
    """
    entry = _own(name, "deleted")
    try:
        if whole_run and entry.kind == "trained":
            shutil.rmtree(entry.path.parent)
        else:
            entry.path.unlink()
    except OSError as error:
        raise UserError(f"“{name}” could not be deleted ({error.strerror}); check the folder's permissions.") from error


def delete_run(folder: Path) -> None:
    """Delete a run's folder with everything in it, its model too; ``UserError`` while it, or a job that needs it, is not over."""
    whole = _real(folder)
    if users := [job.title for job, needed in _needed() if any(path.is_relative_to(whole) for path in needed)]:
        raise UserError(
            f"The job “{users[0]}” needs the model of the run {folder.name}; wait for it or stop it before it is deleted."
        )
    jobs.delete_run(folder)


def needs(job: Job, known: Mapping[str, Path] | None = None) -> set[Path]:
    """The model files that a job's command reads, links followed, written yet or not; ``known`` stand in the list of models."""
    known = known_models() if known is None else known
    words = list(job.arguments)
    values = {value for flag, value in itertools.pairwise(words) if flag in TAKEN_FROM}
    values |= {
        value for flag, equals, value in (word.partition("=") for word in words) if equals and flag in TAKEN_FROM
    }
    paths = set()
    for value in values - {""}:
        with contextlib.suppress(ValueError):  # a zero byte, which no path has
            path = _real(known.get(value, value))
            paths.add(path / RUN_MODEL if os.path.isdir(path) else path)
    return paths


def place_for(name: str) -> Path:
    """Where a model that is imported under a name is to be written; the name must be free."""
    _check_may_change()
    return _models_folder_made() / f"{check_model_name(name)}.safetensors"


@contextlib.contextmanager
def arriving() -> Iterator[Path]:
    """A folder beside the models for files that are looked at and imported; it is gone after the block, however that ends.

    Raises ``UserError`` where none can be made.
    """
    _check_may_change()
    folder = _models_folder_made()
    for forgotten in folder.glob(f"{ARRIVING}*"):
        with contextlib.suppress(FileNotFoundError):  # its own process took it away meanwhile
            if time.time() - forgotten.stat().st_mtime > FORGOTTEN:
                shutil.rmtree(forgotten, ignore_errors=True)
    try:
        made = tempfile.TemporaryDirectory(prefix=ARRIVING, dir=folder)
    except OSError as error:
        raise UserError(_no_folder(folder, error)) from error
    with made as place:
        yield Path(place)


def write_arrived(folder: Path, files: Sequence[tuple[str, bytes]]) -> list[Path]:
    """Write what somebody sent (names, contents) into such a folder; names are kept as far as they are harmless.

    Raises ``UserError`` where the disk refuses.
    """
    paths = []
    for n, (name, data) in enumerate(files):
        path = folder / f"{n}" / (re.sub(r"[^\w.-]", "_", Path(name).name)[-80:].lstrip(".") or "file")
        try:
            path.parent.mkdir()
        except OSError as error:
            raise UserError(refusal(error, path, len(data))) from error
        save_atomically(path, data)
        paths.append(path)
    return paths


def _own(name: str, done: str) -> ModelEntry:
    """A model that may be changed: not a bundled one, and none that a job needs at this moment."""
    _check_may_change()
    entry = model_entry(name)
    if entry.kind == "bundled":
        raise UserError(f"“{name}” is bundled with the project and cannot be {done}.")
    run = entry.path.parent
    if entry.kind == "trained" and is_busy(run):
        raise UserError(f"The run of “{name}” is not over; stop it before its model is {done}.")
    ways = {entry.path, _real(entry.path)}  # a link goes, what it leads to stays
    if users := [job.title for job, needed in _needed() if ways & needed]:
        raise UserError(f"The job “{users[0]}” needs “{name}”; wait for it or stop it before the model is {done}.")
    return entry


def _real(path: str | Path) -> Path:
    """A path with links followed, as far as they lead anywhere."""
    return Path(os.path.realpath(path))


def _check_may_change() -> None:
    if not may_start():
        raise UserError(READ_ONLY)


def _models_folder_made() -> Path:
    folder = models_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(_no_folder(folder, error)) from error
    return folder


def _no_folder(folder: Path, error: OSError) -> str:
    return f"Nothing can be written into the folder of models {folder} ({error.strerror}); set RECAM_MODELS to another one."


def _taken(name: str) -> str:
    return f"There is a model called “{name}” already; choose another name."


def _needed() -> list[tuple[Job, set[Path]]]:
    """Every job that runs or waits, with the model files that it reads."""
    known = known_models()
    return [(job, needs(job, known)) for job in list_jobs() if job.is_waiting]


@lru_cache(maxsize=512)
def _described(path: str, changed: int, size: int) -> tuple[Mapping[str, Any], bool, str]:
    """Header of a file as it was then, whether it has boundary branches, and what is wrong with it."""
    try:
        header = read_header(Path(path))
        with safe_open(path, framework="pt") as file:
            names = file.keys()
        return header, any(name.startswith("boundary.") for name in names), ""
    except UserError as error:
        return {}, False, str(error)


@lru_cache(maxsize=512)
def _digest(path: str, changed: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=512)
def _run_title(run: str) -> str:
    """What a run was called when it was started: its description is never changed."""
    try:
        return str(json.loads(Path(run, JOB).read_text("utf-8"))["title"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
