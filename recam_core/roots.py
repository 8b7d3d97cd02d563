"""Folders: those with data that a person may name on a page, those of runs, those of models of one's own.

An operator bounds the first with ``RECAM_DATA_ROOTS``: a list of folders (separated as in PATH) that every named folder must
lie in.
"""

import os
from collections.abc import Callable
from pathlib import Path

from recam_core.records import UserError

ROOTS = "RECAM_DATA_ROOTS"


def runs_folder() -> Path:
    """Where runs live: ``RECAM_RUNS``, else ``runs`` in the working directory."""
    return Path(os.environ.get("RECAM_RUNS") or "runs").resolve()


def models_folder() -> Path:
    """Where imported models live: ``RECAM_MODELS``, else ``models`` in the working directory."""
    return Path(os.environ.get("RECAM_MODELS") or "models").resolve()


def data_roots() -> list[Path]:
    """The folders that the operator allows; empty where any may be named."""
    return [Path(part).resolve() for part in os.environ.get(ROOTS, "").split(os.pathsep) if part]


def allowed_folder(text: str) -> Path:
    """The folder that was named, with links followed; ``UserError`` where it is none, or lies outside of the roots."""
    folder, missing = _named(text, "There is no folder “{}” on this server; name one that holds a data set.")
    if not text.strip() or not _is(Path.is_dir, folder):
        raise missing
    return folder


def allowed_file(text: str) -> Path:
    """The file that was named, with links followed; ``UserError`` where it is none, or lies outside of the roots."""
    file, missing = _named(text, "There is no file “{}” on this server; name one with its whole path.")
    if not text.strip() or not _is(Path.is_file, file):
        raise missing
    return file


def _named(text: str, sentence: str) -> tuple[Path, UserError]:
    """A path that somebody typed, inside of the roots, and what to say where nothing fitting is there."""
    missing = UserError(sentence.format(text[:80]))
    roots = data_roots()
    try:
        path = Path(text.strip()).expanduser().resolve()
    except (OSError, ValueError, RuntimeError) as error:  # "~nobody", a zero byte
        raise missing from error
    if roots and not any(path.is_relative_to(root) for root in roots):
        raise UserError(f"Data must lie in {' or '.join(map(str, roots))} on this server; “{text[:80]}” does not.")
    return path, missing


def coco_folders() -> list[Path]:
    """Data sets in COCO's layout among the roots and the folders in them, in order of their names."""
    places = [place for root in data_roots() if root.is_dir() for place in (root, *sorted(root.iterdir()))]
    return [place for place in dict.fromkeys(places) if place.is_dir() and coco_splits(place)]


def coco_splits(folder: Path) -> list[str]:
    """Splits of a data set in COCO's layout: those with a folder of pictures and a file of instances."""
    files = sorted((folder / "annotations").glob("instances_*.json"))
    splits = [path.stem.removeprefix("instances_") for path in files]
    return [split for split in splits if (folder / split).is_dir()]


def _is(kind: Callable[[Path], bool], path: Path) -> bool:
    try:
        return kind(path)
    except OSError:  # a name that is too long, a folder that may not be looked into
        return False
