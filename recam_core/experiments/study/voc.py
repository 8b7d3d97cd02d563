"""The study on Pascal VOC: recipes chosen on ``val``, seeds of ``train`` as the paper scores them, and what generalises."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

from recam_core.datasets import Dataset, open_dataset
from recam_core.evaluation.bootstrap import best_row, best_threshold
from recam_core.experiments.study.diagnosis import double_negatives, without_double_negatives
from recam_core.experiments.study.plans import VOC_LAMBDAS, VOC_RECIPES, VOC_SEEDS
from recam_core.experiments.study.runs import Counts, Part, Workplace, counted, sce_of_epochs, trained
from recam_core.experiments.study.seeds import seed_table
from recam_core.networks.pair import ModelPair
from recam_core.records import HeatmapOptions
from recam_core.training.recipes import RECIPES

VIEWS = {"one scale": HeatmapOptions()}  # four take 7.5 times as long
RECIPE = RECIPES["voc"]
SPLITS = ("train", "val")


def recipes_part(place: Workplace) -> Part:
    """Stage 2 changed in one thing at a time, from one and the same stage 1, on ``val``."""
    val = _split(place, "val")
    rows = []
    for name, changes in VOC_RECIPES.items():
        pair, out = yield from _variant(place, name, changes)
        counts = yield from counted(pair, val, VIEWS["one scale"], out / "val one scale.npz")
        positive = yield from counted(
            without_double_negatives(pair), val, VIEWS["one scale"], out / "val positive.npz", ("product",)
        )
        rows.append(
            {
                "name": name,
                "changes": changes,
                "sce": sce_of_epochs(out),
                "weights": double_negatives(pair),
                "readouts": _best(val, counts) | {"product of positive weights": _best(val, positive)["product"]},
            }
        )
    return {"split": "val", "rows": rows}


def _variant(place: Workplace, name: str, changes: dict[str, Any]) -> Generator[Any, None, tuple[ModelPair, Path]]:
    """A variant of stage 2 with the first seed, and its folder; without changes it is the recipe itself."""
    if not changes:
        return (yield from _recipe(place, VOC_SEEDS[0])), _recipe_folder(place, VOC_SEEDS[0])
    return (yield from _stage2(place, name, VOC_SEEDS[0], **changes)), place.runs / "voc" / name


def seeds_part(place: Workplace) -> Part:
    """The recipe and its control over two seeds on ``val`` and, as in the paper, on the training pictures with masks.

    Thresholds of one split are those that are best on the other.
    """
    tables: dict[str, dict[str, list[Any]]] = {split: {view: [] for view in VIEWS} for split in SPLITS}
    for seed in VOC_SEEDS:
        pair = yield from _recipe(place, seed)
        control = yield from _stage2(place, f"control-seed{seed}", seed, recam_weight=0.0)
        for view in VIEWS:
            found = {}
            for split in SPLITS:
                found[split] = yield from _with_control(place, pair, control, split, view)
            for split, other in zip(SPLITS, reversed(SPLITS), strict=True):
                labels = _labels(_split(place, split))
                thresholds = {name: best_threshold(counts, labels) for name, counts in found[other].items()}
                tables[split][view].append(
                    {name: (counts, [thresholds[name]] * len(counts)) for name, counts in found[split].items()}
                )
    labels = _labels(_split(place, "val"))
    return {
        "split": " and ".join(SPLITS),
        "views": {
            f"{split}, {view}": seed_table(runs, labels)
            for split, views in tables.items()
            for view, runs in views.items()
        },
    }


def lambda_part(place: Workplace) -> Part:
    """Stage 2 from the same stage 1 with another λ, on ``val``; it chooses nothing."""
    val = _split(place, "val")
    rows = []
    for weight in VOC_LAMBDAS:
        changes = {} if weight == RECIPE.recam_weight else {"recam_weight": weight}
        pair, out = yield from _variant(
            place, f"lambda-{weight:g}" if weight else f"control-seed{VOC_SEEDS[0]}", changes
        )
        counts = yield from counted(pair, val, VIEWS["one scale"], out / "val one scale.npz")
        rows.append({"lambda": weight, "readouts": _best(val, counts)})
    return {"split": "val", "rows": rows}


def _split(place: Workplace, split: str) -> Dataset:
    return open_dataset("voc", place.root, split)


def _recipe(place: Workplace, seed: int) -> Generator[Any, None, ModelPair]:
    """The whole recipe with a seed; its stage 1 is what every other stage 2 of that seed begins with."""
    config = replace(RECIPE, root=place.root, seed=seed)
    return (yield from trained(config, _split(place, RECIPE.split), _recipe_folder(place, seed), place.device))


def _recipe_folder(place: Workplace, seed: int) -> Path:
    return place.runs / "voc" / f"recipe-seed{seed}"


def _stage2(place: Workplace, name: str, seed: int, **changes: Any) -> Generator[Any, None, ModelPair]:
    """Another stage 2 from the stage 1 of a seed's recipe."""
    yield from _recipe(place, seed)
    config = replace(RECIPE, root=place.root, seed=seed, stage1=str(_recipe_folder(place, seed)), **changes)
    return (yield from trained(config, _split(place, RECIPE.split), place.runs / "voc" / name, place.device))


def _with_control(
    place: Workplace, pair: ModelPair, control: ModelPair, split: str, view: str
) -> Generator[Any, None, Counts]:
    """Counts of all readouts, and of the control's w as ``control``."""
    folder, look, pictures = place.runs / "voc", VIEWS[view], _split(place, split)
    counts = yield from counted(pair, pictures, look, folder / pair.name / f"{split} {view}.npz")
    alone = yield from counted(control, pictures, look, folder / control.name / f"{split} {view} w.npz", ("w",))
    return counts | {"control": alone["w"]}


def _best(pictures: Dataset, counts: Counts) -> dict[str, Any]:
    return {name: best_row(found, _labels(pictures)) for name, found in counts.items()}


def _labels(pictures: Dataset) -> int:
    return len(pictures.classes) + 1
