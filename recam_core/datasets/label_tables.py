"""Tables that say the labels of pictures: ``labels.csv`` and ``labels.json``."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from recam_core.datasets.on_disk import read_bounded
from recam_core.records import UserError
from recam_core.system.files import text_of
from recam_core.system.layouts import is_text

MAX_BYTES = 1 << 28
# heads of columns, without capitals, spaces and marks; where a table has several the first here counts
FILE_HEADS = (
    "file", "filename", "image", "imagename", "imagefile", "img", "picture", "path", "filepath", "imagepath", "imageid", "id",
)  # fmt: skip
LABEL_HEADS = ("labels", "label", "classes", "class", "classname", "tags", "tag", "categories", "category")
CELL_MARKS = (",", "\t", ";", "|")  # between cells; a spreadsheet of some countries writes ;
LABEL_MARKS = (
    ";",
    "|",
    ",",
    "；",
    "，",
    "、",
    "\t",
)  # between the labels of a cell: of those that a table has the first
NO_NAME = ("nan", "none", "null", "na", "n/a")  # what programs write into an empty cell
YES, NO = ("1", "1.0", "true"), ("0", "0.0", "false", "")
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
    text, mark = _without_mark_line(text)
    first = re.search(r"[^\r\n]+", text)
    mark = mark or next((mark for mark in CELL_MARKS if first and mark in first[0]), ";")
    rows = _rows(name, text, mark)
    _, cells = next(rows, (0, []))
    header = [_clean(cell) for cell in cells]
    heads = [re.sub(r"[\s_-]", "", head.lower()) for head in header]
    file = next((heads.index(head) for head in FILE_HEADS if head in heads), -1)
    if len(header) < 2 or file < 0:
        raise UserError(f"{name} begins with {', '.join(header)[:60]!r}. {CSV_FORM}")
    table = [(f"{name}, line {line}", cells) for line, cells in rows]
    several = mark == ";" and len(header) == 2 and file == 0 and heads[1] in LABEL_HEADS  # a cell for each label
    for where, cells in table:
        if len(cells) != len(header) and not several:
            raise UserError(f"{where} has {len(cells)} cells, its header {len(header)}. {CSV_FORM}")
    named = _label_column(heads, file, [cells for _, cells in table])
    classes = header[:file] + header[file + 1 :]
    if named is None and ("" in header or len(set(header)) < len(header)):
        raise UserError(f"{name} has two columns of one name, or a column without one. {CSV_FORM}")
    labelled: list[tuple[str, list[str], list[str]]] = []  # a picture, its labels, and cells that may hold several
    for where, cells in table:
        others = cells[:file] + cells[file + 1 :]
        listed = (
            (_marked(classes, others, where), []) if named is None else _listed(others if several else [cells[named]])
        )
        labelled.append((_file(cells[file], where), *listed))
    parted, notes = _parting({cell for _, _, cells in labelled for cell in cells})
    labels, again = _joined(
        (file, [*listed, *(part for cell in cells for part in parted(cell))]) for file, listed, cells in labelled
    )
    if again:
        notes += (f"{again} lines of {name} name a picture again; its labels are joined.",)
    if named is not None:
        classes = sorted({label for listed in labels.values() for label in listed})
        notes += _passed_over(name, header, {file, named}) + _no_names(classes)
    return Table(labels, tuple(sorted(classes)), notes)


def _label_column(heads: Sequence[str], file: int, rows: Sequence[Sequence[str]]) -> int | None:
    """Where labels are named; None where each class has a column of 0 and 1."""
    named = next((heads.index(head) for head in LABEL_HEADS if head in heads), None)
    if named is None or len(heads) == 2:
        return named
    marks = (cell.strip().lower() for cells in rows for i, cell in enumerate(cells) if i != file)
    return None if all(mark in (*YES, *NO) for mark in marks) else named


def _passed_over(name: str, header: Sequence[str], used: Collection[int]) -> tuple[str, ...]:
    others = [head for i, head in enumerate(header) if i not in used]
    some = ", ".join(f"“{head[:40]}”" for head in others[:5])
    return (f"{len(others)} columns of {name} are passed over: {some}.",) if others else ()


def _no_names(classes: Iterable[str]) -> tuple[str, ...]:
    odd = [label for label in classes if label.lower() in NO_NAME]
    return tuple(f"“{label}” is taken for a class; leave the cell empty where a picture has no label." for label in odd)


def _without_mark_line(text: str) -> tuple[str, str]:
    """A table without the first line ``sep=;`` that a spreadsheet may write, and the mark that it names."""
    separator = re.match(r'"?sep=(.)"?\r?\n?', text, re.IGNORECASE)
    return (text[separator.end() :], separator[1]) if separator else (text, "")


def _rows(name: str, text: str, mark: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row that is not empty; ``UserError`` names the line where a quote begins that never ends."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    before = 0
    try:
        for cells in reader:
            if any("\n" in cell or "\r" in cell for cell in cells):
                raise UserError(f"{name}, line {before + 1}, has a quote that ends in another line. {CSV_FORM}")
            if any(cell.strip() for cell in cells):
                yield before + 1, cells
            before = reader.line_num
    except csv.Error as error:
        raise UserError(f"{name}, line {before + 1}, is no CSV: {_in_words(error)}. {CSV_FORM}") from error


def _in_words(error: csv.Error) -> str:
    unclosed = "unexpected end of data" in str(error) or "expected after" in str(error)
    return 'it has a quote (") that does not end where its cell does' if unclosed else str(error)


def _joined(rows: Iterable[tuple[str, Iterable[str]]]) -> tuple[dict[str, tuple[str, ...]], int]:
    """Labels by picture, and how often one was named again."""
    labels: dict[str, tuple[str, ...]] = {}
    again = 0
    for file, listed in rows:
        again += file in labels
        labels[file] = tuple(dict.fromkeys((*labels.get(file, ()), *listed)))
    return labels, again


def _from_json(name: str, text: str) -> Table:
    try:
        content = json.loads(text, object_pairs_hook=tuple)  # a dict would forget what stands there twice
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name} is not JSON ({str(error)[:80]}). {JSON_FORM}") from error
    if not isinstance(content, tuple):
        raise UserError(f"{name} holds a {type(content).__name__}. {JSON_FORM}")
    rows = []
    for text_of_file, listed in content:
        if not isinstance(listed, list) or not all(isinstance(label, str) and is_text(label) for label in listed):
            raise UserError(f"{name}: the labels of {text_of_file[:60]!r} are no list of names. {JSON_FORM}")
        rows.append((_file(text_of_file, name), [label for label in map(_clean, listed) if label]))
    labels, again = _joined(rows)
    notes = _odd_names({label for listed in labels.values() for label in listed}, ",;|，；、")
    notes += (f"{again} entries of {name} name a picture again; its labels are joined.",) if again else ()
    return Table(labels, tuple(sorted({label for listed in labels.values() for label in listed})), notes)


def _listed(cells: Iterable[str]) -> tuple[list[str], list[str]]:
    """Labels of a row out of lists in brackets (Python's, JSON's, NumPy's), and its other cells."""
    listed, others = [], []
    for cell in map(_clean, cells):
        if cell[:1] + cell[-1:] in ("[]", "()", "{}"):
            listed += _bracketed(cell)
        elif cell:
            others.append(cell)
    return [label for label in listed if label], others


def _bracketed(cell: str) -> list[str]:
    try:
        content = json.loads(cell)
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, list) and all(isinstance(label, str) and is_text(label) for label in content):
        return [_clean(label) for label in content]
    quoted = re.findall(r"""'([^']*)'|"([^"]*)\"""", cell)
    return [_clean(a or b) for a, b in quoted] if quoted else [_clean(part) for part in re.split("[,;]", cell[1:-1])]


def _parting(cells: Collection[str]) -> tuple[Callable[[str], list[str]], tuple[str, ...]]:
    """How the labels in a table's cells are parted, and what is to be said about it.

    At ``;`` where the table has one, else at ``|``, else at commas, also those of East Asia. At spaces only where each word is a
    label by itself elsewhere: ``traffic light`` is one.
    """
    mark = next((mark for mark in LABEL_MARKS if any(mark in cell for cell in cells)), "")
    if mark:
        notes = _odd_names({part for cell in cells for part in _split(cell, mark)}, ',|/+&"“')
        if mark in ",，、":
            comma = (
                "Labels are separated at commas here. Where a comma belongs to a name, separate labels with ; instead."
            )
            notes = (comma, *notes)
        return lambda cell: _split(cell, mark), notes
    several = [cell.split() for cell in cells if " " in cell]
    if several and all(word in cells for words in several for word in words):
        return str.split, ("Labels are separated at spaces here: each word stands alone elsewhere.",)
    return lambda cell: [cell], _odd_names(cells, '/+& "“')


def _split(label: str, mark: str) -> list[str]:
    return [part for part in map(_clean, label.split(mark)) if part]


def _odd_names(names: Iterable[str], marks: str) -> tuple[str, ...]:
    """A sentence where names of classes look as if they were several."""
    odd = sorted(name for name in names if set(name) & set(marks))
    if not odd:
        return ()
    what = "a space or a mark" if " " in marks else "a mark"
    some = ", ".join(f"“{name[:40]}”" for name in odd[:3])
    return (f"{len(odd)} names of classes hold {what}, such as {some}; each is one class. Several are separated by ;.",)


def _marked(classes: Sequence[str], cells: Sequence[str], where: str) -> list[str]:
    values = [cell.strip().lower() for cell in cells]
    strange = [cell.strip() for cell, value in zip(cells, values, strict=True) if value not in (*YES, *NO)]
    if strange:
        raise UserError(f"{where} holds {strange[0][:40]!r} where 0 or 1 was expected. {CSV_FORM}")
    return [label for label, value in zip(classes, values, strict=True) if value in YES]


def _file(text: str, where: str) -> str:
    """A path below the table's folder; ``UserError`` for one that would leave it."""
    path = PurePosixPath(_unquoted(text.strip()).replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in text or not is_text(text):
        raise UserError(f"{where} names the file {text[:60]!r}; expected a path below the folder, such as dogs/1.jpg.")
    return str(path)


def _clean(text: str) -> str:
    return unicodedata.normalize("NFC", _unquoted(text.strip()))


def _unquoted(text: str) -> str:
    """A text without the single quotes around it, which no CSV knows and some programs write."""
    return text[1:-1].strip() if len(text) > 2 and text[0] == text[-1] == "'" else text


def _read_text(path: Path) -> str:
    try:
        return text_of(read_bounded(path, MAX_BYTES, "divide the data set"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is not in UTF-8 (byte {error.start}); save it as CSV UTF-8 or JSON.") from error
