"""Pictures and masks of a data set that lies on disk: larger than uploads may be, and never brought down."""

import os
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

from recam_core.images import pictures
from recam_core.images.masks import read_label_map
from recam_core.records import UserError
from recam_core.system.folders import ROOTS, bounded, data_roots

MAX_BYTES = 1 << 28
FULL_SIZE = 1 << 16


def read_picture(path: Path) -> np.ndarray:
    """(H, W, 3) uint8, upright RGB; ``UserError`` names a picture that cannot be read."""
    return pictures.read_image(path, max_bytes=MAX_BYTES, keep_side=FULL_SIZE, apart=False).pixels


def read_mask_of(picture: Path, mask: Path, classes: int) -> np.ndarray:
    """Label map (H, W) uint8 of the size of the upright picture; ``UserError`` says what does not fit."""
    return read_label_map(mask, size=upright_size(picture), classes=classes, name=f"mask {mask.name}")


def upright_size(picture: Path) -> tuple[int, int]:
    """(width, height) of a picture as it is shown, from its header."""
    return pictures.upright_size(picture, max_bytes=MAX_BYTES)


def check_picture(picture: Path) -> None:
    """See that a picture is whole; ``UserError`` says what is wrong."""
    pictures.check_image(picture, max_bytes=MAX_BYTES, keep_side=FULL_SIZE)


def inside(path: Path, root: Path) -> Path:
    """``path`` itself where the operator lets it be read; ``UserError`` where a link leads elsewhere."""
    if leads_out(path, root):
        raise UserError(
            f"“{path.name}” leads out of the data set and of the folders in {ROOTS}, so it is not read; copy it there, or have "
            "the folder that it leads to added to them."
        )
    return path


def leads_out(path: Path, root: Path) -> bool:
    """Is a place behind a link that is not followed? One rule for data sets of every kind.

    With ``RECAM_DATA_ROOTS`` set a link may lead to any place in the data set's own ``root`` or in one of those folders, because
    operators link data sets together. Without, one person is at home, and links (of JPEGImages, say) may lead anywhere.
    """
    return bounded() and not lies_in(path, (root, *data_roots()))


def lies_in(path: Path, roots: Sequence[Path]) -> bool:
    """Is a path, with links followed, in one of some folders?"""
    try:
        real = path.resolve()
        return any(real.is_relative_to(root.resolve()) for root in roots)
    except (OSError, RuntimeError, ValueError):  # links in a circle
        return False


def composed(name: str) -> str:
    """A name as one letter a character: some systems write é as e and an accent, and both mean one file."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def by_spelling(names: Iterable[str]) -> dict[str, str]:
    """Names as they are, under the spelling that `composed` gives all."""
    return {composed(name): name for name in names}


def as_they_lie(listed: Sequence[str], there: Collection[str]) -> list[str]:
    """For each path that somebody wrote down that of the file which it means, "" where there is none.

    Paths of other systems and of other places are understood: backslashes, composed letters or not, folders in front. Where two
    mean one file, the one that is written as the file is means it, else neither.
    """
    known = by_spelling(there)
    paths = [name if name in there else _tail(name, known) for name in listed]
    twice = {path for path, count in Counter(paths).items() if count > 1}
    return ["" if path in twice and path != name else path for name, path in zip(listed, paths, strict=True)]


def _tail(name: str, known: dict[str, str]) -> str:
    parts = [part for part in composed(name).replace("\\", "/").split("/") if part not in ("", ".")]
    tails = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((known[tail] for tail in tails if tail in known), "")


def files_in(folder: Path) -> set[str]:
    """Names in a folder, without looking at the files; none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries}
    except OSError:
        return set()


def files_below(folder: Path) -> set[str]:
    """Paths of all files below a folder, relative to it; links to folders are not followed."""
    paths: set[str] = set()
    for place, _, names in os.walk(folder):
        inner = os.path.relpath(place, folder).replace(os.sep, "/")
        paths.update(names if inner == "." else (f"{inner}/{name}" for name in names))
    return paths


def split_missing(
    names: Sequence[str], there: Sequence[bool], source: str, folder: str
) -> tuple[list[str], tuple[str, ...]]:
    """The pictures of a list that are there, and those that are missing; ``UserError`` where all of them are."""
    missing = tuple(name for name, is_there in zip(names, there, strict=True) if not is_there)
    if missing and len(missing) == len(names):
        raise UserError(
            f"None of the {len(names)} pictures that {source} names is in {folder}/, for example {missing[0]}. Copy them there, "
            "or use a list that belongs to this folder."
        )
    return [name for name, is_there in zip(names, there, strict=True) if is_there], missing
