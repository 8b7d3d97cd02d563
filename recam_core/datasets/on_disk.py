"""Pictures and masks of a data set that lies on disk: larger than uploads may be, and never brought down."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recam_core.images import pictures
from recam_core.images.masks import check_label_map, read_label_map
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


def check_picture(picture: Path, mask: Path | None = None) -> None:
    """See that a picture is whole, and that its mask is a PNG of its size; ``UserError`` says what is wrong."""
    pictures.check_image(picture, max_bytes=MAX_BYTES, keep_side=FULL_SIZE)
    if mask is not None:
        check_label_map(mask, size=upright_size(picture), name=f"mask {mask.name}")


def inside(path: Path, root: Path) -> Path:
    """``path`` itself where the operator lets it be read; ``UserError`` where a link leads elsewhere.

    With ``RECAM_DATA_ROOTS`` set a link may lead to any place in the data set's own ``root`` or in one of those folders, because
    operators link data sets together. Without, one person is at home, and links (of JPEGImages, say) may lead anywhere.
    """
    if bounded() and not lies_in(path, (root, *data_roots())):
        raise UserError(
            f"“{path.name}” leads out of the data set and of the folders in {ROOTS}, so it is not read; copy it there, or have "
            "the folder that it leads to added to them."
        )
    return path


def lies_in(path: Path, roots: Sequence[Path]) -> bool:
    """Is a path, with links followed, in one of some folders?"""
    try:
        real = path.resolve()
        return any(real.is_relative_to(root.resolve()) for root in roots)
    except (OSError, RuntimeError, ValueError):  # links in a circle
        return False


def files_in(folder: Path) -> set[str]:
    """Names in a folder, without looking at the files; none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries}
    except OSError:
        return set()


def split_missing(
    names: Sequence[str], there: Sequence[bool], source: str, folder: str
) -> tuple[list[str], tuple[str, ...]]:
    """The pictures of a list that are there, and those that are missing; ``UserError`` where all of them are."""
    missing = tuple(name for name, found in zip(names, there, strict=True) if not found)
    if missing and len(missing) == len(names):
        raise UserError(
            f"None of the {len(names)} pictures that {source} names is in {folder}/, for example {missing[0]}. Copy them there, "
            "or use a list that belongs to this folder."
        )
    return [name for name, found in zip(names, there, strict=True) if found], missing
