"""Folders: those with data that a person may name on a page, those of runs, those of models of one's own.

An operator bounds the first with ``RECAM_DATA_ROOTS``: a list of folders (separated as in PATH) that every named folder must
lie in. Where it is set and names none, nothing may be named. ``RECAM_READ_ONLY`` keeps the others as they are.
"""

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from recam_core.records import UserError
from recam_core.system.layouts import LISTED, LOOKED_AT, is_folder, is_text, layout_of, voc_base

ROOTS = "RECAM_DATA_ROOTS"
UPLOADS = "uploads"  # in the folder of a run: pictures that people brought along


@dataclass(frozen=True)
class DataFolder:
    """A data set on this server: ``kind`` is a name in ``DATASETS``."""

    kind: str
    path: Path


def runs_folder() -> Path:
    """Where runs live: ``RECAM_RUNS``, else ``runs`` in the working directory."""
    return Path(os.environ.get("RECAM_RUNS") or "runs").resolve()


def models_folder() -> Path:
    """Where imported models live: ``RECAM_MODELS``, else ``models`` in the working directory."""
    return Path(os.environ.get("RECAM_MODELS") or "models").resolve()


def bounded() -> bool:
    """Has the operator said which folders may be named?"""
    return bool(os.environ.get(ROOTS))


def may_start() -> bool:
    """Whether this server starts jobs and changes what it keeps; an operator switches that off with ``RECAM_READ_ONLY=1``."""
    return os.environ.get("RECAM_READ_ONLY", "0") in ("", "0")


def data_roots() -> list[Path]:
    """The folders that the operator allows; empty where any may be named, or none (`bounded` tells which)."""
    return [Path(part).resolve() for part in os.environ.get(ROOTS, "").split(os.pathsep) if part]


def allowed_folder(text: str) -> Path:
    """The folder that was named, with links followed; ``UserError`` where it is none, or lies outside of the roots."""
    folder, missing = _named(text, "There is no folder “{}” on this server; name one that holds a data set.")
    if not text.strip() or not is_folder(folder):
        raise missing
    return folder


def allowed_file(text: str) -> Path:
    """The file that was named, with links followed; ``UserError`` where it is none, or lies outside of the roots."""
    file, missing = _named(text, "There is no file “{}” on this server; name one with its whole path.")
    if not text.strip() or not _is_file(file):
        raise missing
    return file


def watched_file(text: str) -> Path:
    """The picture's file that was named, with links followed: in the roots, or one that was uploaded for a run.

    ``UserError`` says the same of a file that is not there and of one that may not be read, so nobody learns which it is.
    """
    refused = UserError(
        f"There is no picture “{text[:80]}” on this server that may be watched; name one of the data set, a sample, or a file "
        "where data may lie."
    )
    try:
        path = Path(text).resolve()
        places = [*data_roots(), *(folder.resolve() for folder in runs_folder().glob(f"*/{UPLOADS}"))]
    except (OSError, ValueError, RuntimeError) as error:
        raise refused from error
    if (bounded() and not any(path.is_relative_to(place) for place in places)) or not _is_file(path):
        raise refused
    return path


def data_folders() -> list[DataFolder]:
    """Data sets among the roots and the folders in them, in order of their names; links may not lead out."""
    roots = data_roots()
    folders: dict[DataFolder, None] = {}
    for root in roots:
        for place in (root, *_inside(root)):
            kind = layout_of(place)
            base = (voc_base(place) or place) if kind == "voc" else place
            if kind and any(base.resolve().is_relative_to(allowed) for allowed in roots):
                folders[DataFolder(kind, base)] = None
    return list(folders)


def _inside(root: Path) -> list[Path]:
    """Folders among the first entries of a root; where somebody keeps pictures by the thousands, no more are looked at."""
    try:
        with os.scandir(root) as entries:
            names = [
                entry.name
                for entry in islice(entries, LISTED)
                if not entry.name.startswith(".") and is_text(entry.name) and entry.is_dir()
            ]
    except OSError:
        return []
    return [root / name for name in sorted(names)[:LOOKED_AT]]


def _named(text: str, sentence: str) -> tuple[Path, UserError]:
    """A path that somebody typed, inside of the roots, and what to say where nothing fitting is there."""
    missing = UserError(sentence.format(text[:80]))
    roots = data_roots()
    try:
        path = Path(text.strip()).expanduser().resolve()
    except (OSError, ValueError, RuntimeError) as error:  # "~nobody", a zero byte
        raise missing from error
    if bounded() and not roots:
        raise UserError(
            f"{ROOTS} is set on this server and names no folder, so no data may be named. Set it to folders separated by "
            f"“{os.pathsep}”, or do not set it."
        )
    if roots and not any(path.is_relative_to(root) for root in roots):
        raise UserError(f"Data must lie in {' or '.join(map(str, roots))} on this server; “{text[:80]}” does not.")
    return path, missing


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder that may not be looked into
        return False
