"""``folder``: pictures of one's own, in one folder per class, or beside a table that says their labels.

``ROOT/CLASS/*.jpg``; or ``ROOT/labels.csv`` or ``ROOT/labels.json`` with pictures anywhere below ROOT. A split is a folder in
ROOT laid out like that; the classes are then those of all splits. ``masks/`` beside the pictures may hold label maps as PNG.
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from recam_core.datasets.label_tables import read_table
from recam_core.datasets.on_disk import (
    as_they_lie,
    by_spelling,
    check_picture,
    composed,
    files_in,
    inside,
    leads_out,
    read_mask_of,
    read_picture,
    split_missing,
)
from recam_core.records import IGNORE, UserError
from recam_core.system.layouts import MASKS, TABLES, entries, folder_splits, is_picture, is_split, is_text, subfolders

LAYOUT = (
    "Expected one folder of pictures per class, or a labels.csv (columns file and labels) or labels.json "
    '({"file.jpg": ["dog"]}) beside them.'
)


NO_PNG = f"files in {MASKS}/ are no PNG and count for no mask"
OF_NO_PICTURE = f"PNG files in {MASKS}/ belong to no picture; call a mask as its picture"


@dataclass
class Contents:
    """Pictures of a folder by name, their labels, and what was passed over."""

    names: list[str] = field(default_factory=list)
    labels: list[tuple[str, ...]] = field(default_factory=list)
    missing: tuple[str, ...] = ()
    classes: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


class Folder:
    """Pictures with the labels of their folder or of a table, and label maps where somebody drew them.

    A name is the path below the folder of the split. Links that ``on_disk.leads_out`` bars are passed over, and so are files that
    are no pictures, or have names that nobody can write down; ``notes`` count them. A mask is ``masks/NAME.png``, with or
    without the picture's own suffix before it, or ``masks/STEM.png`` where no other picture has that stem. Raises ``UserError``
    where there is no such folder or split, and where masks cannot hold so many classes.
    """

    def __init__(self, root: str, split: str) -> None:
        base = Path(root)
        if not root or not base.is_dir():
            raise UserError(f"There is no folder {root!r}. {LAYOUT}")
        splits = folder_splits(base)
        if split not in splits:
            raise UserError(_no_split(base, split, splits))
        self.folder = (base / split).resolve()
        contents = _find(self.folder, base.resolve())
        if split:
            for other in splits:
                if other not in ("", split):
                    contents.classes |= _classes_of((base / other).resolve(), base)
        self.classes = tuple(sorted(contents.classes))
        self.names, self.missing, self.notes = contents.names, contents.missing, tuple(contents.notes)
        known = {name: k for k, name in enumerate(self.classes)}
        self.rows = [[known[label] for label in labels] for labels in contents.labels]
        drawn = inside(self.folder / MASKS, base)
        below = _below(drawn, base.resolve(), lambda name: name.lower().endswith(".png"))
        masks = below.names
        self.masks = by_spelling(masks) | {path[:-4] + ".png": file for path, file in by_spelling(masks).items()}
        self.stems = Counter(PurePosixPath(composed(name)).stem for name in self.names) if masks else Counter()
        taken = {self._mask(i) for i in range(len(self))} - {None} if masks else set()
        self.notes += (*_counted(below.others, NO_PNG), *_counted(len(masks) - len(taken), OF_NO_PICTURE))
        if self.masks and len(self.classes) > IGNORE - 1:
            raise UserError(
                f"{len(self.classes)} classes do not fit label maps of 8 bits; move the folder {MASKS} away."
            )

    def __len__(self) -> int:
        return len(self.names)

    def name(self, i: int) -> str:
        """Path of picture ``i`` below the folder, with forward slashes."""
        return self.names[i]

    def image(self, i: int) -> np.ndarray:
        """(H, W, 3) uint8, upright RGB; ``UserError`` names a picture that cannot be read."""
        return read_picture(self.folder / self.names[i])

    def labels(self, i: int) -> np.ndarray:
        """Multi-hot (K,) float32."""
        present = np.zeros(len(self.classes), np.float32)
        present[self.rows[i]] = 1
        return present

    def mask(self, i: int) -> np.ndarray | None:
        """Label map (H, W) uint8 of the size of the upright picture, or None where nobody drew one."""
        path = self._mask(i)
        return None if path is None else read_mask_of(self.folder / self.names[i], path, len(self.classes))

    def has_mask(self, i: int) -> bool:
        """Is there a mask of picture ``i``?"""
        return self._mask(i) is not None

    def check(self, i: int) -> np.ndarray | None:
        """The mask of picture ``i``; ``UserError`` where the picture is not whole, or its mask cannot be used."""
        check_picture(self.folder / self.names[i])
        return self.mask(i)

    def remarks(self, i: int) -> tuple[str, ...]:
        """Nothing: what is odd about labels is said of the whole table."""
        return ()

    def _mask(self, i: int) -> Path | None:
        name = PurePosixPath(composed(self.names[i]))
        places = [str(name.with_suffix(".png")), f"{name}.png"]
        if self.stems[name.stem] == 1:
            places += [f"{name.stem}.png", f"{name.name}.png"]
        mask = next((self.masks[place] for place in places if place in self.masks), None)
        return None if mask is None else self.folder / MASKS / mask


def _find(folder: Path, root: Path) -> Contents:
    table = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    contents = _by_class(folder, root) if table is None else _by_table(folder, root, table)
    if not contents.names:
        raise UserError(" ".join([f"{folder.name} holds no picture that can be taken.", *contents.notes, LAYOUT]))
    return contents


def _classes_of(folder: Path, root: Path) -> set[str]:
    """The classes of another split; it is not needed in full."""
    table = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    if table is not None:
        return set(read_table(inside(table, root)).classes)
    return {composed(place.name) for place in _class_folders(folder)}


def _class_folders(folder: Path) -> list[Path]:
    return [place for place in subfolders(folder) if not is_split(place)]


def _by_class(folder: Path, root: Path) -> Contents:
    contents, others, deeper, outside = Contents(), 0, 0, 0
    unwritten = sum(not is_text(entry.name) for entry in entries(folder))
    for place in _class_folders(folder):
        label = composed(place.name)
        contents.classes.add(label)
        names = []
        for entry in entries(place):
            if entry.is_dir(follow_symlinks=False):
                deeper += 1
            elif not is_picture(entry.name):
                others += not entry.name.startswith(".")
            elif not is_text(entry.name):
                unwritten += 1
            elif _leads_out(entry, root):
                outside += 1
            else:
                names.append(f"{place.name}/{entry.name}")
        contents.names += sorted(names)
        contents.labels += [(label,)] * len(names)
    beside = sum(is_picture(name) and is_text(name) for name in files_in(folder))
    contents.notes += _counted(beside, "pictures beside the folders of classes have no label and are left out")
    contents.notes += _counted(deeper, "folders inside the folders of classes are not looked into")
    contents.notes += _passed_over(others, outside, unwritten)
    return contents


def _by_table(folder: Path, root: Path, path: Path) -> Contents:
    table, name = read_table(inside(path, root)), path.name
    below = _below(folder, root, is_picture, skip=MASKS)
    there = below.names
    spelled = by_spelling(there)
    labels: dict[str, tuple[str, ...]] = {}
    for listed, listed_labels in table.labels.items():
        file = listed if listed in there else spelled.get(composed(listed), listed)
        labels[file] = tuple(dict.fromkeys((*labels.get(file, ()), *listed_labels)))
    labels = {
        file or name: picture_labels
        for (name, picture_labels), file in zip(labels.items(), as_they_lie(list(labels), there), strict=True)
    }
    names, missing = split_missing(list(labels), [file in there for file in labels], name, folder.name)
    contents = Contents(names, [labels[file] for file in names], missing, set(table.classes), list(table.notes))
    contents.notes += _counted(len(there) - len(names), f"pictures are not named in {name} and are left out")
    contents.notes += _passed_over(below.others - 1, below.outside, below.unwritten)  # the table itself is no picture
    return contents


@dataclass
class Below:
    """Wanted files anywhere below a folder (paths relative to it), and how many others there are, by the reason."""

    names: set[str] = field(default_factory=set)
    others: int = 0
    outside: int = 0
    unwritten: int = 0


def _below(folder: Path, root: Path, wanted: Callable[[str], bool], skip: str = "") -> Below:
    below = Below()
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        for entry in entries(folder / inside):
            path = f"{inside}{entry.name}"
            if entry.name.startswith((".", "__")):
                continue
            if not is_text(entry.name):
                below.unwritten += 1
            elif entry.is_dir(follow_symlinks=False):
                waiting += [] if path == skip else [f"{path}/"]
            elif not wanted(entry.name):
                below.others += 1
            elif _leads_out(entry, root):
                below.outside += 1
            else:
                below.names.add(path)
    return below


def _leads_out(entry: "os.DirEntry[str]", root: Path) -> bool:
    return entry.is_symlink() and leads_out(Path(entry.path), root)


def _no_split(base: Path, split: str, splits: Sequence[str]) -> str:
    named = [name for name in splits if name]
    if named:
        whole = " (or none, for the folder itself)" if "" in splits else ""
        return f"{base.name} has no split {split!r}; choose {' or '.join(named[:8])}{whole}."
    if "" in splits:
        return f"{base.name} has no split {split!r}: it is not divided. Leave the split empty."
    linked = any(entry.is_symlink() and entry.is_dir() for entry in entries(base))
    return f"{base.name} holds no data set. {LAYOUT}{' Links to folders are not followed.' if linked else ''}"


def _passed_over(others: int, outside: int, unwritten: int) -> list[str]:
    return [
        *_counted(others, "files are no pictures and are passed over"),
        *_counted(outside, "links lead out of the folder and are not followed"),
        *_counted(unwritten, "names of files or folders are not in UTF-8 and are passed over; rename them"),
    ]


def _counted(count: int, words: str) -> list[str]:
    return [f"{count} {words}."] if count else []
