"""The study on Pascal VOC: recipes chosen on ``val``, seeds of ``train`` as the paper scores them, and what generalises."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from recam_core.datasets import Dataset, open_dataset
from recam_core.evaluation.bootstrap import best_row, best_threshold
from recam_core.experiments.study.diagnosis import double_negatives, without_double_negatives
from recam_core.experiments.study.plans import SEEDS, VOC_CHOSEN, VOC_LAMBDAS, VOC_RECIPES
from recam_core.experiments.study.runs import Counts, Part, Workplace, counted, sce_of_epochs, trained
from recam_core.experiments.study.seeds import seed_table
from recam_core.networks.pair import ModelPair
from recam_core.records import MULTI_SCALE, HeatmapOptions, TrainConfig
from recam_core.training.recipes import RECIPES

VIEWS = {"one scale": HeatmapOptions(), "four scales": HeatmapOptions(MULTI_SCALE)}
RECIPE = RECIPES["voc"]
SPLITS = ("val", "train")


def recipes_part(place: Workplace) -> Part:
    """Stage 2 changed in one thing at a time, from one and the same stage 1, on ``val``."""
    val = _split(place, "val")
    rows = []
    for name, changes in VOC_RECIPES.items():
        pair = yield from _stage2(place, replace(RECIPE, **changes), f"recipe-{name}")
        out = place.runs / "voc" / f"recipe-{name}"
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
    return {"split": "val", "rows": rows, "chosen": VOC_CHOSEN}


def seeds_part(place: Workplace) -> Part:
    """The recipe and its control over three seeds on ``val`` and, as in the paper, on the training pictures with masks.

    Thresholds of one split are those that are best on the other. Four scales are measured with the first seed only.
    """
    tables: dict[str, dict[str, list[Any]]] = {split: {view: [] for view in VIEWS} for split in SPLITS}
    for seed in SEEDS:
        config = replace(RECIPE, **VOC_RECIPES[VOC_CHOSEN], seed=seed)
        name = f"recipe-{VOC_CHOSEN}" if seed == SEEDS[0] else f"recipe-seed{seed}"
        pair = yield from _stage2(place, config, name)
        control = yield from _stage2(place, replace(config, recam_weight=0.0), f"control-seed{seed}")
        for view in VIEWS if seed == SEEDS[0] else ("one scale",):  # four scales take 7.5 times as long
            by_split = {}
            for split in SPLITS:
                by_split[split] = yield from _with_control(place, pair, control, split, view)
            for split, other in zip(SPLITS, reversed(SPLITS), strict=True):
                labels = _labels(_split(place, split))
                thresholds = {name: best_threshold(counts, labels) for name, counts in by_split[other].items()}
                tables[split][view].append(
                    {name: (counts, [thresholds[name]] * len(counts)) for name, counts in by_split[split].items()}
                )
    labels = _labels(_split(place, "val"))
    return {
        "split": " and ".join(SPLITS),
        "splits": {
            split: {"views": {view: seed_table(runs, labels) for view, runs in views.items()}}
            for split, views in tables.items()
        },
    }


def lambda_part(place: Workplace) -> Part:
    """Stage 2 from the same stage 1 with another λ, on ``val``; it chooses nothing."""
    val = _split(place, "val")
    rows = []
    for weight in VOC_LAMBDAS:
        config = replace(RECIPE, **VOC_RECIPES[VOC_CHOSEN] | {"recam_weight": weight})
        pair = yield from _stage2(place, config, f"lambda-{weight:g}")
        counts = yield from counted(pair, val, VIEWS["one scale"], place.runs / "voc" / pair.name / "val one scale.npz")
        rows.append({"lambda": weight, "readouts": _best(val, counts)})
    return {"split": "val", "rows": rows}


def _split(place: Workplace, split: str) -> Dataset:
    return open_dataset("voc", place.root, split)


def _stage1_alone(place: Workplace, seed: int) -> TrainConfig:
    """Stage 1 and one epoch that nobody looks at; settings of stage 2 are kept out of it, so that it serves every recipe."""
    return replace(RECIPE, root=place.root, seed=seed, stage2_epochs=1, recam_weight=0.0)


def _stage2(place: Workplace, config: TrainConfig, name: str) -> Generator[Any, None, ModelPair]:
    """Stage 2 of a seed, from that seed's one stage 1."""
    pictures, folder = _split(place, RECIPE.split), place.runs / "voc"
    stage1 = folder / f"stage1-seed{config.seed}"
    yield from trained(_stage1_alone(place, config.seed), pictures, stage1, place.device)
    config = replace(config, root=place.root, stage1=str(stage1))
    return (yield from trained(config, pictures, folder / name, place.device))


def _with_control(
    place: Workplace, pair: ModelPair, control: ModelPair, split: str, view: str
) -> Generator[Any, None, Counts]:
    """Counts of all readouts, and of the control's w as ``control``."""
    folder, look, pictures = place.runs / "voc", VIEWS[view], _split(place, split)
    counts = yield from counted(pair, pictures, look, folder / pair.name / f"{split} {view}.npz")
    alone = yield from counted(control, pictures, look, folder / control.name / f"{split} {view} w.npz", ("w",))
    return counts | {"control": alone["w"]}


def _best(pictures: Dataset, counts: Counts) -> dict[str, Any]:
    return {name: best_row(matrices, _labels(pictures)) for name, matrices in counts.items()}


def _labels(pictures: Dataset) -> int:
    return len(pictures.classes) + 1
