"""Tables that say the labels of pictures: ``labels.csv`` and ``labels.json``."""

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from recam_core.records import UserError
from recam_core.system.layouts import is_text

MAX_BYTES = 1 << 28
CSV_FORM = (
    "Expected the columns file and labels (names separated by ;), or file and one column of 0 and 1 for each class."
)
JSON_FORM = 'Expected {"file.jpg": ["dog", "person"]}.'


@dataclass(frozen=True)
class Table:
    """Labels by picture, in the order of the table; every class that it knows; what was odd about it."""

    labels: dict[str, tuple[str, ...]]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_table(path: Path) -> Table:
    """Labels of pictures from a CSV or JSON file in UTF-8; ``UserError`` says what is wrong, and in which line."""
    text = _read_text(path)
    table = _from_json(path.name, text) if path.suffix == ".json" else _from_csv(path.name, text)
    if not table.labels:
        raise UserError(f"{path.name} names no picture. {JSON_FORM if path.suffix == '.json' else CSV_FORM}")
    return table


def _from_csv(name: str, text: str) -> Table:
    first = text.partition("\n")[0]
    mark = next((mark for mark in (",", "\t") if mark in first), ";")  # a spreadsheet of some countries writes ;
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    try:
        header = [_clean(cell) for cell in next(reader, [])]
        if len(header) < 2 or header[0].lower() != "file":
            raise UserError(f"{name} begins with {', '.join(header)[:60]!r}. {CSV_FORM}")
        named = len(header) == 2 and header[1].lower() == "labels"
        if not named and ("" in header or len(set(header)) < len(header)):
            raise UserError(f"{name} has two columns of one name, or a column without one. {CSV_FORM}")
        labels: dict[str, tuple[str, ...]] = {}
        again = 0
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            where = f"{name}, line {reader.line_num}"
            if len(cells) != len(header) and not (named and mark == ";"):
                raise UserError(f"{where} has {len(cells)} cells, its header {len(header)}. {CSV_FORM}")
            found = _names(cells[1:]) if named else _marked(header[1:], cells[1:], where)
            file = _file(cells[0], where)
            again += file in labels
            labels[file] = tuple(dict.fromkeys((*labels.get(file, ()), *found)))
    except csv.Error as error:
        raise UserError(f"{name}, line {reader.line_num}, is no CSV: {error}. {CSV_FORM}") from error
    classes = {label for found in labels.values() for label in found} if named else set(header[1:])
    notes = (f"{again} lines of {name} name a picture again; its labels are joined.",) if again else ()
    return Table(labels, tuple(sorted(classes)), notes)


def _from_json(name: str, text: str) -> Table:
    try:
        content = json.loads(text, object_pairs_hook=tuple)  # a dict would forget what stands there twice
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name} is not JSON ({str(error)[:80]}). {JSON_FORM}") from error
    if not isinstance(content, tuple):
        raise UserError(f"{name} holds a {type(content).__name__}. {JSON_FORM}")
    labels: dict[str, tuple[str, ...]] = {}
    for text_of_file, found in content:
        if not isinstance(found, list) or not all(isinstance(label, str) and is_text(label) for label in found):
            raise UserError(f"{name}: the labels of {text_of_file[:60]!r} are no list of names. {JSON_FORM}")
        file = _file(text_of_file, name)
        labels[file] = tuple(dict.fromkeys((*labels.get(file, ()), *(label for label in map(_clean, found) if label))))
    again = len(content) - len(labels)
    notes = (f"{again} entries of {name} name a picture again; its labels are joined.",) if again else ()
    return Table(labels, tuple(sorted({label for found in labels.values() for label in found})), notes)


def _names(cells: Iterable[str]) -> tuple[str, ...]:
    parts = (_clean(part) for cell in cells for part in cell.split(";"))
    return tuple(dict.fromkeys(part for part in parts if part))


def _marked(classes: Sequence[str], cells: Sequence[str], where: str) -> tuple[str, ...]:
    values = [cell.strip() for cell in cells]
    strange = [value for value in values if value not in ("0", "1", "", "0.0", "1.0")]
    if strange:
        raise UserError(f"{where} holds {strange[0][:40]!r} where 0 or 1 was expected. {CSV_FORM}")
    return tuple(label for label, value in zip(classes, values, strict=True) if value in ("1", "1.0"))


def _file(text: str, where: str) -> str:
    """A path below the table's folder; ``UserError`` for one that would leave it."""
    path = PurePosixPath(text.strip().replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in text or not is_text(text):
        raise UserError(f"{where} names the file {text[:60]!r}; expected a path below the folder, such as dogs/1.jpg.")
    return str(path)


def _clean(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip())


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path.name} could not be read ({error.strerror}); check its permissions.") from error
    if len(data) > MAX_BYTES:
        raise UserError(f"{path.name} has more than {MAX_BYTES >> 20} MB; divide the data set.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is not in UTF-8 (byte {error.start}); save it as CSV UTF-8 or JSON.") from error
