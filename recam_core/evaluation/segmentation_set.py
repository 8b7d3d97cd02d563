"""The field's last step: pictures and pseudo masks laid out as Pascal VOC, which loaders of segmentation networks read.

``VOCdevkit/VOC2012`` with ``JPEGImages``, ``SegmentationClass`` and ``ImageSets/Segmentation``: what torchvision's
``VOCSegmentation`` and MMSegmentation's ``PascalVOCDataset`` look for.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from recam_core.datasets import Dataset
from recam_core.evaluation.evaluate import check_size
from recam_core.evaluation.pseudo_masks import is_whole, mask_names
from recam_core.images.masks import read_label_map
from recam_core.images.visualise import jpeg_bytes, palette_png_bytes
from recam_core.records import Finished, MaskStep, UserError
from recam_core.system.files import write_folder

BASE, LISTS, CLASSES = "VOCdevkit/VOC2012", "ImageSets/Segmentation", "classes.txt"
PARTS = ("train", "val")  # the lists that training and scoring read; trainval is both
QUALITY = 95  # of the JPEGs


def write_segmentation_set(
    dataset: Dataset, part: str, out: Path, masks: Path | None = None
) -> Iterator[MaskStep | Finished]:
    """Write pictures and masks of a data set as the list ``part`` of a set in VOC's layout below ``out``.

    ``masks`` is a folder of pseudo masks as ``write_masks`` leaves it; without it the data set's own masks are taken. A
    picture that has no mask or cannot be read is skipped, and its event says why. Pictures are written upright as JPEG, at
    the size of their mask. A list of that name is replaced, and ``trainval`` names what both lists name. Raises
    ``UserError`` where there is no mask at all.
    """
    start, base = time.perf_counter(), out / BASE
    listed: list[str] = []
    for i, name in enumerate(mask_names(dataset)):
        stem = name.removesuffix(".png")
        try:
            picture, mask = _pair(dataset, i, None if masks is None else masks / name)
        except UserError as error:
            yield MaskStep(i + 1, len(dataset), dataset.name(i), "skipped", str(error))
            continue
        files = {
            f"JPEGImages/{stem}.jpg": jpeg_bytes(picture, QUALITY),
            f"SegmentationClass/{name}": palette_png_bytes(mask),
        }
        write_folder(files, base)
        listed.append(stem)
        yield MaskStep(i + 1, len(dataset), dataset.name(i), "written")
    if not listed:
        where = "this split" if masks is None else f"the folder {masks}"
        raise UserError(f"There is no mask in {where}; make some with recam seeds, and name their folder with --masks.")
    _write_lists(base, part, listed, dataset.classes)
    counts = {"written": float(len(listed)), "skipped": float(len(dataset) - len(listed))}
    yield Finished(str(base), time.perf_counter() - start, counts)


def _pair(dataset: Dataset, i: int, path: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Picture and mask; ``UserError`` where one of them cannot be had, or their sizes differ."""
    picture = dataset.image(i)
    if path is None:
        mask = dataset.mask(i)
    else:
        size = picture.shape[1], picture.shape[0]
        mask = read_label_map(path, size=size, classes=len(dataset.classes)) if is_whole(path) else None
    if mask is None:
        raise UserError("It has no mask.")
    check_size(picture, mask, dataset.name(i))
    return picture, mask


def _write_lists(base: Path, part: str, listed: list[str], classes: Sequence[str]) -> None:
    """The list of ``part``, that of both parts, and the classes in the order of their label values."""
    paths = {name: base / LISTS / f"{name}.txt" for name in PARTS}
    lists = {name: path.read_text("utf-8").split("\n") for name, path in paths.items() if path.is_file()} | {
        part: listed
    }
    lists["trainval"] = [name for one in PARTS for name in lists.get(one, []) if name]
    names = {CLASSES: ["background", *classes]} | {f"{LISTS}/{name}.txt": lines for name, lines in lists.items()}
    write_folder({name: "\n".join(filter(None, lines)).encode() + b"\n" for name, lines in names.items()}, base)
