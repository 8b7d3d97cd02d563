"""What is in a data set, and what is wrong with it, before anybody trains on it: a stream that holds few pictures at a time."""

import os
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from recam_core.datasets import Boxed, CheckedDataset, open_dataset, streamed
from recam_core.images.masks import shown_classes
from recam_core.records import IGNORE, CheckStep, DataReport, UserError

NAMED = 50  # names of faulty pictures that a report holds
SAMPLES = 12
THREADS = min(8, os.cpu_count() or 1)  # decoders let other threads run
AHEAD = 4 * THREADS
EVERY = 0.1  # seconds between two steps
IMBALANCE = 20
REMARKS = 20  # different ones that a report holds, the most frequent first


@dataclass
class Look:
    """What was seen of picture ``i``: its labels, the classes that its usable mask shows, or boxes, and what is wrong or odd."""

    i: int
    labels: np.ndarray | None = None
    shown: np.ndarray | None = None
    boxes: int = 0
    fault: str = ""
    remarks: tuple[str, ...] = ()


@dataclass
class Tally:
    """What was counted so far; ``samples`` are positions of whole pictures by class, a few of each.

    ``pointless`` masks show no class though their picture has a label, ``foreign`` ones a class that it is not labelled with;
    ``boxes`` lie in ``boxed`` pictures without a mask; ``remarks`` are of pictures.
    """

    per_class: np.ndarray
    masks: int = 0
    usable: int = 0
    pointless: int = 0
    foreign: int = 0
    boxes: int = 0
    boxed: int = 0
    remarks: Counter[str] = field(default_factory=Counter)
    unlabelled: int = 0
    broken: list[tuple[str, str]] = field(default_factory=list)
    broken_count: int = 0
    samples: dict[int, list[int]] = field(default_factory=dict)


def check_dataset(kind: str, root: str, split: str) -> Iterator[CheckStep | DataReport]:
    """Look at every picture of a split; the last event is the report.

    The first step comes before anything is opened. Whoever stops asking ends it. Raises ``UserError`` where there is no such
    data set; what is wrong with single pictures is in the report.
    """
    start = time.perf_counter()
    yield CheckStep(0, None, "reading the list of pictures")
    dataset = open_dataset(kind, root, split)
    for event in check_opened(dataset, (kind, root, split)):
        yield event if isinstance(event, CheckStep) else replace(event, seconds=time.perf_counter() - start)


def check_opened(dataset: CheckedDataset, where: tuple[str, str, str]) -> Iterator[CheckStep | DataReport]:
    """The same for a data set that is open already; ``where`` is its kind, root and split."""
    start = time.perf_counter()
    streamed(dataset)
    tally = Tally(np.zeros(len(dataset.classes), np.int64))
    last = 0.0
    for done, look in enumerate(_looked_at(dataset), 1):
        _add(tally, dataset, look)
        if time.perf_counter() - last > EVERY:
            yield CheckStep(done, len(dataset), dataset.name(look.i))
            last = time.perf_counter()
    yield _report(dataset, tally, where, time.perf_counter() - start)


def _looked_at(dataset: CheckedDataset) -> Iterator[Look]:
    """What is seen of each picture in order, some threads ahead of who asks."""
    pool = ThreadPoolExecutor(THREADS)
    waiting: deque[Future[Look]] = deque()
    try:
        for i in range(len(dataset)):
            waiting.append(pool.submit(_look, dataset, i))
            if len(waiting) >= AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _look(dataset: CheckedDataset, i: int) -> Look:
    look = Look(i)
    try:
        look.labels = dataset.labels(i)
        mask = dataset.check(i)
        look.remarks = dataset.remarks(i)
        if mask is not None:
            look.shown = shown_classes(mask)
        elif isinstance(dataset, Boxed):
            look.boxes, words = _usable_boxes(dataset, i)
            look.remarks += words
    except UserError as error:
        look.fault = str(error)
    except Exception as error:  # whatever a file brings about, it ends no check
        look.fault = f"it could not be read ({type(error).__name__}: {str(error)[:200]})"
    return look


def _usable_boxes(dataset: Boxed, i: int) -> tuple[int, tuple[str, ...]]:
    """How many boxes of a picture can be scored by, or why none can: for training the picture is as good as others."""
    try:
        return sum(map(len, (dataset.boxes(i) or {}).values())), ()
    except UserError as error:
        return 0, (str(error).rstrip("."),)


def _add(tally: Tally, dataset: CheckedDataset, look: Look) -> None:
    i, labels = look.i, look.labels
    tally.masks += dataset.has_mask(i)
    present = np.flatnonzero(labels) if labels is not None else np.zeros(0, int)
    tally.per_class[present] += 1
    tally.unlabelled += labels is not None and not len(present)
    tally.remarks.update(look.remarks)
    tally.boxes += look.boxes
    tally.boxed += look.boxes > 0
    if look.fault:
        tally.broken_count += 1
        if len(tally.broken) < NAMED:
            tally.broken.append((dataset.name(i), look.fault))
        return
    if look.shown is not None:
        tally.usable += 1
        tally.pointless += not len(look.shown) and len(present) > 0
        tally.foreign += not set(look.shown.tolist()) <= set(present.tolist())
    for k in present.tolist():
        samples = tally.samples.setdefault(k, [])
        if len(samples) < SAMPLES:
            samples.append(i)


def _report(dataset: CheckedDataset, tally: Tally, where: tuple[str, str, str], seconds: float) -> DataReport:
    empty = tuple(name for name, count in zip(dataset.classes, tally.per_class, strict=True) if not count)
    return DataReport(
        *where,
        pictures=len(dataset),
        masks=tally.masks,
        classes=dataset.classes,
        per_class=tuple(int(count) for count in tally.per_class),
        unlabelled=tally.unlabelled,
        missing=dataset.missing[:NAMED],
        missing_count=len(dataset.missing),
        broken=tuple(tally.broken),
        broken_count=tally.broken_count,
        empty_classes=empty,
        notes=(*dataset.notes, *_remarks(dataset, tally)),
        samples=tuple(dataset.name(i) for i in _spread(tally.samples)),
        seconds=seconds,
    )


def _remarks(dataset: CheckedDataset, tally: Tally) -> list[str]:
    notes = [f"{words} ({_pictures(count)})." for words, count in tally.remarks.most_common(REMARKS)]
    if (more := len(tally.remarks) - REMARKS) > 0:
        notes.append(f"{more} more remarks like these are not shown.")
    if tally.boxed:
        notes.append(_boxes_words(tally))
    if tally.pointless:
        notes.append(
            f"{tally.pointless} of {tally.usable} masks show no class, though their pictures have labels: every pixel is 0 "
            f"(background) or {IGNORE} (does not count). Masks in black and white say only “object or not”; write a class's "
            "position in the list of classes plus one."
        )
    if tally.foreign:
        notes.append(
            f"{tally.foreign} of {tally.usable} masks show a class that their picture is not labelled with. Look whether their "
            "values are those of these classes: each class's position in the list of classes plus one."
        )
    notes += _alike(dataset.classes)
    there = tally.per_class[tally.per_class > 0]
    if not len(there):
        notes.append("No picture has a label, so there is nothing to train on.")
    elif there.max() > IMBALANCE * there.min():
        rare, common = (
            dataset.classes[int(np.flatnonzero(tally.per_class == n)[0])] for n in (there.min(), there.max())
        )
        notes.append(
            f"The classes are uneven: {there.max()} pictures of {common}, {there.min()} of {rare}. "
            "Maps of rare classes will be poor."
        )
    if len(dataset.classes) == 1:
        notes.append("There is one class only: nothing competes with it, and ReCAM's second loss has nothing to teach.")
    if len(there) and tally.per_class.sum() == len(dataset) - tally.unlabelled and len(dataset.classes) > 1:
        notes.append("Every picture has one label: classes that appear together cannot be told apart from it.")
    return notes


def _boxes_words(tally: Tally) -> str:
    """What boxes of pictures without a mask can be used for."""
    some = f"{_pictures(tally.boxed)} without a mask {'has' if tally.boxed == 1 else 'have'} {tally.boxes} boxes, which serve"
    if tally.masks:
        return f"{some} for training only: scores are of the pictures with masks."
    return f"{some} for training, and for MaxBoxAcc (evaluate --localisation); mIoU and pixel average precision need masks."


def _alike(classes: Sequence[str]) -> list[str]:
    """A sentence for each class that is there in several spellings."""
    spellings: dict[str, list[str]] = {}
    for name in classes:
        spellings.setdefault(name.casefold(), []).append(f"“{name[:60]}”")
    several = [names for names in spellings.values() if len(names) > 1]
    return [
        f"{' and '.join(names)} are classes of their own, though they differ in capitals alone." for names in several
    ]


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"


def _spread(samples: dict[int, list[int]]) -> list[int]:
    """At most 12 positions: the first of each class, then the second, each picture once."""
    chosen: dict[int, None] = {}
    for rank in range(SAMPLES):
        for k in sorted(samples):
            if rank < len(samples[k]) and len(chosen) < SAMPLES:
                chosen.setdefault(samples[k][rank])
    return list(chosen)
