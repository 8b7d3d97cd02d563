"""Which kind of data set a folder holds, and its splits: names of files alone, nothing is opened.

However large a folder is, the answer comes at once: what may be long is looked into up to a bound.
"""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

PICTURE_SUFFIXES = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"))
TABLES = ("labels.csv", "labels.json")
MASKS = "masks"
SPLIT_NAMES = (
    "train",
    "val",
    "test",
    "dev",
    "fold",
    "split",
)  # how the name of a folder begins that is a split and no class
VOC_SPLITS = ("train", "val", "trainval", "train_aug")
LOOKED_AT = 500  # entries of a folder; enough to know what it is
LISTED = 20_000  # entries of a folder among which folders are looked for, where only its kind is asked


def layout_of(folder: Path) -> str:
    """``voc``, ``coco``, ``folder``, or "" where a folder holds no data set."""
    return next((kind for kind, splits in SPLITS_OF.items() if splits(folder)), "")


def splits_of(kind: str, folder: Path) -> list[str]:
    """Splits of a data set of a kind in a folder; none where it is not one of that kind."""
    return SPLITS_OF[kind](folder) if kind in SPLITS_OF else []


def changed(kind: str, root: str, split: str) -> int:
    """When what says which pictures a split has was last changed, in nanoseconds; 0 for drawn pictures."""
    base = Path(root)
    if kind == "voc":
        base = voc_base(base) or base
        places = [
            voc_list(base, split),
            base / "JPEGImages",
            *(base / name for name in ("Annotations", mask_folder(split))),
        ]
    elif kind == "coco":
        places = [base / "annotations" / f"{what}_{split}.json" for what in ("instances", "image_labels")]
        places.append(base / split)
    elif kind == "folder":
        places = [base / split, base / split / MASKS, *(base / split / name for name in TABLES)]
        places += subfolders(base, LISTED)[:LOOKED_AT] + (subfolders(base / split, LISTED)[:LOOKED_AT] if split else [])
    else:
        places = []
    return max((_modified(place) for place in places), default=0)


def coco_splits(folder: Path) -> list[str]:
    """Splits of a data set in COCO's layout: those with a folder of pictures and a file of instances."""
    files = sorted(islice((folder / "annotations").glob("instances_*.json"), LOOKED_AT))
    splits = [path.stem.removeprefix("instances_") for path in files]
    return [split for split in splits if is_plain(split) and is_folder(folder / split)]


def voc_base(folder: Path) -> Path | None:
    """The folder that holds ``JPEGImages``: the one that was named, ``VOC2012`` in it, or ``VOCdevkit/VOC2012``."""
    places = (folder, folder / "VOC2012", folder / "VOCdevkit" / "VOC2012")
    return next((place for place in places if is_folder(place / "JPEGImages")), None)


def voc_list(base: Path, split: str) -> Path:
    """The file with the names of a split's pictures."""
    return base / "ImageSets" / "Segmentation" / f"{split}.txt"


def mask_folder(split: str) -> str:
    """Where the masks of a split lie: those of SBD beside the devkit's."""
    return "SegmentationClassAug" if split.endswith("_aug") else "SegmentationClass"


def sbd_words(folder: Path, split: str = "train_aug") -> str:
    """What an extended split of a VOC devkit lacks and where it goes; "" where all is there."""
    base = voc_base(folder) or folder
    masks, names = base / mask_folder(split), voc_list(base, split)
    lacking = [place.name for place in (masks, names) if not place.exists()]
    if not lacking:
        return ""
    return (
        f"{split} is the devkit's train (1,464 pictures) with the further pictures that SBD has masks of, 10,582 in all. "
        f"The devkit lacks both of its parts: put SBD's masks as {masks}/*.png and the list of names as {names}. "
        f"Now {' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} missing; train needs neither."
    )


def voc_splits(folder: Path) -> list[str]:
    """Splits of a VOC devkit: the usual ones that have a list, then any other list."""
    base = voc_base(folder)
    if base is None:
        return []
    lists = {path.stem for path in islice((base / "ImageSets" / "Segmentation").glob("[!.]*.txt"), LOOKED_AT)}
    others = lists.difference(VOC_SPLITS, {"test"})
    return [split for split in VOC_SPLITS if split in lists] + sorted(name for name in others if is_plain(name))


def folder_splits(folder: Path) -> list[str]:
    """Splits of a folder of pictures: "" for the folder itself, and those folders in it that are laid out like it."""
    inside = subfolders(folder, LISTED)[:LOOKED_AT]
    whole = [""] if has_table(folder) or any(holds_pictures(place) for place in inside) else []
    return whole + [place.name for place in inside if is_split(place)]


def is_split(folder: Path) -> bool:
    """Is it a split rather than a class: named like one, with a table, or folders of pictures but none of its own?"""
    if not folder.name.lower().startswith(SPLIT_NAMES):
        return False
    if has_table(folder):
        return True
    if holds_pictures(folder) or coco_splits(folder) or voc_base(folder):
        return False
    return any(holds_pictures(place) for place in subfolders(folder, LISTED)[:LOOKED_AT])


def is_plain(split: str) -> bool:
    """Is it the name of one thing in a folder, so that it leads neither out of it nor deeper into it?"""
    if not is_text(split) or not 0 < len(split.encode()) <= 200:  # bytes, which file systems count
        return False
    return split not in (".", "..") and not set(split) & set("/\\\0")


def is_text(name: str) -> bool:
    """Can a name be written down? A file's need not be in UTF-8, and JSON may hold half a character."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def has_table(folder: Path) -> bool:
    """Does a file beside the pictures say their labels?"""
    return any(is_file(folder / name) for name in TABLES)


def subfolders(folder: Path, most: int | None = None) -> list[Path]:
    """Folders among ``most`` entries of a folder that may be classes or splits, by name; links are none."""
    chosen = (
        entry
        for entry in islice(entries(folder), most)
        if not entry.name.startswith((".", "__")) and entry.name != MASKS and is_text(entry.name)
    )
    return sorted(Path(entry.path) for entry in chosen if entry.is_dir(follow_symlinks=False))


def holds_pictures(folder: Path) -> bool:
    """Is there a picture among the first entries of a folder?"""
    return any(is_picture(entry.name) and entry.is_file() for entry in islice(entries(folder), LOOKED_AT))


def is_picture(name: str) -> bool:
    """Has a file the name of a picture that can be read? Hidden ones are none: they are what systems leave behind."""
    return os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES and not name.startswith(".")


def is_folder(path: Path) -> bool:
    """As ``Path.is_dir``; False for a name that is too long, or a folder that may not be looked into."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_file(path: Path) -> bool:
    """As ``Path.is_file``; False for a name that is too long, or a place that may not be looked into."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What lies in a folder, in any order; nothing where it is gone or may not be looked into."""
    try:
        with os.scandir(folder) as scanned:
            yield from scanned
    except OSError:  # gone, or not ours to read
        return


def _modified(place: Path) -> int:
    try:
        return place.stat().st_mtime_ns
    except (OSError, ValueError):
        return 0


SPLITS_OF = {"voc": voc_splits, "coco": coco_splits, "folder": folder_splits}
