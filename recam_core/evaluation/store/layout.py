"""What lies in the folder of a store, and how it is written and read, file by file.

``store.json`` holds version and settings. ``counts-0000.parquet`` and on hold some pictures each: a row a cell (picture,
map, true label, winning label, level) with its pixels, and in the file's metadata an entry a picture. The rows of a map are
sorted by picture, and a row group of their own, so that one map is read without the others (files of older versions hold
all maps in one, sorted by picture and map). Level = how many thresholds the winning value exceeds. ``objects-0000.parquet``
and on, where localisation was asked for, hold a row for each object of a part and level. Every file is whole or not there.
What several processes have counted lies in ``shares/`` until all is there (``sharing.py``).
"""

import contextlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recam_core.evaluation.localisation import ObjectCounts
from recam_core.evaluation.store.map_names import is_map_name
from recam_core.records import HeatmapOptions, UserError, from_plain
from recam_core.refiners import REFINERS
from recam_core.system.files import save_atomically

VERSION = 1
SETTINGS = "store.json"
COLUMNS = {
    "picture": "uint32",
    "map": "uint8",
    "truth": "uint8",
    "winner": "uint8",
    "level": "uint16",
    "pixels": "uint32",
}
OBJECTS = {
    "picture": "uint32",
    "map": "uint8",
    "label": "uint8",
    "iou": "float32",
    "inside": "uint32",
    "outside": "uint32",
}
_SCHEMA, _OBJECTS_SCHEMA = (
    pa.schema([(name, getattr(pa, kind)()) for name, kind in columns.items()]) for columns in (COLUMNS, OBJECTS)
)


@dataclass(frozen=True)
class StoreSettings:
    """What the counts of a store depend on. ``source`` is how the model was named, ``pictures`` a hash of their names."""

    model: str
    source: str
    sha256: str
    dataset: str
    root: str
    split: str
    total: int
    pictures: str
    options: HeatmapOptions
    refine: str  # the refiner whose maps were counted too, or an empty string
    refinement: dict[str, Any] | None  # its options
    maps: tuple[str, ...]
    classes: tuple[str, ...]
    thresholds: tuple[float, ...]
    localisation: bool = False
    boxed: bool = False  # no picture has a mask: objects are counted by their boxes, and no pixel

    def to_json(self) -> dict[str, Any]:
        """Plain data; the options of a refiner stand under its name, ``walk`` in any case; what was not asked for is left out."""
        plain = asdict(self)
        refine, refinement = plain.pop("refine"), plain.pop("refinement")
        for name in ("localisation", "boxed"):
            if not plain[name]:
                del plain[name]
        if not self.options.stretch:
            del plain["options"]["stretch"]
        plain |= {"walk": None} | ({refine: refinement} if refine else {})
        return json.loads(json.dumps(plain))

    def differences(self, other: "StoreSettings") -> list[str]:
        """Names of what differs and changes counts; where model and data lie does not."""
        mine, theirs = self.to_json(), other.to_json()
        names = dict.fromkeys([*mine, *theirs])
        return [name for name in names if name not in ("source", "root") and mine.get(name) != theirs.get(name)]


@dataclass(frozen=True)
class PictureEntry:
    """One picture in the index: ``ids`` of its labelled classes, whether it was ``counted``, and a ``note`` if not or in part.

    ``objects`` is the number of classes in its mask. ``points[map]`` (n,) is how far the pointing game is won for each of
    ``ids``, 0 … 1, None where the class has no pixel.
    """

    name: str
    size: tuple[int, int]  # (height, width) of the mask
    ids: tuple[int, ...]
    counted: bool
    objects: int
    note: str
    points: dict[str, list[float | None]]


def part_name(number: int) -> str:
    """The file of a part."""
    return f"counts-{number:04d}.parquet"


def objects_name(number: int) -> str:
    """The file of a part's objects."""
    return f"objects-{number:04d}.parquet"


def write_settings(folder: Path, settings: StoreSettings, finished: bool) -> None:
    """Write ``store.json``."""
    text = json.dumps(
        {"version": VERSION, "finished": finished, "settings": settings.to_json()}, indent=1, ensure_ascii=False
    )
    save_atomically(folder / SETTINGS, text.encode())


def read_settings(folder: Path) -> tuple[StoreSettings, bool]:
    """Settings and whether the evaluation was finished; ``UserError`` for no store, another version, or a damaged one."""
    path = folder / SETTINGS
    if not path.is_file():
        raise UserError(
            f"There is no evaluation in {folder.name}: expected the file {SETTINGS} there. Make one with python -m recam_core "
            "evaluate … --out DIR, or name the folder that holds it."
        )
    try:
        stored = json.loads(path.read_text("utf-8"))
        version = stored["version"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(folder, SETTINGS) from error
    if version != VERSION:
        age = "an older" if isinstance(version, int) and version < VERSION else "another"
        raise UserError(
            f"The evaluation in {folder.name} was written by {age} version of this program (format {version}, this one reads "
            f"{VERSION}). Run it again into another folder."
        )
    try:
        plain: dict[str, Any] = dict(stored["settings"])
        others = {name: plain.pop(name) for name in plain.keys() - StoreSettings.__dataclass_fields__.keys()}
        refine, refinement = next(((name, of) for name, of in others.items() if isinstance(of, dict)), ("", None))
        settings = from_plain(StoreSettings, plain, refine=refine, refinement=refinement)
        finished = bool(stored["finished"])
        if not (settings.maps and settings.classes and settings.thresholds):
            raise ValueError("an evaluation has maps, classes and thresholds")
    except (KeyError, TypeError, ValueError) as error:  # UserError is one
        raise _damaged(folder, SETTINGS) from error
    if refine and refine not in REFINERS:
        raise UserError(
            f"The evaluation in {folder.name} counted maps of the refiner {refine!r}, which this program does not have; "
            f"it has {', '.join(REFINERS)}."
        )
    if unknown := [name for name in settings.maps if not is_map_name(name)]:
        raise UserError(
            f"The evaluation in {folder.name} counted the maps {', '.join(unknown)}, which this program does not know; "
            "run it again into another folder."
        )
    return settings, finished


def write_part(
    folder: Path,
    number: int,
    entries: Sequence[PictureEntry],
    columns: dict[str, np.ndarray],
    numbers: Sequence[int] | None = None,
) -> None:
    """Write one part: entries of its pictures, and columns (m,) of their cells; ``numbers`` where pictures do not follow on."""
    arrays = [pa.array(columns[name], getattr(pa, kind)()) for name, kind in COLUMNS.items()]
    index = json.dumps([asdict(entry) for entry in entries], ensure_ascii=False, allow_nan=False)
    about = {"pictures": index} | ({} if numbers is None else {"numbers": json.dumps(list(numbers))})
    table = pa.Table.from_arrays(arrays, schema=_SCHEMA.with_metadata(about))
    stream = io.BytesIO()
    with pq.ParquetWriter(stream, table.schema, compression="zstd") as writer:
        for map_number in np.unique(columns["map"]):
            writer.write_table(table.filter(pa.array(columns["map"] == map_number)))
    save_atomically(folder / part_name(number), stream.getvalue())


def write_objects(folder: Path, number: int, counted: Mapping[int, ObjectCounts]) -> None:
    """Write the objects of one part by the number of the map: a row each and level, whose IoU past the last threshold is 0."""
    columns: dict[str, list[np.ndarray]] = {name: [] for name in OBJECTS}
    for map_number, objects in counted.items():
        levels = objects.inside.shape[1]
        repeated = (objects.picture, np.full(len(objects.label), map_number), objects.label)
        rows = [np.repeat(values, levels) for values in repeated]
        rows += [np.pad(objects.iou, ((0, 0), (0, 1))).ravel(), objects.inside.ravel(), objects.outside.ravel()]
        for name, values in zip(OBJECTS, rows, strict=True):
            columns[name].append(values)
    arrays = [pa.array(np.concatenate(columns[name]), getattr(pa, kind)()) for name, kind in OBJECTS.items()]
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=_OBJECTS_SCHEMA), stream, compression="zstd")
    save_atomically(folder / objects_name(number), stream.getvalue())


def read_objects(folder: Path, parts: Iterable[int], maps: int, levels: int) -> list[ObjectCounts]:
    """The objects of some parts, for each map; ``UserError`` where a file is not there or damaged."""
    arrays: dict[str, list[np.ndarray]] = {name: [] for name in OBJECTS}
    for number in parts:
        try:
            table = pq.read_table(folder / objects_name(number), schema=_OBJECTS_SCHEMA)
        except (OSError, pa.ArrowException, ValueError) as error:
            raise _damaged(folder, objects_name(number)) from error
        if len(table) % levels or any(column.null_count for column in table.columns):
            raise _damaged(folder, objects_name(number))
        for name in OBJECTS:
            arrays[name].append(table.column(name).to_numpy().reshape(-1, levels))
    columns = {name: np.concatenate(values) for name, values in arrays.items()}
    objects = ObjectCounts(
        columns["picture"][:, 0],
        columns["label"][:, 0],
        columns["iou"][:, :-1],
        *(columns[name].astype(np.int64) for name in ("inside", "outside")),
    )
    return [objects[columns["map"][:, 0] == number] for number in range(maps)]


def part_paths(folder: Path) -> list[Path]:
    """The parts so far, in order; ``UserError`` where one is missing."""
    there = sorted(path.name for path in folder.glob("counts-*.parquet"))
    if there != [part_name(number) for number in range(len(there))]:
        raise UserError(
            f"Of the evaluation in {folder.name} a part is missing before {there[-1]}. Run it again into another folder."
        )
    return [folder / name for name in there]


def read_entries(folder: Path) -> list[PictureEntry]:
    """Entries of all pictures so far, in order."""
    return [entry for path in part_paths(folder) for entry in read_index(path)[0]]


def read_index(path: Path) -> tuple[list[PictureEntry], list[int]]:
    """Entries of the pictures of a part; their numbers, where they do not follow on those of the part before."""
    with _whole(path):
        about = pq.read_schema(path).metadata or {}
        entries = [from_plain(PictureEntry, entry) for entry in json.loads(about[b"pictures"])]
        return entries, [int(number) for number in json.loads(about.get(b"numbers", "[]"))]


def largest(path: Path) -> dict[str, int]:
    """The largest number of each column of a part, as the file itself says; nothing of a part without a cell."""
    most: dict[str, int] = {}
    with _whole(path), pq.ParquetFile(path) as file:
        if not file.schema_arrow.equals(_SCHEMA):
            raise ValueError("other columns")
        for group in _groups(file).values():
            for i, name in enumerate(COLUMNS):
                about = group.column(i).statistics
                if about.null_count:
                    raise ValueError("a number is missing")
                most[name] = max(most.get(name, 0), about.max)
    return most


def count_at_most(path: Path, number: int) -> int:
    """How many cells of one map a part may have; of files of older versions those of all maps."""
    with _whole(path), pq.ParquetFile(path) as file:
        return sum(file.metadata.row_group(i).num_rows for i in _holding(file, number))


def read_map(path: Path, number: int) -> dict[str, np.ndarray]:
    """The columns (m,) of the cells of one map of a part, sorted by picture."""
    with _whole(path), pq.ParquetFile(path) as file:
        table = file.read_row_groups(_holding(file, number))
        mine = table.column("map").to_numpy() == number
        table = table if mine.all() else table.filter(pa.array(mine))
        columns = {name: table.column(name).to_numpy() for name in COLUMNS}
        if (columns["picture"][1:] < columns["picture"][:-1]).any():
            raise ValueError("not in order")
        return columns


def _holding(file: pq.ParquetFile, number: int) -> list[int]:
    """The row groups that may have cells of a map."""
    ranges = {i: group.column(list(COLUMNS).index("map")).statistics for i, group in _groups(file).items()}
    return [i for i, there in ranges.items() if there.min <= number <= there.max]


def _groups(file: pq.ParquetFile) -> dict[int, Any]:
    """What a part says of its row groups; a part without a cell may have an empty one."""
    groups = {i: file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)}
    return {i: group for i, group in groups.items() if group.num_rows}


def read_cells(path: Path) -> pa.Table:
    """The columns of a part, in which nothing is missing."""
    with _whole(path):
        table = pq.read_table(path, schema=_SCHEMA)
        if any(column.null_count for column in table.columns):
            raise ValueError("a number is missing")
        return table


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[None]:
    """What cannot be read of a part is a sentence that names it."""
    try:
        yield
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path.parent, path.name) from error


def _damaged(folder: Path, name: str) -> UserError:
    again = (
        "run the evaluation again"
        if name == SETTINGS
        else "delete it and all later parts, and run the same command again"
    )
    return UserError(f"{name} of the evaluation in {folder.name} is damaged or half-written: {again}.")
