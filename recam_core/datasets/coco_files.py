"""COCO's JSON files: read, and every entry checked before anything relies on it.

Many tools leave fields out or write them otherwise: what has one meaning only is brought into COCO's own form (``_as_coco_*``).
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from recam_core.datasets.on_disk import FULL_SIZE
from recam_core.images.decoding import MAX_PIXELS
from recam_core.records import IGNORE, UserError
from recam_core.system.layouts import is_file, is_text

UNLABELLED = (
    "so there is nothing to train on or to score. Choose a split with annotations, such as train2017 or val2017."
)
FIELDS = {
    "images": ("id", "file_name"),
    "annotations": ("image_id", "category_id"),
    "categories": ("id", "name"),
}
ROBOFLOW = "_annotations.coco.json"  # as that tool calls a split's file, and where: among the pictures
CROWD_WORDS = {"none": 0, "false": 0, "true": 1}  # as tables and other languages write them
Entry = dict[str, Any]


@dataclass(frozen=True)
class Instances:
    """What an instances file holds, entries in COCO's form, and what was passed over in it, a sentence each."""

    images: list[Entry]
    annotations: list[Entry]
    categories: list[Entry]
    notes: tuple[str, ...]


def read_instances(path: Path) -> Instances:
    """An instances file: ids are of their own, names texts of their own, sizes those of pictures or None.

    A missing ``iscrowd`` is 0; an ``area`` that is missing or nothing is None; annotations of pictures that are not listed are
    left out. Raises ``UserError`` that names the file and the first entry that means nothing.
    """
    if not is_file(path):
        unlabelled = path.with_name(path.name.replace("instances_", "image_info_"))
        if is_file(unlabelled):
            raise UserError(f"{unlabelled.name} lists pictures without labels (a test split), {UNLABELLED}")
        split = path.stem.removeprefix("instances_")
        if is_file(path.parent.with_name(split) / ROBOFLOW):
            raise UserError(f"{split}/{ROBOFLOW} lies beside the pictures; move it to {path.parent.name}/{path.name}.")
        raise UserError(
            f"There is no {path.name} in {path.parent.name}/; COCO's annotations of this split belong there."
        )
    content = _read_json(path, "is not a COCO instances file")
    if not isinstance(content, dict):
        raise UserError(f"{path.name} is not a COCO instances file: it holds a {type(content).__name__}.")
    notes = _check_lists(path.name, content)
    if len(content["categories"]) > IGNORE - 1:
        raise UserError(f"{path.name} has more than {IGNORE - 1} categories, which do not fit label maps of 8 bits.")
    return Instances(content["images"], content["annotations"], content["categories"], tuple(notes))


def read_image_labels(path: Path, classes: Collection[str]) -> dict[str, list[str]]:
    """Labels of pictures that have no annotations, by file name; none where there is no such file.

    Raises ``UserError`` for another form, and for classes that there are not.
    """
    if not is_file(path):
        return {}
    form = "must hold {file name: [class names]} as JSON"
    content = _read_json(path, form, object_pairs_hook=tuple)  # a dict would forget what stands there twice
    if not isinstance(content, tuple):
        raise UserError(f"{path.name} {form}; got a {type(content).__name__}.")
    for name, labels in content:
        if not is_text(name) or not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            raise UserError(f"{path.name} {form}; the labels of {name[:60]!r} are none.")
        unknown = [label for label in labels if label not in classes]
        if unknown:
            raise UserError(f"{path.name} names the class {unknown[0]!r}, which the instances file does not have.")
    _check_unique(path.name, "pictures", "file name", [_spelled(name) for name, _ in content])
    return dict(content)


def _read_json(path: Path, refusal: str, **how: Any) -> Any:
    try:
        return json.loads(path.read_bytes(), **how)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path.name} {refusal}: {str(error)[:120]}.") from error


def _check_lists(name: str, content: dict[str, Any]) -> list[str]:
    """Bring a file's lists into COCO's form, and refuse what cannot be; returns what was passed over."""
    if isinstance(content.get("images"), list) and "annotations" not in content:
        raise UserError(
            f"{name} has no annotations: it lists pictures only (COCO's files of test splits do), {UNLABELLED}"
        )
    for part in FIELDS:
        if not isinstance(content.get(part), list):
            raise UserError(f"{name} has no list of {part}; expected a COCO instances file.")
    _check_each(name, "images", content["images"], _as_coco_picture)
    _check_each(name, "categories", content["categories"], _as_coco_category)
    _check_unique(name, "images", "id", [entry["id"] for entry in content["images"]])
    _check_unique(name, "images", "file_name", [_spelled(entry["file_name"]) for entry in content["images"]])
    _check_unique(name, "categories", "id", [entry["id"] for entry in content["categories"]])
    known = {category["id"] for category in content["categories"]}
    if not all(_is_annotation(entry, known) for entry in content["annotations"]):  # there may be a million
        _check_each(name, "annotations", content["annotations"], lambda entry: _as_coco_annotation(entry, known))
    notes = [*_leave_out_root(content), *_leave_out_strays(content)]
    _check_unique(name, "categories", "name", [entry["name"] for entry in content["categories"]])
    return notes


def _leave_out_root(content: dict[str, Any]) -> list[str]:
    """Leave out a category that only stands above others: Roboflow writes one first, which nothing is annotated with."""
    used = {entry["category_id"] for entry in content["annotations"]}
    below = Counter(
        entry["supercategory"] for entry in content["categories"] if isinstance(entry.get("supercategory"), str)
    )

    def is_root(entry: Entry) -> bool:
        others = below[entry["name"]] - (entry.get("supercategory") == entry["name"])  # some stand above themselves
        return entry["id"] not in used and others > 0

    roots = [entry for entry in content["categories"] if is_root(entry)]
    content["categories"] = [entry for entry in content["categories"] if entry not in roots]
    return [
        f"The category {entry['name']!r} stands above others and nothing is annotated with it: it is no class."
        for entry in roots
    ]


def _leave_out_strays(content: dict[str, Any]) -> list[str]:
    listed = {entry["id"] for entry in content["images"]}
    strays = [entry["image_id"] for entry in content["annotations"] if entry["image_id"] not in listed]
    if not strays:
        return []
    content["annotations"] = [entry for entry in content["annotations"] if entry["image_id"] in listed]
    some = ", ".join(str(number)[:40] for number in list(dict.fromkeys(strays))[:3])
    return [f"{len(strays)} annotations belong to pictures that are not listed (image_id {some}) and are left out."]


def _check_each(name: str, part: str, entries: list[Any], fault: Callable[[Entry], str]) -> None:
    for i, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise UserError(f"{name}: entry {i} of {part} is no object; expected a COCO instances file.")
        absent = [field for field in FIELDS[part] if field not in entry]
        if absent:
            raise UserError(f"{name}: entry {i} of {part} has no {', '.join(absent)}; expected a COCO instances file.")
        if words := fault(entry):
            raise UserError(f"{name}: entry {i} of {part} {words}.")


def _check_unique(name: str, part: str, field: str, values: list[Any]) -> None:
    if len(set(values)) == len(values):
        return
    again = next(value for value, count in Counter(values).items() if count > 1)
    raise UserError(f"{name}: two entries of {part} have the {field} {str(again)[:80]!r}; each needs one of its own.")


def _as_coco_picture(entry: Entry) -> str:
    """Bring an entry into COCO's form; returns what is wrong with it."""
    if (number := _id(entry["id"])) is None:
        return f"has the id {_shown(entry['id'])}; expected a whole number"
    if not _is_name(entry["file_name"]):
        return f"has the file_name {_shown(entry['file_name'])}; expected a text"
    if not entry.get("height") and not entry.get("width"):  # the picture itself says them
        entry.update(id=number, height=None, width=None)
        return ""
    height, width = _number(entry.get("height")), _number(entry.get("width"))
    if not height or not width or not _is_side(height) or not _is_side(width) or height * width > MAX_PIXELS:
        return (
            f"has the height {_shown(entry.get('height'))} and the width {_shown(entry.get('width'))}; expected whole numbers "
            f"from 1 to {FULL_SIZE}, and at most {MAX_PIXELS // 10**6} million pixels"
        )
    entry.update(id=number, height=int(height), width=int(width))
    return ""


def _as_coco_category(entry: Entry) -> str:
    if (number := _id(entry["id"])) is None:
        return f"has the id {_shown(entry['id'])}; expected a whole number"
    entry["id"] = number
    return "" if _is_name(entry["name"]) else f"has the name {_shown(entry['name'])}; expected a text"


def _as_coco_annotation(entry: Entry, known: Collection[int | str]) -> str:
    if _is_annotation(entry, known):
        return ""
    picture, category = _id(entry["image_id"]), _id(entry["category_id"])
    if picture is None or category is None:
        ids = f"{_shown(entry['image_id'])} and {_shown(entry['category_id'])}"
        return f"has the image_id and category_id {ids}; expected whole numbers"
    if category not in known:
        return f"uses the category {category}, which the categories do not list"
    crowd = _number(CROWD_WORDS.get(str(entry.get("iscrowd")).lower(), entry.get("iscrowd")))
    area = None if entry.get("area") is None else _number(entry["area"])
    if crowd is None or crowd not in (0, 1) or (entry.get("area") is not None and area is None):
        return (
            f"has the area {_shown(entry.get('area'))} and iscrowd {_shown(entry.get('iscrowd'))}; expected a finite number, "
            "and 0 or 1"
        )
    entry.update(image_id=picture, category_id=category, iscrowd=int(crowd), area=area if area and area > 0 else None)
    return ""


def _is_annotation(entry: Any, known: Collection[int | str]) -> bool:
    """Is an annotation in COCO's form as it stands?"""
    try:
        category, area, crowd = entry["category_id"], entry["area"], entry["iscrowd"]
        return (
            type(entry["image_id"]) is int
            and type(category) is int
            and category in known
            and (type(area) is float or type(area) is int)
            and 0 < area < 1e18  # NaN is not; what is not counted is 0
            and type(crowd) is int
            and crowd in (0, 1)
        )
    except (KeyError, TypeError, IndexError):
        return False


def _id(value: Any) -> int | str | None:
    """A whole number however it is written, or a text that is none; None for anything else."""
    if isinstance(value, str):
        number = int(value) if len(value) < 20 and value.isdecimal() and value.isascii() else None
        return number if number is not None and str(number) == value else value if _is_name(value) else None
    whole = type(value) is int or (type(value) is float and value.is_integer())  # infinity and NaN are not
    return int(value) if whole else None


def _number(value: Any) -> float | None:
    """A finite number, also one that is written as a text or as a truth value."""
    try:
        number = float(value) if type(value) in (int, float, str, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 1e18 else None


def _is_side(side: float) -> bool:
    return 1 <= side <= FULL_SIZE and side == int(side)


def _spelled(file: str) -> str:
    """The shortest spelling of a path below a folder."""
    return str(PurePosixPath(file)) if "/" in file else file


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and is_text(value)


def _shown(value: Any) -> str:
    return repr(value)[:40]
