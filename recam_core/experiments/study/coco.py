"""The study on MS COCO: four networks, each scored on the quarter of the pictures that it did not see."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np

from recam_core.datasets import Dataset, open_dataset
from recam_core.evaluation.bootstrap import best_threshold
from recam_core.evaluation.sweep import PixelCounts
from recam_core.experiments.study.folds import Subset, fold_of
from recam_core.experiments.study.plans import FOLDS
from recam_core.experiments.study.runs import Counts, Part, Workplace, check_masks, counted, trained
from recam_core.experiments.study.seeds import seed_table
from recam_core.networks.pair import ModelPair
from recam_core.records import HeatmapOptions
from recam_core.training.recipes import RECIPES

RECIPE = RECIPES["coco"]


def folds_part(place: Workplace) -> Part:
    """The recipe and its control on pictures that their networks never saw, pooled.

    The threshold of a fold is the one that is best for the unseen pictures of the other folds.
    """
    dataset = open_dataset("coco", place.root, RECIPE.split)
    check_masks(dataset)
    fold, labels = fold_of(len(dataset), FOLDS), len(dataset.classes) + 1
    unseen: list[Counts] = []
    for k in range(FOLDS):
        unseen.append((yield from _counted_fold(place, dataset, fold, k)))
    pooled: dict[str, tuple[list[PixelCounts], list[int]]] = {name: ([], []) for name in unseen[0]}
    for k, counts in enumerate(unseen):
        for name, own in counts.items():
            others = [picture for j, other in enumerate(unseen) if j != k for picture in other[name]]
            pooled[name][0].extend(own)
            pooled[name][1].extend([best_threshold(others, labels)] * len(own))
    return {"split": f"{FOLDS} folds of {RECIPE.split}", "views": {"one scale": seed_table([pooled], labels)}}


def _counted_fold(place: Workplace, dataset: Dataset, fold: np.ndarray, k: int) -> Generator[Any, None, Counts]:
    """Counts of a fold's pictures by networks that learned from the others; the control's w is ``control``."""
    others, quarter = (Subset(dataset, np.flatnonzero(side)) for side in (fold != k, fold == k))
    folder = place.runs / "coco"
    config = replace(RECIPE, root=place.root, split=f"{RECIPE.split} without fold {k + 1} of {FOLDS}")
    pair: ModelPair = yield from trained(config, others, folder / f"fold{k}", place.device)
    control = yield from trained(
        replace(config, stage1=str(folder / pair.name), recam_weight=0.0), others, folder / f"control{k}", place.device
    )
    counts = yield from counted(pair, quarter, HeatmapOptions(), folder / pair.name / "unseen one scale.npz")
    path = folder / control.name / "unseen one scale w.npz"
    alone = yield from counted(control, quarter, HeatmapOptions(), path, ("w",))
    return counts | {"control": alone["w"]}
