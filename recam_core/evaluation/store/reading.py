"""A store in memory: a few numbers a cell, from which figures at any threshold are sums."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from recam_core.evaluation.evaluate import check_counted
from recam_core.evaluation.localisation import Localisation, ObjectCounts, localisation
from recam_core.evaluation.metrics import Areas, means_of
from recam_core.evaluation.store.layout import (
    PictureEntry,
    StoreSettings,
    count_at_most,
    largest,
    part_paths,
    read_entries,
    read_map,
    read_objects,
    read_settings,
)
from recam_core.evaluation.sweep import ThresholdSweep, best_of
from recam_core.records import UserError
from recam_core.system.cache import Cache

BLOCK = 1 << 22  # cells that are worked on at once
MOST_BYTES = 5 << 28  # of cells of one store that stay in memory: two maps of 118,287 pictures


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of one map: those of picture i are ``first[i]`` to ``first[i + 1]`` of labels, level and pixels, (m,) each."""

    first: np.ndarray  # (P + 1,)
    truth: np.ndarray
    winner: np.ndarray
    level: np.ndarray
    pixels: np.ndarray

    @property
    def picture(self) -> np.ndarray:
        """The number of the picture of each cell, (m,)."""
        return np.repeat(np.arange(len(self.first) - 1, dtype=np.uint32), np.diff(self.first))

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return sum(column.nbytes for column in vars(self).values())

    def of(self, pictures: np.ndarray) -> "Cells":
        """Those of some pictures, (P,) bool; the others have none."""
        counts = np.diff(self.first)
        chosen = np.repeat(pictures, counts)
        return Cells(
            _ends(np.where(pictures, counts, 0)),
            *(column[chosen] for column in (self.truth, self.winner, self.level, self.pixels)),
        )

    def blocks(self) -> Iterator[tuple[slice, "Cells"]]:
        """Some pictures at a time, and their cells: what is worked out of all at once takes many times their memory."""
        start, count = 0, len(self.first) - 1
        while start < count:
            end = max(start + 1, int(np.searchsorted(self.first, self.first[start] + BLOCK, side="right")) - 1)
            mine = slice(self.first[start], self.first[end])
            first = self.first[start : end + 1] - self.first[start]
            yield (
                slice(start, end),
                Cells(first, self.truth[mine], self.winner[mine], self.level[mine], self.pixels[mine]),
            )
            start = end


class StoredCells(Mapping[str, Cells]):
    """The cells of each map of a store, read when they are asked for; the last ones stay in memory."""

    def __init__(self, paths: Sequence[Path], settings: StoreSettings, pictures: int) -> None:
        self._paths, self._pictures = paths, pictures
        self._numbers = {name: number for number, name in enumerate(settings.maps)}
        self._level = np.min_scalar_type(len(settings.thresholds))
        self._read: Cache[Cells] = Cache(MOST_BYTES, lambda cells: cells.nbytes)

    def __getitem__(self, name: str) -> Cells:
        cells = self._read.get(name)
        if cells is None:
            cells = self._whole(self._numbers[name])
            self._read.put(name, cells)
        return cells

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def _whole(self, number: int) -> Cells:
        """Part after part into arrays that are there, so that nothing is in memory twice."""
        most = sum(count_at_most(path, number) for path in self._paths)
        small, large = np.dtype(np.uint8), np.dtype(np.uint32)
        kinds: dict[str, np.dtype] = {"truth": small, "winner": small, "level": self._level, "pixels": large}
        there = sum(cells.nbytes for cells in self._read.values())
        if there + most * sum(kind.itemsize for kind in kinds.values()) > MOST_BYTES:
            self._read.clear()  # before there is more, not after
        columns = {name: np.empty(most, kind) for name, kind in kinds.items()}
        counts, end = np.zeros(self._pictures, np.int64), 0
        for path in self._paths:
            part = read_map(path, number)
            counts += np.bincount(part["picture"], minlength=self._pictures)
            start, end = end, end + len(part["picture"])
            for name, column in columns.items():
                column[start:end] = part[name]
        for column in columns.values():
            column.resize(end, refcheck=False)
        return Cells(_ends(counts), **columns)


def _ends(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)])


@dataclass(frozen=True, eq=False)
class Curves:
    """Figures of all pictures taken together at every threshold, (T,); ``best`` is the index of the highest mIoU."""

    miou: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    best: int


@dataclass(frozen=True, eq=False)
class Store:
    """Pictures, settings and cells of an evaluation, and objects where they were counted; ``finished`` unless it was stopped."""

    folder: Path
    settings: StoreSettings
    finished: bool
    entries: list[PictureEntry]
    cells: Mapping[str, Cells]
    objects: dict[str, ObjectCounts] = field(default_factory=dict)

    @property
    def labels(self) -> int:
        """K + 1."""
        return len(self.settings.classes) + 1

    @property
    def thresholds(self) -> np.ndarray:
        """(T,) float32; a threshold is named by its index."""
        return np.asarray(self.settings.thresholds, np.float32)

    @cached_property
    def names(self) -> list[str]:
        """Of all P pictures, in the order of their numbers."""
        return [entry.name for entry in self.entries]

    @cached_property
    def number(self) -> dict[str, int]:
        """The number of a picture by its name."""
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def counted(self) -> np.ndarray:
        """Which pictures were counted, (P,) bool."""
        return np.array([entry.counted for entry in self.entries], bool)

    @cached_property
    def notes(self) -> list[str]:
        """Why pictures were left out, one sentence each."""
        return [f"{entry.name}: {entry.note}" for entry in self.entries if entry.note]

    @cached_property
    def _truth(self) -> np.ndarray:
        truth = self._zeros()
        for pictures, cells in next(iter(self.cells.values())).blocks():
            truth[pictures] = self._summed(cells, cells.truth, cells.pixels)
        return truth

    @cached_property
    def _curves(self) -> dict[str, Curves]:
        return {}

    def areas(self, name: str, index: int) -> Areas:
        """Pixels of each picture and label under a map at one threshold."""
        hit, predicted = self._zeros(), self._zeros()
        for pictures, cells in self.cells[name].blocks():
            called = np.where(cells.level > index, cells.winner, 0)
            hit[pictures] = self._summed(cells, called, np.where(called == cells.truth, cells.pixels, 0))
            predicted[pictures] = self._summed(cells, called, cells.pixels)
        return Areas(hit, self._truth, predicted)

    def confusion(self, name: str, index: int, pictures: np.ndarray | None = None) -> np.ndarray:
        """Confusion matrix (K+1, K+1) at one threshold, rows ground truth; of ``pictures`` (P,) bool alone where given."""
        matrix = np.zeros(self.labels**2)
        for numbers, cells in self.cells[name].blocks():
            called = np.where(cells.level > index, cells.winner, 0).astype(np.int64)
            pixels = cells.pixels if pictures is None else np.where(pictures[numbers][cells.picture], cells.pixels, 0)
            matrix += np.bincount(cells.truth.astype(np.int64) * self.labels + called, pixels, self.labels**2)
        return np.rint(matrix).astype(np.int64).reshape(self.labels, self.labels)

    def taken(self, name: str, index: int, truth: int, called: int) -> np.ndarray:
        """In each picture the pixels of one cell of the confusion matrix, (P,)."""
        pixels = np.zeros(len(self.entries))
        for pictures, cells in self.cells[name].blocks():
            there = (cells.truth == truth) & (np.where(cells.level > index, cells.winner, 0) == called)
            pixels[pictures] = np.bincount(cells.picture[there], cells.pixels[there], len(cells.first) - 1)
        return pixels

    def sweep(self, name: str) -> ThresholdSweep:
        """The counts of all pictures together at every threshold."""
        sweep = ThresholdSweep(self.labels - 1, self.thresholds)
        counts = np.zeros(sweep.counts.size)
        for _, cells in self.cells[name].blocks():
            pair = cells.truth.astype(np.int64) * self.labels + cells.winner
            counts += np.bincount(pair * (len(self.thresholds) + 1) + cells.level, cells.pixels, counts.size)
        sweep.counts = np.rint(counts).astype(np.int64).reshape(sweep.counts.shape)
        return sweep

    def curves(self, name: str) -> Curves:
        """mIoU, FP and FN at every threshold; worked out once."""
        if name not in self._curves:
            self._curves[name] = _curves(self.sweep(name).areas())
        return self._curves[name]

    def points(self, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The pointing game of a map: number of the picture, label, and outcome 0 … 1, for each object that is there."""
        rows = [
            (i, k + 1, outcome)
            for i, entry in enumerate(self.entries)
            for k, outcome in zip(entry.ids, entry.points.get(name, []), strict=False)
            if outcome is not None
        ]
        picture, label, outcome = np.array(rows, float).reshape(-1, 3).T
        return picture.astype(int), label.astype(int), outcome

    def pointing(self, name: str) -> float:
        """Share of objects that a map points at: the mean over classes of the mean over pictures; NaN without any."""
        _, label, outcome = self.points(name)
        means = [outcome[label == k].mean() for k in np.unique(label)]
        return float(np.mean(means)) if means else float("nan")

    def localisation(self, name: str, pictures: np.ndarray | None = None) -> Localisation:
        """MaxBoxAcc and pixel average precision of a map, of ``pictures`` (P,) bool alone where given."""
        objects = self.objects[name]
        return localisation(objects if pictures is None else objects[pictures[objects.picture]], self.thresholds)

    def _zeros(self) -> np.ndarray:
        return np.zeros((len(self.entries), self.labels))

    def _summed(self, cells: Cells, label: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """Pixels added up by picture and label, (P, K+1) float64: whole numbers."""
        count = len(cells.first) - 1
        flat = cells.picture.astype(np.int64) * self.labels + label
        return np.bincount(flat, pixels, count * self.labels).reshape(count, self.labels)


def open_store(folder: str | Path) -> Store:
    """Read a store, finished or not; ``UserError`` where there is none, it is damaged, or no figure follows from it.

    ```python
    store = recam.open_store("runs/scenes-test")  # a folder that evaluate --out has written
    store.curves("w").miou  # (T,), one value for each of store.thresholds
    ```
    """
    folder = Path(folder)
    settings, finished = read_settings(folder)
    paths, entries = part_paths(folder), read_entries(folder)
    if not entries:
        raise UserError(
            f"The evaluation in {folder.name} was stopped before its first pictures were written. Go on with it, and look again."
        )
    if len(entries) > settings.total or (finished and len(entries) < settings.total):
        raise UserError(
            f"The evaluation in {folder.name} should have {settings.total} pictures and has {len(entries)}; it is damaged. "
            "Run it again into another folder."
        )
    check_counted(
        sum(entry.counted for entry in entries),
        sum(entry.objects > 0 for entry in entries),
        [f"{entry.name}: {entry.note}" for entry in entries if entry.note],
        settings.boxed,
    )
    _check_bounds(folder, settings, entries, paths)
    objects = {}
    if settings.localisation:
        parts = read_objects(folder, range(len(paths)), len(settings.maps), len(settings.thresholds) + 1)
        objects = dict(zip(settings.maps, parts, strict=True))
        if any(of.picture.size and of.picture.max() >= len(entries) for of in parts):
            raise UserError(
                f"The objects of the evaluation in {folder.name} name pictures that it does not have; run it again."
            )
    return Store(folder, settings, finished, entries, StoredCells(paths, settings, len(entries)), objects)


def _check_bounds(
    folder: Path, settings: StoreSettings, entries: Sequence[PictureEntry], paths: Sequence[Path]
) -> None:
    """Refuse counts of what is not there."""
    classes, there = len(settings.classes), [largest(path) for path in paths]
    most = {
        "picture": len(entries) - 1,
        "map": len(settings.maps) - 1,
        "truth": classes,
        "winner": classes,
        "level": len(settings.thresholds),
    }
    wrong = [name for name, bound in most.items() if any(part.get(name, 0) > bound for part in there)]
    if wrong or any(k >= classes for entry in entries for k in entry.ids):
        raise UserError(
            f"The counts of the evaluation in {folder.name} name {wrong[0] if wrong else 'class'}s that it does not have; it is "
            "damaged. Run it again into another folder."
        )


def same_pictures(stores: Sequence[Store]) -> list[np.ndarray]:
    """For each store the numbers of the pictures that all of them have counted, in the same order of names.

    Raises ``UserError`` for evaluations that cannot be compared.
    """
    first = stores[0]
    if any(store.settings.boxed for store in stores):
        raise UserError(
            "One of the two evaluations counted boxes alone and no pixel, so there is nothing to compare picture by picture; "
            "choose two of data sets with masks."
        )
    for other in stores[1:]:
        if other.settings.classes != first.settings.classes:
            raise UserError(
                f"{first.settings.model} and {other.settings.model} were evaluated with different classes, so their figures "
                "cannot be compared; choose two evaluations of one data set."
            )
    names = [n for i, n in enumerate(first.names) if all(n in s.number and s.counted[s.number[n]] for s in stores)]
    if not names:
        raise UserError("The two evaluations have no picture in common; choose two of one data set and split.")
    return [np.array([store.number[name] for name in names]) for store in stores]


def _curves(areas: Areas) -> Curves:
    """From areas (K+1, T): all thresholds at once, as ``figures`` of each."""
    miou = means_of(areas.iou, axis=0)
    fp, fn = (means_of(values[1:], axis=0) for values in (areas.fp, areas.fn))
    return Curves(miou, fp, fn, best_of(miou))
