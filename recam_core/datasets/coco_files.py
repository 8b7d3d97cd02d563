"""COCO's JSON files: read, and every entry checked before anything relies on it."""

import json
from collections import Counter
from collections.abc import Callable, Collection
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
    "images": ("id", "file_name", "height", "width"),
    "annotations": ("image_id", "category_id", "iscrowd", "area"),
    "categories": ("id", "name"),
}
Entry = dict[str, Any]


def read_instances(path: Path) -> dict[str, list[Entry]]:
    """The lists of an instances file; ids are whole numbers of their own, names texts of their own, sizes those of pictures.

    Raises ``UserError`` that names the file and the first entry that is otherwise.
    """
    if not is_file(path):
        unlabelled = path.with_name(path.name.replace("instances_", "image_info_"))
        if is_file(unlabelled):
            raise UserError(f"{unlabelled.name} lists pictures without labels (a test split), {UNLABELLED}")
        raise UserError(
            f"There is no {path.name} in {path.parent.name}/; COCO's annotations of this split belong there."
        )
    content = _read_json(path, "is not a COCO instances file")
    if not isinstance(content, dict):
        raise UserError(f"{path.name} is not a COCO instances file: it holds a {type(content).__name__}.")
    _check_lists(path.name, content)
    if len(content["categories"]) > IGNORE - 1:
        raise UserError(f"{path.name} has more than {IGNORE - 1} categories, which do not fit label maps of 8 bits.")
    return {part: content[part] for part in FIELDS}


def read_image_labels(path: Path, classes: Collection[str]) -> dict[str, list[str]]:
    """Labels of pictures that have no annotations, by file name; none where there is no such file."""
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


def _check_lists(name: str, content: dict[str, Any]) -> None:
    if isinstance(content.get("images"), list) and "annotations" not in content:
        raise UserError(
            f"{name} has no annotations: it lists pictures only (COCO's files of test splits do), {UNLABELLED}"
        )
    for part in FIELDS:
        if not isinstance(content.get(part), list):
            raise UserError(f"{name} has no list of {part}; expected a COCO instances file.")
    for part, fault in (("images", _picture_fault), ("categories", _category_fault)):
        _check_each(name, part, content[part], fault)
    _check_unique(name, "images", "id", [entry["id"] for entry in content["images"]])
    _check_unique(name, "images", "file_name", [_spelled(entry["file_name"]) for entry in content["images"]])
    for field in ("id", "name"):
        _check_unique(name, "categories", field, [entry[field] for entry in content["categories"]])
    known = {category["id"] for category in content["categories"]}
    if not all(_is_annotation(entry, known) for entry in content["annotations"]):  # there may be a million
        _check_each(name, "annotations", content["annotations"], lambda entry: _annotation_fault(entry, known))


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


def _picture_fault(entry: Entry) -> str:
    if type(entry["id"]) is not int:
        return f"has the id {_shown(entry['id'])}; expected a whole number"
    if not _is_name(entry["file_name"]):
        return f"has the file_name {_shown(entry['file_name'])}; expected a text"
    sides = entry["height"], entry["width"]
    if not all(type(side) is int and 1 <= side <= FULL_SIZE for side in sides) or sides[0] * sides[1] > MAX_PIXELS:
        return (
            f"has the height {_shown(sides[0])} and the width {_shown(sides[1])}; expected whole numbers from 1 to {FULL_SIZE}, "
            f"and at most {MAX_PIXELS // 10**6} million pixels"
        )
    return ""


def _category_fault(entry: Entry) -> str:
    if type(entry["id"]) is not int:
        return f"has the id {_shown(entry['id'])}; expected a whole number"
    return "" if _is_name(entry["name"]) else f"has the name {_shown(entry['name'])}; expected a text"


def _is_annotation(entry: Any, known: Collection[int]) -> bool:
    """Is all well with an annotation? What is wrong is for `_annotation_fault` to say."""
    try:
        category, area = entry["category_id"], entry["area"]
        return (
            type(entry["image_id"]) is int
            and type(category) is int
            and category in known
            and (type(area) is float or type(area) is int)
            and -1e18 < area < 1e18  # NaN is not
            and entry["iscrowd"] in (0, 1)
        )
    except (KeyError, TypeError, IndexError):
        return False


def _annotation_fault(entry: Entry, known: Collection[int]) -> str:
    if _is_annotation(entry, known):
        return ""
    if type(entry["image_id"]) is not int or type(entry["category_id"]) is not int:
        ids = f"{_shown(entry['image_id'])} and {_shown(entry['category_id'])}"
        return f"has the image_id and category_id {ids}; expected whole numbers"
    if entry["category_id"] not in known:
        return f"uses the category {entry['category_id']}, which the categories do not list"
    return f"has the area {_shown(entry['area'])} and iscrowd {_shown(entry['iscrowd'])}; expected a finite number, and 0 or 1"


def _spelled(file: str) -> str:
    """The shortest spelling of a path below a folder."""
    return str(PurePosixPath(file)) if "/" in file else file


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and is_text(value)


def _shown(value: Any) -> str:
    return repr(value)[:40]
