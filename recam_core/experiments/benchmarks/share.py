"""Work that processes share: two against one, and what a picture costs one process with one thread, part by part."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from recam_core.cam.pipeline import gather_evidence
from recam_core.cam.thresholds import seed_threshold
from recam_core.checkpoints.pair_file import load_pair
from recam_core.datasets import Dataset, open_dataset
from recam_core.evaluation.pseudo_masks import PseudoMaskOptions, write_masks
from recam_core.evaluation.store import open_store
from recam_core.experiments.benchmarks.measure import Row
from recam_core.experiments.benchmarks.train import write_photos
from recam_core.networks.pair import ModelPair
from recam_core.records import HeatmapOptions, MaskStep, UserError
from recam_core.refiners import REFINERS, Refinement
from recam_core.training.boundary.train import train_boundary
from recam_core.training.recipes import BOUNDARY_RECIPES

SPLIT, MODEL, READOUT = "timed", "photos", "w"
PICTURES = 96  # of the evaluation that is shared, so that the start of a process is the smaller part
FEW = 4  # to learn what a picture costs: the first is a warm-up, then each of the three bundled photos once
WORK = {"seeds": "", "climb": "climb", "walk": "walk"}  # what pseudo masks are refined by


def share_rows(device: torch.device) -> Iterator[Row]:
    """Two processes against one, then a picture of pseudo masks, of climbs, of walks, and of IRN's training."""
    with tempfile.TemporaryDirectory() as folder:
        yield two_processes_row(Path(folder), PICTURES)
    with tempfile.TemporaryDirectory() as folder, one_thread():
        yield from cost_rows(Path(folder), FEW, device)


def two_processes_row(folder: Path, pictures: int) -> Row:
    """``evaluate --out`` as one process and as two that share it, one thread each, from their start to the whole store."""
    write_photos(folder, SPLIT, pictures, load_pair(MODEL).classes)
    seconds = []
    for world in (2, 1):
        start = time.perf_counter()
        processes = [_evaluating(folder, rank, world) for rank in range(world)]
        if any([process.wait() for process in processes]):
            raise UserError("An evaluation ended with an error; see what it said.")
        seconds.append(time.perf_counter() - start)
    two, one = (open_store(folder / f"by-{world}") for world in (2, 1))
    assert all(np.array_equal(two.sweep(name).counts, one.sweep(name).counts) for name in one.settings.maps)
    note = (
        f"{MODEL}, all readouts, one thread each, with the start of the processes: {pictures / seconds[0]:.2f} pictures/s / "
        f"{pictures / seconds[1]:.2f}; same counts; {load()}"
    )
    return Row(
        "share/evaluate", f"{pictures} × 640×480, flip", seconds[0], seconds[1], seconds[1] / seconds[0], note=note
    )


def _evaluating(folder: Path, rank: int, world: int) -> subprocess.Popen[bytes]:
    launched = {"RANK": str(rank), "WORLD_SIZE": str(world), "OMP_NUM_THREADS": "1"}
    words = f"evaluate --model {MODEL} --dataset coco --root {folder} --split {SPLIT} --device cpu --out {folder}/by-{world}"
    return subprocess.Popen(
        [sys.executable, "-m", "recam_core", *words.split()],
        env=os.environ | launched,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def cost_rows(folder: Path, pictures: int, device: torch.device) -> Iterator[Row]:
    """Processor seconds a picture, and the shares of decoding and of one pass of the backbone in them.

    Other work on the machine changes them less than the time that somebody waits, and still makes them more.
    """
    pair = load_pair(MODEL, device).folded()
    write_photos(folder, SPLIT, pictures, pair.classes)
    data = open_dataset("coco", str(folder), SPLIT)
    view, shape = HeatmapOptions(), "640×480, flip"
    size = sum(path.stat().st_size for path in (folder / SPLIT).iterdir()) / pictures
    decoding = _a_picture(data.image(i) for i in range(pictures))
    images = [data.image(i) for i in range(pictures)]
    passes = _a_picture(gather_evidence(image, pair, view, [READOUT]) for image in images)
    yield Row("share/decoding", shape, decoding, note=f"JPEGs of {size / 1000:.0f} kB, {load()}")
    yield Row("share/backbone", shape, passes, note=f"{MODEL}, the network of {READOUT}, picture and mirror image")
    rows = {name: masks_seconds(pair, data, folder / name, refiner) for name, refiner in WORK.items()}
    rows["boundary"] = boundary_seconds(data, folder / "boundary", device)
    for name, seconds in rows.items():
        parts = f"decoding {decoding / seconds:.1%}, one pass of the backbone {passes / seconds:.0%}"
        yield Row(f"share/{name}", shape, seconds, note=f"{parts}; a process reads {size / seconds / 1000:.0f} kB/s")


def masks_seconds(pair: ModelPair, data: Dataset, out: Path, refiner: str) -> float:
    """Processor seconds a picture of pseudo masks, as they are or refined."""
    refinement = Refinement(refiner, REFINERS[refiner].defaults(pair)) if refiner else None
    threshold, _ = (REFINERS[refiner].threshold if refiner else seed_threshold)(pair, READOUT, HeatmapOptions())
    events = write_masks(pair, data, PseudoMaskOptions(threshold, READOUT, refinement), out)
    return _a_picture(event for event in events if isinstance(event, MaskStep))


def boundary_seconds(data: Dataset, out: Path, device: torch.device) -> float:
    """Processor seconds a picture of IRN's training: its confident label once, and as many steps as the recipe has epochs."""
    recipe, spent = BOUNDARY_RECIPES[MODEL], {"labels": 0.0, "steps": 0.0}
    start = time.process_time()
    for event in train_boundary(load_pair(MODEL, device), replace(recipe, epochs=1, split=SPLIT), data, out, device):
        now = time.process_time()
        spent["labels" if isinstance(event, MaskStep) else "steps"] += now - start
        start = now
    return (spent["labels"] + recipe.epochs * spent["steps"]) / len(data)


def _a_picture(steps: Iterable[object]) -> float:
    """Median processor seconds of a step without the first."""
    times, start = [], time.process_time()
    for _ in steps:
        times.append(time.process_time() - start)
        start = time.process_time()
    return float(np.median(times[1:]))


def load() -> str:
    """How busy the machine is, beside what it has."""
    return f"load of the machine {os.getloadavg()[1]:.1f} on {os.cpu_count()} processors"


@contextmanager
def one_thread() -> Iterator[None]:
    """As processes work that share a machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
