"""When does ReCAM help? Three knobs of the generator of ``scenes``, three values each, a short training at every point."""

import json
import time
from collections.abc import Generator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from recam_core.datasets.scenes import SceneOptions, Scenes
from recam_core.evaluation.bootstrap import best_threshold
from recam_core.evaluation.sweep import PixelCounts
from recam_core.experiments.study.folds import Subset
from recam_core.experiments.study.plans import (
    WHEN_CHANGES,
    WHEN_KNOBS,
    WHEN_LAMBDAS,
    WHEN_PICTURES,
    WHEN_SIDE,
    WHEN_SIZES,
)
from recam_core.experiments.study.runs import Part, Workplace, counted, epochs_of, sce_of_epochs, trained
from recam_core.experiments.study.seeds import one_seed_table
from recam_core.experiments.study.when_maps import packed_maps
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import READOUTS
from recam_core.records import HeatmapOptions
from recam_core.system.files import parent_for, save_atomically
from recam_core.training.recipes import RECIPES

LABELS = len(Scenes.classes) + 1
LOOK = HeatmapOptions()
Scored = dict[str, tuple[list[PixelCounts], list[int]]]  # readout → its pictures and the threshold of each


def when_part(place: Workplace) -> Part:
    """Stage 1, then stage 2 without SCE (the control) and with each λ, at all 27 points; thresholds from ``val``, on ``test``."""
    rows = []
    for values in product(*WHEN_KNOBS.values()):
        knobs = dict(zip(WHEN_KNOBS, values, strict=True))
        folder = place.runs / "when" / "-".join(str(i) for i in _position(knobs))
        row = yield from _stored_row(place, knobs, folder)
        last = epochs_of(folder / _run_name(0.0), stage=1)[-1]
        rows.append(
            row | {"bce": round(last["loss_bce"], 4), "bce_of_chance": round(_chance(_splits(knobs)["train"]), 4)}
        )
    about = {
        "knobs": WHEN_KNOBS,
        "lambdas": WHEN_LAMBDAS,
        "side": WHEN_SIDE,
        "sizes": WHEN_SIZES,
        "training": WHEN_CHANGES,
    }
    return {"split": "test", **about, "readouts": list(READOUTS), "rows": rows}


def _position(knobs: Mapping[str, Any]) -> list[int]:
    return [list(WHEN_KNOBS[name]).index(value) for name, value in knobs.items()]


def _stored_row(place: Workplace, knobs: Mapping[str, Any], folder: Path) -> Generator[Any, None, dict[str, Any]]:
    """The row of a point: measured now, or found."""
    path = folder / "row.json"
    if not path.exists():
        start = time.process_time()  # of this process: what else the machine does is not in it
        row = yield from _row(place, knobs, folder)
        row["processor_seconds"] = round(time.process_time() - start, 1)
        save_atomically(parent_for(path), json.dumps(row).encode())
    stored: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return stored


def _row(place: Workplace, knobs: Mapping[str, Any], folder: Path) -> Generator[Any, None, dict[str, Any]]:
    splits = _splits(knobs)
    control, _ = yield from _scored(place, splits, folder, 0.0)
    tables, maps, sce = {}, {}, {}
    for weight in WHEN_LAMBDAS:
        scored, pair = yield from _scored(place, splits, folder, weight)
        name = f"{weight:g}"
        tables[name] = one_seed_table(scored | {"control": control["w"]}, LABELS)
        maps[name] = [packed_maps(pair, splits["test"], i, LOOK) for i in range(WHEN_PICTURES)]
        sce[name] = sce_of_epochs(folder / _run_name(weight))
    return {"knobs": dict(knobs), "readouts": tables, "sce": sce, "maps": maps}


def _splits(knobs: Mapping[str, Any]) -> dict[str, Subset]:
    options = SceneOptions(size=WHEN_SIDE, **knobs)
    return {name: Subset(Scenes(name, options=options), range(count)) for name, count in WHEN_SIZES.items()}


def _chance(dataset: Subset) -> float:
    """BCE of somebody who answers every picture with the share of each class."""
    share = np.mean([dataset.labels(i) for i in range(len(dataset))], axis=0).clip(1e-6, 1 - 1e-6)
    return float(-(share * np.log(share) + (1 - share) * np.log(1 - share)).mean())


def _run_name(weight: float) -> str:
    return f"lambda-{weight:g}"


def _scored(
    place: Workplace, splits: Mapping[str, Subset], folder: Path, weight: float
) -> Generator[Any, None, tuple[Scored, ModelPair]]:
    """Pictures of the test split with thresholds from the validation split; the control trains the stage 1 of all."""
    stage1 = "" if weight == 0 else str(folder / _run_name(0.0))
    config = replace(RECIPES["scenes"], **WHEN_CHANGES, recam_weight=weight, stage1=stage1)
    out = folder / _run_name(weight)
    pair = yield from trained(config, splits["train"], out, place.device)
    readouts = tuple(READOUTS) if weight else ("w",)
    val = yield from counted(pair, splits["val"], LOOK, out / "val.npz", readouts)
    test = yield from counted(pair, splits["test"], LOOK, out / "test.npz", readouts)
    return {name: (test[name], [best_threshold(val[name], LABELS)] * len(test[name])) for name in test}, pair
