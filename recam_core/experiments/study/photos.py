"""The study on ``photos``: seeds on the training photos, and what generalises, by cross-validation."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from recam_core.datasets import Dataset, open_dataset
from recam_core.evaluation.bootstrap import best_row, best_threshold, confusions, row
from recam_core.evaluation.sweep import PixelCounts
from recam_core.experiments.study.diagnosis import double_negatives, without_double_negatives
from recam_core.experiments.study.folds import Subset, fold_of
from recam_core.experiments.study.plans import FOLDS, PHOTOS_CHOSEN, PHOTOS_RECIPES, SEEDS
from recam_core.experiments.study.runs import Counts, Part, Workplace, counted, sce_of_epochs, trained, unrounded
from recam_core.experiments.study.seeds import seed_table
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import READOUTS
from recam_core.records import MULTI_SCALE, HeatmapOptions, TrainConfig
from recam_core.training.recipes import RECIPES

SPLIT = "train2017"
VIEWS = {"one scale": HeatmapOptions(), "four scales": HeatmapOptions(MULTI_SCALE)}
RECIPE = RECIPES["photos"]


def recipes_part(place: Workplace) -> Part:
    """At most three recipes, one seed, as seeds on the training photos at one scale."""
    photos = open_dataset("coco", place.root, SPLIT)
    rows = []
    for name, changes in PHOTOS_RECIPES.items():
        out = place.runs / "photos" / f"recipe-{name}"
        pair = yield from _recipe(place, photos, name)
        counts = yield from counted(pair, photos, VIEWS["one scale"], out / "train one scale.npz")
        positive = yield from counted(
            without_double_negatives(pair), photos, VIEWS["one scale"], out / "train positive.npz", ("product",)
        )
        counts["product of positive weights"] = positive["product"]
        rows.append(
            {
                "name": name,
                "changes": changes,
                "sce": sce_of_epochs(out),
                "weights": double_negatives(pair),
                "readouts": {key: _row(photos, matrices) for key, matrices in counts.items()},
            }
        )
    return {"split": SPLIT, "rows": rows, "chosen": PHOTOS_CHOSEN}


def seeds_part(place: Workplace) -> Part:
    """The recipe and its control over three seeds, scored as seeds on the training photos.

    There is no other split to choose the threshold on: each quarter of the photos has the one best for the other three.
    Four scales are measured with the first seed only.
    """
    photos = open_dataset("coco", place.root, SPLIT)
    tables: dict[str, list[Any]] = {view: [] for view in VIEWS}
    for seed in SEEDS:
        config = replace(RECIPE, seed=seed)
        if seed == SEEDS[0]:
            pair = yield from _recipe(place, photos, PHOTOS_CHOSEN)
        else:
            pair = yield from _trained(place, photos, config, f"recipe-seed{seed}")
        control = yield from _control(place, photos, config, pair.name, f"control-seed{seed}")
        for view in VIEWS if seed == SEEDS[0] else ("one scale",):  # four scales take 7.5 times as long
            counts = yield from _with_control(place, photos, pair, control, f"train {view}")
            tables[view].append(
                {key: (matrices, crossed_thresholds(photos, matrices)) for key, matrices in counts.items()}
            )
    labels = len(photos.classes) + 1
    return {"split": SPLIT, "views": {view: seed_table(runs, labels) for view, runs in tables.items()}}


def folds_part(place: Workplace) -> Part:
    """Four networks, each scored on the quarter of the photos that it did not see, pooled.

    The threshold of a fold is the best one for the photos that its network was trained on. There is no control here.
    """
    photos = open_dataset("coco", place.root, SPLIT)
    fold = fold_of(len(photos), FOLDS)
    pooled: dict[str, tuple[list[PixelCounts], list[int]]] = {}
    labels = len(photos.classes) + 1
    for k in range(FOLDS):
        others, quarter = (Subset(photos, np.flatnonzero(side)) for side in (fold != k, fold == k))
        config = replace(RECIPE, split=f"{SPLIT} without fold {k + 1} of {FOLDS}")
        pair = yield from _trained(place, others, config, f"fold{k}")
        folder = place.runs / "photos" / pair.name
        known = yield from counted(pair, others, VIEWS["one scale"], folder / "seen one scale.npz")
        new = yield from counted(pair, quarter, VIEWS["one scale"], folder / "unseen one scale.npz")
        for name, matrices in new.items():
            counts, thresholds = pooled.setdefault(name, ([], []))
            counts += matrices
            thresholds += [best_threshold(known[name], labels)] * len(matrices)
    return {"split": f"{FOLDS} folds of {SPLIT}", "views": {"one scale": seed_table([pooled], labels)}}


def half_part(place: Workplace) -> Part:
    """The same weights in float32 and as they are bundled, in half precision, each at its best threshold."""
    photos = open_dataset("coco", place.root, SPLIT)
    half = yield from _recipe(place, photos, PHOTOS_CHOSEN)
    out = place.runs / "photos" / half.name
    full = unrounded(half, out)
    rows = {}
    for name, pair in (("float32", full), ("half", half)):
        path = out / f"train one scale{'' if pair is half else ' float32'}.npz"
        counts = yield from counted(pair, photos, VIEWS["one scale"], path)
        rows[name] = {key: best_row(matrices, len(photos.classes) + 1) for key, matrices in counts.items()}
    largest = max(abs(rows["half"][key]["miou"] - rows["float32"][key]["miou"]) for key in READOUTS)
    return {"split": SPLIT, "readouts": rows, "largest_difference": round(largest, 5)}


def _recipe(place: Workplace, photos: Dataset, name: str) -> Generator[Any, None, ModelPair]:
    """A recipe with the first seed; all of them share the stage 1 of the first."""
    first = next(iter(PHOTOS_RECIPES))
    shared = "" if name == first else str(place.runs / "photos" / f"recipe-{first}")
    if shared:
        yield from _recipe(place, photos, first)
    config = replace(RECIPE, **PHOTOS_RECIPES[name], stage1=shared, seed=SEEDS[0])
    return (yield from _trained(place, photos, config, f"recipe-{name}"))


def _trained(place: Workplace, dataset: Dataset, config: TrainConfig, name: str) -> Generator[Any, None, ModelPair]:
    config = replace(config, root=place.root)
    return (yield from trained(config, dataset, place.runs / "photos" / name, place.device))


def _control(
    place: Workplace, dataset: Dataset, config: TrainConfig, stage1: str, name: str
) -> Generator[Any, None, ModelPair]:
    config = replace(config, recam_weight=0.0, stage1=str(place.runs / "photos" / stage1))
    return (yield from _trained(place, dataset, config, name))


def _with_control(
    place: Workplace, dataset: Dataset, pair: ModelPair, control: ModelPair, what: str
) -> Generator[Any, None, Counts]:
    """Counts of all readouts, and of the control's w as ``control``."""
    look = VIEWS["four scales" if what.endswith("four scales") else "one scale"]
    folder = place.runs / "photos"
    counts = yield from counted(pair, dataset, look, folder / pair.name / f"{what}.npz")
    alone = yield from counted(control, dataset, look, folder / control.name / f"{what} w.npz", ("w",))
    return {name: counts[name] for name in READOUTS} | {"control": alone["w"]}


def crossed_thresholds(photos: Dataset, counts: Sequence[PixelCounts]) -> list[int]:
    """For each photo that has a mask the threshold index that is best for the other folds."""
    fold = fold_of(len(photos), FOLDS)[[photos.mask(i) is not None for i in range(len(photos))]]
    others = [[c for c, f in zip(counts, fold, strict=True) if f != k] for k in range(FOLDS)]
    best = [best_threshold(side, len(photos.classes) + 1) for side in others]
    return [best[k] for k in fold]


def _row(photos: Dataset, counts: Sequence[PixelCounts]) -> dict[str, Any]:
    thresholds = crossed_thresholds(photos, counts)
    return row(confusions(counts, len(photos.classes) + 1, thresholds), thresholds)
