"""Evaluating into a folder: picture after picture, part after part, and on from there when it was stopped.

Of several processes each counts every n-th picture (``sharing.py``).
"""

import hashlib
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from recam_core.datasets import Boxed, Dataset, boxes_alone
from recam_core.evaluation.evaluate import check_classes, check_counted, check_size
from recam_core.evaluation.faithfulness import pointing
from recam_core.evaluation.localisation import (
    ObjectCounts,
    box_counts,
    joined_objects,
    no_objects,
    object_counts,
)
from recam_core.evaluation.metrics import THRESHOLDS
from recam_core.evaluation.store.layout import (
    COLUMNS,
    SETTINGS,
    PictureEntry,
    StoreSettings,
    read_entries,
    read_settings,
    write_objects,
    write_part,
    write_settings,
)
from recam_core.evaluation.store.maps import MapMaker
from recam_core.evaluation.store.sharing import LOCK, SHARES, join_shares, loose_pictures, share_folder
from recam_core.evaluation.sweep import count_pixels
from recam_core.records import IGNORE, EvalStep, UserError
from recam_core.records.stored import Stored
from recam_core.system.launcher import Share
from recam_core.system.locks import held

Measured = tuple[PictureEntry, list[tuple[int, np.ndarray, np.ndarray]], list[ObjectCounts]]
SECONDS, PICTURES = 20.0, 256  # a part is written after so long, or so many pictures: what a power cut may cost
Columns = dict[str, list[np.ndarray]]  # of a part, array after array


def evaluate_into(
    folder: Path,
    maps: MapMaker,
    dataset: Dataset,
    where: tuple[str, str, str],
    source: str = "",
    thresholds: Sequence[float] | np.ndarray = THRESHOLDS,
    localisation: bool = False,
    share: Share | None = None,
) -> Iterator[EvalStep | Stored]:
    """Count every picture that has a mask into ``folder``; the last event says how many were.

    ``where`` is kind, root and split of the data set. Goes on after the last whole part of an evaluation with the same
    settings; refuses other settings and a folder that another process is writing into. A picture that cannot be counted is left
    out, and its entry says why. With ``localisation`` boxes and pixels of each object are counted too, and where no picture has
    a mask boxes alone. Of several processes each counts its ``share``, and the one that ends last puts all together: it alone
    says how many were counted.
    """
    share = share or Share()
    check_classes(maps.pair, dataset)
    settings = store_settings(maps, dataset, where, source, thresholds, localisation)
    make_folder(folder)
    if share.world > 1 or (folder / SHARES).is_dir():
        whole = yield from _count_share(folder, settings, maps, dataset, share)
    else:
        whole = yield from _count_all(folder, settings, maps, dataset)
    if whole is not None:
        check_counted(whole.counted, whole.positive, whole.faults, settings.boxed)
        yield Stored(str(folder), whole.counted, len(dataset), tuple(whole.faults))


class Tally:
    """What is said of the pictures of a whole evaluation: how many were counted, how many show a class, what was left out."""

    def __init__(self, entries: Iterable[PictureEntry]) -> None:
        self.counted = self.positive = 0
        self.faults: list[str] = []
        for entry in entries:
            self.know(entry)

    def know(self, entry: PictureEntry) -> None:
        """Take note of a picture, whoever counted it."""
        self.counted += entry.counted
        self.positive += entry.objects > 0
        if entry.note:
            self.faults.append(f"{entry.name}: {entry.note}")


def _count_all(
    folder: Path, settings: StoreSettings, maps: MapMaker, dataset: Dataset
) -> Generator[EvalStep, None, Tally]:
    """Count what no part has."""
    with held(folder / LOCK, _busy(folder)):
        entries = _begin(folder, settings)
        tally, part = Tally(entries), PartWriter(folder, settings)
        try:
            for i in range(len(entries), len(dataset)):
                entry, counts, objects = _measured(maps, dataset, i, settings)
                part.add(i, entry, counts, objects)
                tally.know(entry)
                yield EvalStep(i + 1, len(dataset), dataset.name(i))
                if part.is_due:
                    part.write()
        finally:
            part.write()
        write_settings(folder, settings, finished=True)
    return tally


def _count_share(
    folder: Path, settings: StoreSettings, maps: MapMaker, dataset: Dataset, share: Share
) -> Generator[EvalStep, None, Tally | None]:
    """Count what is this process's and no part has, and join all where it was the last to end."""
    entries = _begin(folder, settings)
    if len(entries) == len(dataset) and not (folder / SHARES).is_dir():
        return Tally(entries) if share.rank == 0 else None
    mine = share_folder(folder, share)
    make_folder(mine)
    with held(mine / LOCK, _busy(folder)):
        there = set(range(len(entries))) | set(loose_pictures(folder))
        todo = [i for i in share.of(len(dataset)) if i not in there]
        part = PartWriter(mine, settings, loose=True)
        try:
            for done, i in enumerate(todo, 1):
                part.add(i, *_measured(maps, dataset, i, settings))
                yield EvalStep(done, len(todo), dataset.name(i))
                if part.is_due:
                    part.write()
        finally:
            part.write()
    whole = join_shares(folder, settings, PICTURES, _busy(folder))
    return None if whole is None else Tally(whole)


def store_settings(
    maps: MapMaker,
    dataset: Dataset,
    where: tuple[str, str, str],
    source: str,
    thresholds: Sequence[float] | np.ndarray,
    localisation: bool = False,
) -> StoreSettings:
    """What the counts will depend on."""
    kind, root, split = where
    names = hashlib.sha256("\n".join(dataset.name(i) for i in range(len(dataset))).encode())
    return StoreSettings(
        model=maps.pair.name,
        source=source or maps.pair.name,
        sha256=maps.pair.sha256,
        dataset=kind,
        root=root,
        split=split,
        total=len(dataset),
        pictures=names.hexdigest(),
        options=maps.options,
        refine="" if maps.refinement is None else maps.refinement.name,
        refinement=None if maps.refinement is None else maps.refinement.to_json(),
        maps=maps.names,
        classes=maps.pair.classes,
        thresholds=tuple(float(t) for t in np.asarray(thresholds, np.float32)),
        localisation=localisation,
        boxed=localisation and boxes_alone(dataset) is not None,
    )


def _measured(maps: MapMaker, dataset: Dataset, i: int, settings: StoreSettings) -> Measured:
    if settings.boxed and isinstance(dataset, Boxed):
        return measure_boxes(maps, dataset, i, settings.thresholds)
    return measure_picture(maps, dataset, i, settings.thresholds, settings.localisation)


def measure_picture(
    maps: MapMaker, dataset: Dataset, i: int, thresholds: Sequence[float], localisation: bool = False
) -> Measured:
    """The entry of one picture; for each map its number, cells and pixels (``sweep.PixelCounts``), and objects if asked for."""
    name, labels = dataset.name(i), len(maps.pair.classes) + 1
    ids: tuple[int, ...] = ()
    size = (0, 0)
    counts, points = [], {}
    objects: list[ObjectCounts] = []
    levels = np.asarray(thresholds, np.float32)
    try:
        mask = dataset.mask(i)
        if mask is None:
            return PictureEntry(name, size, ids, False, 0, "it has no mask", {}), [], []
        picture, ids, size = dataset.image(i), tuple(int(k) for k in np.flatnonzero(dataset.labels(i))), mask.shape
        check_size(picture, mask, name)
        for number, (map_name, values) in enumerate(maps(picture, ids, size, name).items()):
            counted = count_pixels(values, ids, mask, labels, levels)
            counts.append((number, counted.cells, counted.pixels))
            points[map_name] = [pointing(value, mask, k + 1) for value, k in zip(values, ids, strict=True)]
            if localisation:
                objects.append(object_counts(i, values, ids, mask, levels))
    except UserError as error:
        return PictureEntry(name, size, ids, False, 0, str(error).rstrip("."), {}), [], []
    shown = len(set(np.unique(mask).tolist()) - {0, IGNORE})
    note = (
        "" if any(len(cells) for _, cells, _ in counts) else "its mask is ignored everywhere (255), so no pixel counts"
    )
    return PictureEntry(name, size, ids, True, shown, note, points), counts, objects


def measure_boxes(maps: MapMaker, dataset: Boxed, i: int, thresholds: Sequence[float]) -> Measured:
    """The same of a picture whose objects have boxes and no mask: its objects alone."""
    name, size, ids = dataset.name(i), (0, 0), tuple[int, ...]()
    try:
        boxes = dataset.boxes(i)
        if boxes is None:
            return PictureEntry(name, size, ids, False, 0, "it has no boxes", {}), [], []
        picture, ids = dataset.image(i), tuple(int(k) for k in np.flatnonzero(dataset.labels(i)))
        size, levels = picture.shape[:2], np.asarray(thresholds, np.float32)
        objects = [box_counts(i, values, ids, boxes, levels) for values in maps(picture, ids, size, name).values()]
    except UserError as error:
        return PictureEntry(name, size, ids, False, 0, str(error).rstrip("."), {}), [], []
    return PictureEntry(name, size, ids, True, len(boxes), "", {}), [], objects


def make_folder(folder: Path) -> None:
    """Make the folder of a store; ``UserError`` where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be made ({error.strerror}); choose another place.") from error


def _busy(folder: Path) -> str:
    """What is said where another process writes into the folder."""
    name = folder.name.replace("{", "").replace("}", "")
    busy = f"Another evaluation (process {{pid}}) is writing into {name}"
    return f"{busy}; wait until it is done, stop it, or choose another folder."


def _begin(folder: Path, settings: StoreSettings) -> list[PictureEntry]:
    """Entries of the pictures that are counted already; a folder with parts but without settings is refused."""
    if not (folder / SETTINGS).exists():
        if any(folder.glob("counts-*.parquet")):
            read_settings(folder)  # says what is missing
        write_settings(folder, settings, finished=False)
        return []
    stored, _ = read_settings(folder)
    if changed := stored.differences(settings):
        raise UserError(
            f"{folder.name} holds an evaluation with another {', '.join(changed)}. Use the same settings to go on with it, or "
            "choose another folder."
        )
    return read_entries(folder)


class PartWriter:
    """Pictures that are counted and not yet on disk; ``loose`` where they do not follow on one another."""

    def __init__(self, folder: Path, settings: StoreSettings, *, loose: bool = False) -> None:
        self.folder, self.settings, self.loose = folder, settings, loose
        self.number = len(list(folder.glob("counts-*.parquet")))
        self.waiting: list[tuple[int, PictureEntry, Columns, Sequence[ObjectCounts]]] = []
        self.since = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether it is time to write."""
        return len(self.waiting) >= PICTURES or time.monotonic() - self.since > SECONDS

    def add(
        self,
        i: int,
        entry: PictureEntry,
        counts: list[tuple[int, np.ndarray, np.ndarray]],
        objects: Sequence[ObjectCounts] = (),
    ) -> None:
        """Take in picture ``i``: for each map its number, cells and pixels, and objects. It is taken in whole, or not at all."""
        columns: Columns = {name: [] for name in COLUMNS if name != "picture"}
        labels, levels = len(self.settings.classes) + 1, len(self.settings.thresholds) + 1
        for number, cells, pixels in counts:
            pair, level = np.divmod(cells, levels)
            truth, winner = np.divmod(pair, labels)
            cell_values = (np.full(cells.shape, number), truth, winner, level, pixels)
            for name, values in zip(columns, cell_values, strict=True):
                columns[name].append(values)
        self.waiting.append((i, entry, columns, objects))  # one step, which Ctrl-C falls before or after

    def write(self) -> None:
        """Write what there is as the next part."""
        if not self.waiting:
            return
        entries = [entry for _, entry, *_ in self.waiting]
        parts: Columns = {name: [] for name in COLUMNS}
        for i, _, columns, _ in self.waiting:
            parts["picture"] += [np.full(values.shape, i) for values in columns["map"]]
            for name, values in columns.items():
                parts[name] += values
        whole = {name: np.concatenate(arrays or [np.zeros(0, int)]) for name, arrays in parts.items()}
        if self.settings.localisation:  # before the counts, which say that a part is there
            write_objects(self.folder, self.number, self._objects())
        numbers = [i for i, *_ in self.waiting] if self.loose else None
        write_part(self.folder, self.number, entries, whole, numbers)
        self.number, self.waiting = self.number + 1, []
        self.since = time.monotonic()

    def _objects(self) -> dict[int, ObjectCounts]:
        """The objects of what is kept, by the number of the map."""
        nothing = no_objects(len(self.settings.thresholds))
        counted = [objects for *_, objects in self.waiting if objects]
        return {
            number: joined_objects([nothing, *(of[number] for of in counted)])
            for number in range(len(self.settings.maps))
        }
