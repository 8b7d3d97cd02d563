"""A store of COCO's size: written with the statistics of a measured one, then opened and asked in a process of its own."""

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from recam_core.checkpoints.pair_file import load_pair
from recam_core.evaluation.bootstrap import gain_of_areas
from recam_core.evaluation.evaluate import measure
from recam_core.evaluation.metrics import THRESHOLDS
from recam_core.evaluation.store import StoreSettings, open_store
from recam_core.evaluation.store.layout import PictureEntry, write_part, write_settings
from recam_core.evaluation.store.writing import PICTURES as IN_A_PART
from recam_core.evaluation.sweep import PixelCounts
from recam_core.experiments.benchmarks.evaluate import OPTIONS, sample_photos
from recam_core.experiments.benchmarks.measure import Row
from recam_core.networks.readouts import READOUTS

PICTURES = 118_287  # of COCO train2017
MAPS = (*READOUTS, "random")  # the sixth has the counts of the first
SIZE = (480, 640)


@dataclass(frozen=True)
class Answer:
    """What was asked of a store, seconds and processor seconds until the answer, MiB of the process at its most until then."""

    what: str
    seconds: float
    worked: float
    mib: float


def store_rows(device: torch.device, model: str = "photos", pictures: int = PICTURES) -> Iterator[Row]:
    """Write a store, and ask a new process to open it, to draw its curves, to move, to filter, and to draw pictures again."""
    pair = load_pair(model, device)
    counted = [picture for picture in measure(pair, sample_photos(pair), OPTIONS) if picture[MAPS[0]].cells.size]
    with tempfile.TemporaryDirectory() as folder:
        write_store(Path(folder), pair.classes, counted, pictures)
        yield from asked_rows(Path(folder), pictures)


def asked_rows(folder: Path, pictures: int) -> Iterator[Row]:
    """What a new process needs for each of its questions, one after the other."""
    files = list(folder.glob("counts-*.parquet"))
    size = sum(path.stat().st_size for path in files) / 2**30
    counts = sum(pq.read_metadata(path).num_rows for path in files) / 1e6
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        before, *answers = fresh.submit(visit, str(folder)).result()
    about = f"{pictures:,} pictures × {len(MAPS)} maps"
    for answer in answers:
        note = (
            f"{answer.worked:.1f} s of a processor; {counts:.0f} million counts, {size:.1f} GiB on disk; one run, memory of "
            "the process until then / before"
        )
        yield Row(f"store/{answer.what}", about, answer.seconds, ours_mib=answer.mib, plain_mib=before.mib, note=note)


def write_store(folder: Path, classes: tuple[str, ...], counted: list[dict[str, PixelCounts]], pictures: int) -> None:
    """A finished store that repeats measured pictures with other classes and other numbers of pixels."""
    settings = StoreSettings(
        model="repeated", source="repeated", sha256="", dataset="coco", root="", split="train2017", total=pictures, pictures="",
        options=OPTIONS, refine="", refinement=None, maps=MAPS, classes=classes, thresholds=tuple(map(float, THRESHOLDS)),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    columns = [_columns(picture, len(classes)) for picture in counted]
    for part, start in enumerate(range(0, pictures, IN_A_PART)):
        numbers = range(start, min(start + IN_A_PART, pictures))
        chosen = [(i, columns[i % len(columns)], int(rng.integers(len(classes)))) for i in numbers]
        entries = [_entry(i, one["truth"], shift, len(classes)) for i, one, shift in chosen]
        write_part(folder, part, entries, _repeated(chosen, len(classes), rng))
    write_settings(folder, settings, finished=True)


def _columns(picture: dict[str, PixelCounts], classes: int) -> dict[str, np.ndarray]:
    """The cells of all maps of a measured picture."""
    counts = [picture[name if name in picture else MAPS[0]] for name in MAPS]
    pair, level = np.divmod(np.concatenate([one.cells for one in counts]), len(THRESHOLDS) + 1)
    truth, winner = np.divmod(pair, classes + 1)
    number = np.repeat(np.arange(len(MAPS)), [one.cells.size for one in counts])
    pixels = np.concatenate([one.pixels for one in counts])
    return {"map": number, "truth": truth, "winner": winner, "level": level, "pixels": pixels}


def _entry(i: int, truth: np.ndarray, shift: int, classes: int) -> PictureEntry:
    ids = tuple(sorted({int(k - 1 + shift) % classes for k in np.unique(truth) if k}))
    points: dict[str, list[float | None]] = {name: [1.0] * len(ids) for name in MAPS}
    return PictureEntry(f"{i:012}.jpg", SIZE, ids, True, len(ids), "", points)


def _repeated(
    chosen: list[tuple[int, dict[str, np.ndarray], int]], classes: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Columns of a part: classes moved on, and pixels drawn anew around what was measured."""
    sizes = [one["map"].size for _, one, _ in chosen]
    columns = {name: np.concatenate([one[name] for _, one, _ in chosen]) for name in chosen[0][1]}
    shift = np.repeat([shift for *_, shift in chosen], sizes)
    for name in ("truth", "winner"):
        columns[name] = np.where(columns[name] > 0, (columns[name] - 1 + shift) % classes + 1, 0)
    columns["pixels"] = rng.integers(1, 2 * columns["pixels"] + 1)
    return {"picture": np.repeat([i for i, *_ in chosen], sizes), **columns}


def visit(folder: str) -> list[Answer]:
    """What somebody asks who looks at an evaluation, one after the other; the first answer is the process as it began."""
    clock = Clock()
    clock.tell("start")
    store = open_store(folder)
    clock.tell("open")
    best = {name: store.curves(name).best for name in store.settings.maps}
    clock.tell("curves")
    a, b = MAPS[:2]
    for name in (a, b):
        store.areas(name, 0)
    clock.tell("sides")  # which from now on are in memory
    areas = [store.areas(name, best[name]) for name in (a, b)]
    clock.tell("threshold")
    shown = np.array([0 in entry.ids for entry in store.entries])
    np.argsort(areas[1][shown].pictures().iou - areas[0][shown].pictures().iou)
    for name in (a, b):
        store.confusion(name, best[name], shown)
    clock.tell("filter")
    gain_of_areas([areas[1]], [areas[0]])
    clock.tell("interval")
    return clock.answers


class Clock:
    """What has been asked so far; each question begins where the one before was answered."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self._since = time.perf_counter(), time.process_time()

    def tell(self, what: str) -> None:
        """A question is answered."""
        now = time.perf_counter(), time.process_time()
        status = Path(
            "/proc/self/status"
        ).read_text()  # what getrusage says begins with the process that started this one
        most = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        seconds, worked = (b - a for a, b in zip(self._since, now, strict=True))
        self.answers.append(Answer(what, seconds, worked, int(most.split()[1]) / 2**10))
        self._since = time.perf_counter(), time.process_time()
