"""A store in memory: a few numbers a cell, from which figures at any threshold are sums."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from recam_core.evaluation.evaluate import check_counted
from recam_core.evaluation.localisation import Localisation, ObjectCounts, localisation
from recam_core.evaluation.metrics import Areas, means_of
from recam_core.evaluation.store.layout import (
    COLUMNS,
    PictureEntry,
    StoreSettings,
    read_objects,
    read_parts,
    read_settings,
)
from recam_core.evaluation.sweep import ThresholdSweep, best_of
from recam_core.records import UserError


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of one map, sorted by picture: number of the picture, labels, level and pixels, (m,) each."""

    picture: np.ndarray
    truth: np.ndarray
    winner: np.ndarray
    level: np.ndarray
    pixels: np.ndarray


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
    cells: dict[str, Cells]
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
        cells = next(iter(self.cells.values()))
        return self._summed(cells.picture, cells.truth, cells.pixels)

    @cached_property
    def _curves(self) -> dict[str, Curves]:
        return {}

    def areas(self, name: str, index: int) -> Areas:
        """Pixels of each picture and label under a map at one threshold."""
        cells = self.cells[name]
        called = np.where(cells.level > index, cells.winner, 0)
        right = called == cells.truth
        hit = self._summed(cells.picture[right], called[right], cells.pixels[right])
        return Areas(hit, self._truth, self._summed(cells.picture, called, cells.pixels))

    def confusion(self, name: str, index: int, pictures: np.ndarray | None = None) -> np.ndarray:
        """Confusion matrix (K+1, K+1) at one threshold, rows ground truth; of ``pictures`` (P,) bool alone where given."""
        cells = self.cells[name]
        called = np.where(cells.level > index, cells.winner, 0).astype(np.int64)
        pixels = cells.pixels if pictures is None else np.where(pictures[cells.picture], cells.pixels, 0)
        flat = np.bincount(cells.truth.astype(np.int64) * self.labels + called, pixels, self.labels**2)
        return np.rint(flat).astype(np.int64).reshape(self.labels, self.labels)

    def taken(self, name: str, index: int, truth: int, called: int) -> np.ndarray:
        """In each picture the pixels of one cell of the confusion matrix, (P,)."""
        cells = self.cells[name]
        there = (cells.truth == truth) & (np.where(cells.level > index, cells.winner, 0) == called)
        return np.bincount(cells.picture[there], cells.pixels[there], len(self.entries))

    def sweep(self, name: str) -> ThresholdSweep:
        """The counts of all pictures together at every threshold."""
        cells = self.cells[name]
        sweep = ThresholdSweep(self.labels - 1, self.thresholds)
        flat = (cells.truth.astype(np.int64) * self.labels + cells.winner) * (len(self.thresholds) + 1) + cells.level
        sweep.counts = (
            np.rint(np.bincount(flat, cells.pixels, sweep.counts.size)).astype(np.int64).reshape(sweep.counts.shape)
        )
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

    def _summed(self, picture: np.ndarray, label: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """Pixels added up by picture and label, (P, K+1) float64: whole numbers."""
        flat = picture.astype(np.int64) * self.labels + label
        return np.bincount(flat, pixels, len(self.entries) * self.labels).reshape(-1, self.labels)


def open_store(folder: str | Path) -> Store:
    """Read a store, finished or not; ``UserError`` where there is none, it is damaged, or no figure follows from it."""
    folder = Path(folder)
    settings, finished = read_settings(folder)
    entries, tables = read_parts(folder)
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
    )
    columns = {name: np.concatenate([t.column(name).to_numpy() for t in tables]) for name in COLUMNS}
    classes, thresholds = len(settings.classes), len(settings.thresholds)
    most = {
        "picture": len(entries) - 1,
        "map": len(settings.maps) - 1,
        "truth": classes,
        "winner": classes,
        "level": thresholds,
    }
    wrong = [name for name, bound in most.items() if columns[name].size and columns[name].max() > bound]
    if wrong or any(k >= classes for entry in entries for k in entry.ids):
        raise UserError(
            f"The counts of the evaluation in {folder.name} name {wrong[0] if wrong else 'class'}s that it does not have; it is "
            "damaged. Run it again into another folder."
        )
    fields = ("picture", "truth", "winner", "level", "pixels")
    cells = {}
    for number, name in enumerate(settings.maps):
        mine = columns["map"] == number
        cells[name] = Cells(*(columns[column][mine] for column in fields))
    objects = {}
    if settings.localisation:
        parts = read_objects(folder, range(len(tables)), len(settings.maps), thresholds + 1)
        objects = dict(zip(settings.maps, parts, strict=True))
        if any(of.picture.size and of.picture.max() >= len(entries) for of in parts):
            raise UserError(
                f"The objects of the evaluation in {folder.name} name pictures that it does not have; run it again."
            )
    return Store(folder, settings, finished, entries, cells, objects)


def same_pictures(stores: Sequence[Store]) -> list[np.ndarray]:
    """For each store the numbers of the pictures that all of them have counted, in the same order of names."""
    first = stores[0]
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
