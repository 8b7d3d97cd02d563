"""What lies in the folder of a store, and how it is written and read, file by file.

``store.json`` holds version and settings. ``counts-0000.parquet`` and on hold some pictures each: a row a cell (picture,
map, true label, winning label, level) with its pixels, sorted by picture and map, and in the file's metadata an entry a
picture. Level = how many thresholds the winning value exceeds. Every file is whole or not there.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recam_core.records import HeatmapOptions, UserError, from_plain
from recam_core.records.stored import is_map_name
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
_SCHEMA = pa.schema([(name, getattr(pa, kind)()) for name, kind in COLUMNS.items()])


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
    walk: dict[str, Any] | None
    maps: tuple[str, ...]
    classes: tuple[str, ...]
    thresholds: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return json.loads(json.dumps(asdict(self)))

    def differences(self, other: "StoreSettings") -> list[str]:
        """Names of what differs and changes counts; where model and data lie does not."""
        mine, theirs = self.to_json(), other.to_json()
        return [name for name in mine if name not in ("source", "root") and mine[name] != theirs[name]]


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
        settings = from_plain(StoreSettings, stored["settings"])
        if (
            not settings.maps
            or not settings.classes
            or not settings.thresholds
            or not all(map(is_map_name, settings.maps))
        ):
            raise ValueError("an evaluation has maps, classes and thresholds")
        return settings, bool(stored["finished"])
    except (KeyError, TypeError, ValueError) as error:  # UserError is one
        raise _damaged(folder, SETTINGS) from error


def write_part(folder: Path, number: int, entries: Sequence[PictureEntry], columns: dict[str, np.ndarray]) -> None:
    """Write one part: entries of its pictures, and columns (m,) of their cells."""
    arrays = [pa.array(columns[name], getattr(pa, kind)()) for name, kind in COLUMNS.items()]
    index = json.dumps([asdict(entry) for entry in entries], ensure_ascii=False, allow_nan=False)
    table = pa.Table.from_arrays(arrays, schema=_SCHEMA.with_metadata({"pictures": index}))
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="zstd")
    save_atomically(folder / part_name(number), stream.getvalue())


def read_parts(folder: Path, columns: bool = True) -> tuple[list[PictureEntry], list[pa.Table]]:
    """Entries of all pictures so far, and the tables of the parts (none without ``columns``), in order."""
    there = sorted(path.name for path in folder.glob("counts-*.parquet"))
    if there != [part_name(number) for number in range(len(there))]:
        raise UserError(
            f"Of the evaluation in {folder.name} a part is missing before {there[-1]}. Run it again into another folder."
        )
    entries: list[PictureEntry] = []
    tables = []
    for name in there:
        try:
            schema = pq.read_schema(folder / name)
            for entry in json.loads((schema.metadata or {})[b"pictures"]):
                entries.append(from_plain(PictureEntry, entry))
            if columns:
                tables.append(pq.read_table(folder / name, schema=_SCHEMA))
        except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
            raise _damaged(folder, name) from error
    return entries, tables


def _damaged(folder: Path, name: str) -> UserError:
    again = (
        "run the evaluation again"
        if name == SETTINGS
        else "delete it and all later parts, and run the same command again"
    )
    return UserError(f"{name} of the evaluation in {folder.name} is damaged or half-written: {again}.")
