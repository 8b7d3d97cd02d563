"""The shelf in order: what stands on it in detail, renaming, deleting, and files that arrive to be imported."""

import contextlib
import hashlib
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

from recam_core.files import save_atomically
from recam_core.jobs import JOB, list_jobs, may_start, read_job
from recam_core.records import READOUTS, UserError
from recam_core.roots import models_folder
from recam_core.shelf import NAME_FILE, known_models, read_header, standing

NAME = re.compile(r"\w[\w.-]{0,59}")
ARRIVING = ".arriving-"  # folders for files that are looked at and imported
FORGOTTEN = 6 * 3600  # seconds after which such a folder was left behind by a process that was killed
READ_ONLY = "This server only shows the models that are there: its operator has switched off changing them."


@dataclass(frozen=True, eq=False)
class ShelfEntry:
    """A model on the shelf: where it stands, what its header says, or the sentence why it cannot be read.

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
        return tuple(self.header.get("readouts", READOUTS))

    @property
    def card(self) -> Mapping[str, Any]:
        """What travels with the weights: training settings, scores, a warning."""
        card: Mapping[str, Any] = self.header.get("card", {})
        return card


def shelf_entries() -> list[ShelfEntry]:
    """Every model: bundled, trained here, imported. Files are read again only where they changed."""
    entries = []
    for place in standing():
        with contextlib.suppress(FileNotFoundError):  # it was taken away meanwhile
            stat = place.path.stat()
            header, has_boundaries, fault = _described(str(place.path), stat.st_mtime_ns, stat.st_size)
            is_nameless = place.kind == "trained" and place.name == place.path.parent.name
            title = _run_title(str(place.path.parent)) if is_nameless else ""
            entries.append(
                ShelfEntry(
                    place.name,
                    place.path,
                    place.kind,
                    title or place.name,
                    stat.st_size,
                    stat.st_mtime,
                    fault,
                    header,
                    has_boundaries,
                )
            )
    return entries


def shelf_entry(name: str) -> ShelfEntry:
    """One model by its name."""
    for entry in shelf_entries():
        if entry.name == name:
            return entry
    raise UserError(f"There is no model “{name[:60]}” on the shelf any more; it may have been renamed or deleted.")


def model_sha256(entry: ShelfEntry) -> str:
    """SHA-256 of a model's file, read again only where it changed."""
    stat = entry.path.stat()
    return _digest(str(entry.path), stat.st_mtime_ns, stat.st_size)


def find_by_sha256(sha256: str) -> str | None:
    """The name under which a file stands on the shelf by now, whatever it was called before."""
    return next((entry.name for entry in shelf_entries() if not entry.fault and model_sha256(entry) == sha256), None)


def check_model_name(name: str) -> str:
    """A name that may be given to a model: one for files, links and commands that no other model has."""
    name = name.strip()
    if not NAME.fullmatch(name):
        raise UserError(
            f"“{name[:60]}” cannot be a model's name: it takes letters, digits, “-”, “_” and “.”, at most 60 of them, and "
            "starts with a letter or a digit."
        )
    if name in known_models():
        raise UserError(f"There is a model called “{name}” already; choose another name.")
    return name


def rename_model(name: str, new: str) -> str:
    """Give a model of one's own another name and return it; its file stays byte for byte what it is, and so does its hash."""
    entry = _own(name, "renamed")
    if new.strip() == name:
        return name
    new = check_model_name(new)
    if entry.kind == "trained":  # the file in a run's folder keeps its place, so that the run can go on
        save_atomically(entry.path.with_name(NAME_FILE), new.encode())
        return new
    try:
        os.rename(entry.path, entry.path.with_name(f"{new}.safetensors"))
    except OSError as error:
        raise UserError(f"“{name}” could not be renamed ({error.strerror}); check the folder's permissions.") from error
    return new


def delete_model(name: str, *, whole_run: bool = False) -> None:
    """Take a model of one's own from the shelf for good; of a trained one the file alone, or the run's folder too."""
    entry = _own(name, "deleted")
    try:
        if whole_run and entry.kind == "trained":
            shutil.rmtree(entry.path.parent)
        else:
            entry.path.unlink()
    except OSError as error:
        raise UserError(f"“{name}” could not be deleted ({error.strerror}); check the folder's permissions.") from error


def place_for(name: str) -> Path:
    """Where a model that is imported under a name is to be written; the name must be free."""
    _check_may_change()
    return _models_folder_made() / f"{check_model_name(name)}.safetensors"


@contextlib.contextmanager
def arriving() -> Iterator[Path]:
    """A folder beside the models for files that are looked at and imported; it is gone after the block, however that ends."""
    _check_may_change()
    folder = _models_folder_made()
    for left in folder.glob(f"{ARRIVING}*"):
        with contextlib.suppress(FileNotFoundError):  # its own process took it away meanwhile
            if time.time() - left.stat().st_mtime > FORGOTTEN:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=ARRIVING, dir=folder) as place:
        yield Path(place)


def write_arrived(folder: Path, files: Sequence[tuple[str, bytes]]) -> list[Path]:
    """Write what somebody sent (names, contents) into such a folder; names are kept as far as they are harmless."""
    paths = []
    for n, (name, data) in enumerate(files):
        path = folder / f"{n}" / (re.sub(r"[^\w.-]", "_", Path(name).name)[-80:].lstrip(".") or "file")
        path.parent.mkdir()
        save_atomically(path, data)
        paths.append(path)
    return paths


def _own(name: str, done: str) -> ShelfEntry:
    """A model that may be changed: not a bundled one, and none that a job needs at this moment."""
    _check_may_change()
    entry = shelf_entry(name)
    if entry.kind == "bundled":
        raise UserError(f"“{name}” is bundled with the project and cannot be {done}.")
    run = entry.path.parent
    if entry.kind == "trained" and (run / JOB).is_file() and read_job(run).is_waiting:
        raise UserError(f"The run of “{name}” is not over; stop it before its model is {done}.")
    words = {name, str(entry.path), str(run)}
    if users := [job.title for job in list_jobs() if job.is_waiting and words & set(job.arguments)]:
        raise UserError(f"The job “{users[0]}” needs “{name}”; wait for it or stop it before the model is {done}.")
    return entry


def _check_may_change() -> None:
    if not may_start():
        raise UserError(READ_ONLY)


def _models_folder_made() -> Path:
    folder = models_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder of models {folder} cannot be made ({error.strerror}); set RECAM_MODELS to another one."
        ) from error
    return folder


@lru_cache(maxsize=512)
def _described(path: str, changed: int, size: int) -> tuple[Mapping[str, Any], bool, str]:
    """Header of a file as it was then, whether it has boundary branches, and what is wrong with it."""
    try:
        header = read_header(Path(path))
        with safe_open(path, framework="pt") as file:
            return header, any(name.startswith("boundary.") for name in file.keys()), ""  # noqa: SIM118
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
