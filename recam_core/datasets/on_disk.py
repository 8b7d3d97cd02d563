"""Pictures and masks of a data set that lies on disk: larger than uploads may be, and never brought down."""

import os
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from recam_core.images import pictures
from recam_core.images.masks import read_label_map
from recam_core.records import UserError
from recam_core.system.folders import ROOTS, bounded, data_roots
from recam_core.system.layouts import PICTURE_SUFFIXES

MAX_BYTES = 1 << 28
FULL_SIZE = 1 << 16
NOT_READ = (  # kinds of pictures that lie in data sets and are not read
    ".heic", ".heif", ".avif", ".jp2", ".jxl", ".svg", ".psd", ".dng", ".cr2", ".nef", ".arw", ".ppm", ".pgm", ".tga", ".npy",
)  # fmt: skip


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


def read_bounded(path: Path, most: int, remedy: str) -> bytes:
    """The bytes of a file; ``UserError``, with what to do, for more than ``most``."""
    try:
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        raise UserError(f"{path.name} could not be read ({error.strerror}); check its permissions.") from error
    if len(data) > most:
        raise UserError(f"{path.name} has more than {most >> 20} MB; {remedy}.")
    return data


def boxes_inside(boxes: Iterable[tuple[int, Sequence[float]]], size: tuple[int, int]) -> dict[int, np.ndarray]:
    """Boxes (m, 4) by class index, cut to a picture (width, height); those of which nothing is left are left out."""
    cut: dict[int, list[list[float]]] = {}
    for k, box in boxes:
        corners = [min(max(value, 0.0), side) for value, side in zip(box, size * 2, strict=False)]
        if len(corners) == 4 and corners[0] < corners[2] and corners[1] < corners[3]:  # NaN is in no order
            cut.setdefault(k, []).append(corners)
    return {k: np.array(rows) for k, rows in cut.items()}


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

    Paths of other systems and of other places are understood: backslashes, composed letters or not, folders in front, addresses
    of the web; and where only one file can be meant, other capitals and another suffix of a picture or none. Where two mean one
    file, the one that is written as the file is means it, else neither.
    """
    known = by_spelling(there)
    paths = [name if name in there else _tail(name, known) for name in listed]
    if not all(paths):
        alike = _alike(known)
        paths = [path or _tail(_loosely(name), alike) for name, path in zip(listed, paths, strict=True)]
    twice = {path for path, count in Counter(paths).items() if count > 1}
    return ["" if path in twice and path != name else path for name, path in zip(listed, paths, strict=True)]


def _tail(name: str, known: Mapping[str, str]) -> str:
    parts = [part for part in composed(name).replace("\\", "/").split("/") if part not in ("", ".")]
    tails = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((known[tail] for tail in tails if tail in known), "")


def _alike(known: Mapping[str, str]) -> dict[str, str]:
    """Files by what `_loosely` makes of their names, "" where several are alike."""
    count = Counter(map(_loosely, known))
    return {_loosely(name): file if count[_loosely(name)] == 1 else "" for name, file in known.items()}


def _loosely(name: str) -> str:
    """A name without capitals, without the suffix of a picture, and without what belongs to addresses of the web."""
    plain = unquote(name.partition("?")[0] if "://" in name else name).strip().casefold()
    stem, suffix = os.path.splitext(plain)
    return stem if suffix in PICTURE_SUFFIXES else plain


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
    names: Sequence[str], there: Sequence[bool], source: str, folder: str, files: Collection[str] = ()
) -> tuple[list[str], tuple[str, ...]]:
    """The pictures of a list that are there, and those that are missing; ``UserError`` where all of them are.

    ``files`` are all that lie in the folder: what is there as a file of another kind is said.
    """
    missing = tuple(name for name, is_there in zip(names, there, strict=True) if not is_there)
    if missing and len(missing) == len(names):
        remedy = not_read_words(missing, files) or "Copy them there, or use a list that belongs to this folder."
        raise UserError(
            f"None of the {len(names)} pictures that {source} names is in {folder}/, for example {missing[0]}. {remedy}"
        )
    return [name for name, is_there in zip(names, there, strict=True) if is_there], missing


def not_read_words(missing: Iterable[str], files: Collection[str]) -> str:
    """A sentence where pictures that are missing lie there as files of a kind that is not read, else ""."""
    others = [os.path.splitext(file) for file in files if file.lower().endswith(NOT_READ)]
    if not others:
        return ""
    wanted = {_loosely(os.path.splitext(name)[0] if name.lower().endswith(NOT_READ) else name) for name in missing}
    kinds = Counter(suffix.lower() for stem, suffix in others if _loosely(stem) in wanted)
    if not kinds:
        return ""
    some = ", ".join(f"{count} as {suffix}" for suffix, count in sorted(kinds.items()))
    return f"Some lie there in a kind that is not read ({some}); save them as JPEG or PNG."
