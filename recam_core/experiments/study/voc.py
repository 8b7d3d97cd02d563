"""The study on Pascal VOC: recipes compared on ``val``, seeds of ``train`` as the paper scores them, and what generalises."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from recam_core.datasets import Dataset, open_dataset
from recam_core.evaluation.bootstrap import best_row, best_threshold
from recam_core.experiments.study.balance import Scored, compared_row, trained_readouts
from recam_core.experiments.study.diagnosis import double_negatives, without_double_negatives
from recam_core.experiments.study.plans import (
    SEEDS,
    SMALL_LAMBDA,
    VOC_ABLATIONS,
    VOC_DEEPER,
    VOC_LAMBDAS,
    VOC_RECIPES,
)
from recam_core.experiments.study.runs import Counts, Part, Workplace, check_masks, counted, sce_of_epochs, trained
from recam_core.experiments.study.seeds import seed_table
from recam_core.networks.pair import ModelPair
from recam_core.records import MULTI_SCALE, HeatmapOptions
from recam_core.training.recipes import RECIPES

ONE = "one scale"
VIEWS = {ONE: HeatmapOptions(), "four scales": HeatmapOptions(MULTI_SCALE)}
RECIPE = RECIPES["voc"]
BASES = {"recipe": RECIPE, "deeper": replace(RECIPE, **VOC_DEEPER)}  # whose names the folders of their runs begin with
SPLITS = ("train", "val")


def recipes_part(place: Workplace) -> Part:
    """Stage 2 changed in one thing at a time, from one and the same stage 1, on ``val``."""
    val = _split(place, "val")
    rows = []
    for name, changes in VOC_RECIPES.items():
        pair, out = yield from _variant(place, changes)
        counts = yield from counted(pair, val, VIEWS[ONE], out / "val one scale.npz")
        positive = yield from counted(
            without_double_negatives(pair), val, VIEWS[ONE], out / "val positive.npz", ("product",)
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


def _variant(
    place: Workplace, changes: Mapping[str, Any], seed: int = SEEDS[0], base: str = "recipe"
) -> Generator[Any, None, tuple[ModelPair, Path]]:
    """Stage 2 of a seed with some settings changed, and its folder; what the seeds trained is not trained again."""
    changed = {name: value for name, value in changes.items() if getattr(BASES[base], name) != value}
    if not changed:
        return (yield from _whole(place, seed, base)), _folder(place, seed, base)
    name = "-".join(["variant", *(f"{name}-{value}" for name, value in changed.items())])
    if seed != SEEDS[0]:
        name += f"-seed{seed}"
    if changed == {"recam_weight": 0.0}:
        name = f"control-seed{seed}"
    if base != "recipe":
        name = f"{base}-{name}"
    return (yield from _stage2(place, name, seed, base, **changed)), place.runs / "voc" / name


def seeds_part(place: Workplace) -> Part:
    """The recipe and its control over the seeds on ``val`` and, as in the paper, on the training pictures with masks.

    Thresholds of one split are those that are best on the other. Four scales are measured with the first seed only, and
    without the control.
    """
    return (yield from _over_seeds(place, {}, four_scales=True))


def deeper_part(place: Workplace) -> Part:
    """The same at one scale where as much of the network learns as in IRN's classifier, for longer, on larger crops."""
    return (yield from _over_seeds(place, {}, four_scales=False, base="deeper"))


def deeper_small_lambda_part(place: Workplace) -> Part:
    """That with the smaller λ."""
    return (yield from _over_seeds(place, {"recam_weight": SMALL_LAMBDA}, four_scales=False, base="deeper"))


def small_lambda_part(place: Workplace) -> Part:
    """The same at one scale with the λ whose w was the best of ``voc-lambda``, which had one seed."""
    return (yield from _over_seeds(place, {"recam_weight": SMALL_LAMBDA}, four_scales=False))


def _over_seeds(place: Workplace, changes: Mapping[str, Any], *, four_scales: bool, base: str = "recipe") -> Part:
    tables: dict[str, dict[str, list[Any]]] = {split: {view: [] for view in VIEWS} for split in SPLITS}
    for seed in SEEDS:
        pair, _ = yield from _variant(place, changes, seed, base)
        control, _ = yield from _variant(place, {"recam_weight": 0.0}, seed, base)
        # four scales take 7.5 times as long
        for view in VIEWS if four_scales and seed == SEEDS[0] else [ONE]:
            by_split = {}
            for split in SPLITS:
                compared = control if view == ONE else None
                by_split[split] = yield from _with_control(place, pair, compared, split, view)
            for split, other in zip(SPLITS, reversed(SPLITS), strict=True):
                labels = _labels(_split(place, split))
                thresholds = {name: best_threshold(counts, labels) for name, counts in by_split[other].items()}
                tables[split][view].append(
                    {name: (counts, [thresholds[name]] * len(counts)) for name, counts in by_split[split].items()}
                )
    labels = _labels(_split(place, "val"))
    return {
        "split": " and ".join(SPLITS),
        "views": {
            f"{split}, {view}": seed_table(runs, labels)
            for split, views in tables.items()
            for view, runs in views.items()
            if runs
        },
    }


def lambda_part(place: Workplace) -> Part:
    """Stage 2 from the same stage 1 with every λ, as the balance of the other models."""
    return (yield from _compared(place, {f"{weight:g}": {"recam_weight": weight} for weight in VOC_LAMBDAS}))


def ablations_part(place: Workplace) -> Part:
    """SCE alone, both losses with one head, and masks that pass no gradient on."""
    return (yield from _compared(place, VOC_ABLATIONS))


def _compared(place: Workplace, variants: Mapping[str, Mapping[str, Any]]) -> Part:
    """A row a variant on ``train``, the paper's split; thresholds are those that are best on ``val``."""
    control, _ = yield from _scored(place, {"recam_weight": 0.0})
    labels, rows = _labels(_split(place, "train")), []
    for name, changes in variants.items():
        scored, out = yield from _scored(place, changes)
        rows.append(compared_row(name, changes, scored, control, labels) | {"sce": sce_of_epochs(out)})
    return {"split": "train", "model": "voc", "rows": rows}


def _scored(place: Workplace, changes: Mapping[str, Any]) -> Generator[Any, None, tuple[Scored, Path]]:
    pair, out = yield from _variant(place, changes)
    readouts = trained_readouts(replace(RECIPE, **changes))
    counts: dict[str, Counts] = {}
    for split in SPLITS:
        path = out / f"{split} one scale.npz"
        counts[split] = yield from counted(pair, _split(place, split), VIEWS[ONE], path, readouts)
    labels = _labels(_split(place, "val"))
    scored = {
        name: (matrices, [best_threshold(counts["val"][name], labels)] * len(matrices))
        for name, matrices in counts["train"].items()
    }
    return scored, out


def _split(place: Workplace, split: str) -> Dataset:
    return open_dataset("voc", place.root, split)


def _whole(place: Workplace, seed: int, base: str) -> Generator[Any, None, ModelPair]:
    """Both stages with a seed; its stage 1 is what every other stage 2 of that seed begins with."""
    for split in SPLITS:
        check_masks(_split(place, split))
    config = replace(BASES[base], root=place.root, seed=seed)
    return (yield from trained(config, _split(place, RECIPE.split), _folder(place, seed, base), place.device))


def _folder(place: Workplace, seed: int, base: str) -> Path:
    return place.runs / "voc" / f"{base}-seed{seed}"


def _stage2(place: Workplace, name: str, seed: int, base: str, **changes: Any) -> Generator[Any, None, ModelPair]:
    """Another stage 2 from the stage 1 of a seed."""
    yield from _whole(place, seed, base)
    config = replace(BASES[base], root=place.root, seed=seed, stage1=str(_folder(place, seed, base)), **changes)
    return (yield from trained(config, _split(place, RECIPE.split), place.runs / "voc" / name, place.device))


def _with_control(
    place: Workplace, pair: ModelPair, control: ModelPair | None, split: str, view: str
) -> Generator[Any, None, Counts]:
    """Counts of all readouts, and of the control's w as ``control`` where there is one."""
    folder, look, pictures = place.runs / "voc", VIEWS[view], _split(place, split)
    counts = yield from counted(pair, pictures, look, folder / pair.name / f"{split} {view}.npz")
    if control is None:
        return counts
    alone = yield from counted(control, pictures, look, folder / control.name / f"{split} {view} w.npz", ("w",))
    return counts | {"control": alone["w"]}


def _best(pictures: Dataset, counts: Counts) -> dict[str, Any]:
    return {name: best_row(counted, _labels(pictures)) for name, counted in counts.items()}


def _labels(pictures: Dataset) -> int:
    return len(pictures.classes) + 1
