"""λ as a slider: from a moved λ to new maps of all readouts, on features that are kept."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from recam_core.cam.pipeline import read_out
from recam_core.checkpoints.pair_file import load_pair
from recam_core.datasets import Dataset
from recam_core.datasets.samples import sample_labels, sample_picture
from recam_core.datasets.scenes import Scenes
from recam_core.experiments.benchmarks.boxed import Boxed
from recam_core.experiments.benchmarks.measure import MEASURED, Row
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import READOUTS
from recam_core.records import HeatmapOptions, Refit
from recam_core.training.recipes import default_refit
from recam_core.training.refit.feature_bank import FeatureBank, gather_features
from recam_core.training.refit.look import StartLook, refit_evidence, start_look
from recam_core.training.refit.refit import refit_heads

LAMBDAS = (1.0, 0.1, 10.0, 0.5, 2.0)


def refit_rows(device: torch.device) -> Iterator[Row]:
    """256 scenes, and 64 crops of the bundled photos; one picture is shown, at one scale and with its mirror image."""
    yield refit_row("refit/scenes", load_pair("scenes", device), Scenes("train"), 256, 160, "scene-cat-dog-tree")
    photos = load_pair("photos", device)
    yield refit_row("refit/photos", photos, sample_crops(photos, 64), 64, 384, "chelsea")


def sample_crops(pair: ModelPair, count: int) -> Boxed:
    """Crops of the bundled photos with the labels of the whole: enough to take the time of a fit, not to learn from."""
    rng, pictures, ids = np.random.default_rng(0), [], []
    for i in range(count):
        name = MEASURED[i % len(MEASURED)]
        pixels = sample_picture(name).pixels
        height, width = (int(side * rng.uniform(0.7, 1)) for side in pixels.shape[:2])
        pictures.append(np.ascontiguousarray(pixels[:height, :width]))
        ids.append(pair.class_ids(sample_labels(name, pair.classes)))
    return Boxed(pair.classes, pictures, ids)


def refit_row(name: str, pair: ModelPair, dataset: Dataset, pictures: int, side: int, sample: str) -> Row:
    """From a moved λ to new maps of ``sample``, at heads fitted on the first ``pictures`` at a long side of ``side``."""
    start = time.perf_counter()
    *_, bank = gather_features(pair, dataset, range(pictures), side)
    gathered = time.perf_counter() - start
    assert isinstance(bank, FeatureBank)
    look = start_look(sample_picture(sample).pixels, pair, HeatmapOptions())
    times, fits = [], []
    for weight in LAMBDAS[:1] + LAMBDAS:  # the first one warms up
        start = time.perf_counter()
        fits.append(_moved(pair, bank, look, weight, sample_labels(sample, pair.classes)).seconds)
        times.append(time.perf_counter() - start)
    times, fits = times[1:], fits[1:]
    grid = "×".join(str(side) for side in bank.features.shape[1:])
    note = (
        f"from a moved λ to new maps, of which fitting and scoring {statistics.median(fits):.2f} s; "
        f"{min(times):.2f}–{max(times):.2f} s; the features, once, took {gathered:.1f} s and {bank.nbytes / 2**20:.0f} MiB"
    )
    return Row(name, f"{pictures} pictures, {grid}", statistics.median(times), note=note)


def _moved(pair: ModelPair, bank: FeatureBank, look: StartLook, weight: float, classes: Any) -> Refit:
    *_, fitted = refit_heads(pair, bank, replace(default_refit(pair.backbone), recam_weight=weight))
    assert isinstance(fitted, Refit)
    assert fitted.scores, "nothing was scored"
    evidence = refit_evidence(look, pair, fitted)
    for readout in READOUTS:
        read_out(evidence, readout, classes)
    return fitted
