"""An evaluation that several processes share: each keeps what it counts apart, and whoever ends last joins it.

They do not talk to one another. Process r of n counts every n-th picture into ``shares/r-of-n/``, in parts like those of a store
that also hold the pictures' numbers; so a share goes on where it was stopped, also with another number of processes.
"""

import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from recam_core.evaluation.localisation import ObjectCounts, joined_objects
from recam_core.evaluation.store.layout import (
    COLUMNS,
    PictureEntry,
    StoreSettings,
    read_cells,
    read_entries,
    read_index,
    read_objects,
    write_objects,
    write_part,
    write_settings,
)
from recam_core.system.launcher import Share
from recam_core.system.locks import held

SHARES, LOCK = "shares", ".lock"
JOINING = 3600.0  # seconds that a process waits for another one that is joining
Place = tuple[Path, PictureEntry]  # the part that holds a picture, and its entry there


def share_folder(folder: Path, share: Share) -> Path:
    """Where a process keeps what it counts."""
    return folder / SHARES / f"{share.rank}-of-{share.world}"


def loose_pictures(folder: Path) -> dict[int, Place]:
    """The pictures that lie in shares, by number."""
    places: dict[int, Place] = {}
    for path in sorted((folder / SHARES).glob("*/counts-*.parquet")):
        entries, numbers = read_index(path)
        places |= {number: (path, entry) for number, entry in zip(numbers, entries, strict=True)}
    return places


def join_shares(folder: Path, settings: StoreSettings, pictures: int, busy: str) -> list[PictureEntry] | None:
    """Make a finished store of the shares, ``pictures`` to a part, and return all entries.

    None where a picture is still lacking, or where another process has joined them meanwhile.
    """
    with held(folder / LOCK, busy, patience=JOINING):
        if not (folder / SHARES).is_dir():
            return None
        entries = read_entries(folder)
        places = loose_pictures(folder)
        begin = len(entries)
        if not places.keys() >= set(range(begin, settings.total)):
            return None
        number = len(list(folder.glob("counts-*.parquet")))
        parts = lru_cache(maxsize=len({path.parent for path, _ in places.values()}) + 1)  # as many as there are shares
        cells, objects = parts(_cells), parts(lambda path: _objects(path, settings))
        for start in range(begin, settings.total, pictures):
            block = {i: places[i] for i in range(start, min(start + pictures, settings.total))}
            if settings.localisation:  # before the counts, which say that a part is there
                write_objects(folder, number, _block_objects(block, objects))
            write_part(folder, number, [entry for _, entry in block.values()], _block_cells(block, cells))
            number += 1
            entries += [entry for _, entry in block.values()]
        write_settings(folder, settings, finished=True)
        shutil.rmtree(folder / SHARES)
    return entries


def _cells(path: Path) -> dict[str, np.ndarray]:
    table = read_cells(path)
    return {name: table.column(name).to_numpy() for name in COLUMNS}


def _block_cells(block: dict[int, Place], cells: Callable[[Path], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Columns (m,) of the cells of some pictures, in the order of their numbers."""
    rows: dict[str, list[np.ndarray]] = {name: [np.zeros(0, int)] for name in COLUMNS}
    for path, mine in _by_part(block):
        columns = cells(path)
        chosen = np.isin(columns["picture"], mine)
        for name, values in columns.items():
            rows[name].append(values[chosen])
    whole = {name: np.concatenate(values) for name, values in rows.items()}
    order = np.argsort(whole["picture"], kind="stable")  # the cells of a picture stay in their order
    return {name: values[order] for name, values in whole.items()}


def _objects(path: Path, settings: StoreSettings) -> list[ObjectCounts]:
    number = int(path.stem.removeprefix("counts-"))
    return read_objects(path.parent, [number], len(settings.maps), len(settings.thresholds) + 1)


def _block_objects(block: dict[int, Place], objects: Callable[[Path], list[ObjectCounts]]) -> dict[int, ObjectCounts]:
    """The objects of some pictures by the number of the map, in the order of the pictures' numbers."""
    chosen = [[of[np.isin(of.picture, mine)] for of in objects(path)] for path, mine in _by_part(block)]
    whole = [joined_objects(parts) for parts in zip(*chosen, strict=True)]
    return {number: of[np.argsort(of.picture, kind="stable")] for number, of in enumerate(whole)}


def _by_part(block: dict[int, Place]) -> list[tuple[Path, list[int]]]:
    """The parts that hold some pictures, and which of them each holds."""
    paths = dict.fromkeys(path for path, _ in block.values())
    return [(path, [i for i, (where, _) in block.items() if where == path]) for path in paths]
