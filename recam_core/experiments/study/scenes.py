"""The study on ``scenes``: which generator, which recipe for stage 2, and what it gains over three seeds."""

from collections.abc import Generator
from dataclasses import asdict, replace
from typing import Any

from recam_core.datasets.scenes import SceneOptions, Scenes
from recam_core.evaluation.bootstrap import best_row, best_threshold
from recam_core.experiments.study.diagnosis import double_negatives, without_double_negatives
from recam_core.experiments.study.plans import GENERATORS, SCENES_BASE, SCENES_CHOSEN, SCENES_RECIPES, SEEDS
from recam_core.experiments.study.runs import Counts, Part, Workplace, counted, sce_of_epochs, trained
from recam_core.experiments.study.seeds import seed_table
from recam_core.networks.pair import ModelPair
from recam_core.records import MULTI_SCALE, HeatmapOptions, TrainConfig
from recam_core.training.recipes import RECIPES

LABELS = len(Scenes.classes) + 1
VIEWS = {"one scale": HeatmapOptions(), "four scales": HeatmapOptions(MULTI_SCALE)}
RECIPE = RECIPES["scenes"]
CONTROL: dict[str, Any] = {"recam_weight": 0.0}


def generator_part(place: Workplace) -> Part:
    """CAM of every generator on its own validation split: stage 1 alone decides, ReCAM is not looked at."""
    rows = []
    for name, changes in GENERATORS.items():
        options = SceneOptions(**changes["scenes"])
        config = replace(_stage1_alone(SEEDS[0]), **changes.get("training", {}))
        out = place.runs / "scenes" / ("stage1-seed0" if name == "chosen" else f"generator-{name}")
        pair = yield from trained(config, Scenes("train", options=options), out, place.device)
        cam = {}
        for view, look in VIEWS.items():
            path = out / f"val {view}.npz"
            counts = yield from counted(pair, Scenes("val", options=options), look, path, ("cam",))
            cam[view] = _best(counts)["cam"]
        rows.append({"name": name, "scenes": asdict(options), "training": changes.get("training", {}), "cam": cam})
    return {"split": "val", "rows": rows, "chosen": "chosen"}


def recipes_part(place: Workplace) -> Part:
    """Stage 2 changed in one thing at a time, from one and the same stage 1, on the validation split."""
    rows = []
    for name, changes in SCENES_RECIPES.items():
        pair = yield from _stage2(place, replace(RECIPE, **SCENES_BASE | changes), f"recipe-{name}")
        out = place.runs / "scenes" / f"recipe-{name}"
        counts = yield from counted(pair, Scenes("val"), VIEWS["one scale"], out / "val one scale.npz")
        positive = yield from counted(
            without_double_negatives(pair), Scenes("val"), VIEWS["one scale"], out / "val positive.npz", ("product",)
        )
        rows.append(
            {
                "name": name,
                "changes": changes,
                "sce": sce_of_epochs(out),
                "weights": double_negatives(pair),
                "readouts": _best(counts) | {"product of positive weights": _best(positive)["product"]},
            }
        )
    return {"split": "val", "rows": rows, "chosen": SCENES_CHOSEN}


def seeds_part(place: Workplace) -> Part:
    """The recipe and its control over three seeds: thresholds from ``val``, figures on ``test``.

    Four scales are measured with the first seed only.
    """
    tables: dict[str, list[Any]] = {view: [] for view in VIEWS}
    for seed in SEEDS:
        config = replace(RECIPE, seed=seed)
        pair = yield from _stage2(
            place, config, f"recipe-{SCENES_CHOSEN}" if seed == SEEDS[0] else f"recipe-seed{seed}"
        )
        control = yield from _stage2(place, replace(config, **CONTROL), f"control-seed{seed}")
        for view in VIEWS if seed == SEEDS[0] else ("one scale",):  # four scales take 7.5 times as long
            val = yield from _with_control(place, pair, control, "val", view)
            test = yield from _with_control(place, pair, control, "test", view)
            tables[view].append({
                name: (test[name], [best_threshold(val[name], LABELS)] * len(test[name])) for name in test
            })  # fmt: skip
    return {"split": "test", "views": {view: seed_table(runs, LABELS) for view, runs in tables.items()}}


def _stage1_alone(seed: int) -> TrainConfig:
    """Stage 1 and one epoch that nobody looks at; settings of stage 2 are kept out of it, so that it serves every recipe."""
    return replace(RECIPE, seed=seed, stage2_epochs=1, fc2_start="fc1", fc2_rate=SCENES_BASE["fc2_rate"], **CONTROL)


def _stage2(place: Workplace, config: TrainConfig, name: str) -> Generator[Any, None, ModelPair]:
    """Stage 2 of a seed, from that seed's one stage 1."""
    folder = place.runs / "scenes"
    stage1 = folder / f"stage1-seed{config.seed}"
    yield from trained(_stage1_alone(config.seed), Scenes("train"), stage1, place.device)
    return (yield from trained(replace(config, stage1=str(stage1)), Scenes("train"), folder / name, place.device))


def _with_control(
    place: Workplace, pair: ModelPair, control: ModelPair, split: str, view: str
) -> Generator[Any, None, Counts]:
    """Counts of all readouts, and of the control's w as ``control``."""
    folder, look = place.runs / "scenes", VIEWS[view]
    counts = yield from counted(pair, Scenes(split), look, folder / pair.name / f"{split} {view}.npz")
    path = folder / control.name / f"{split} {view} w.npz"
    alone = yield from counted(control, Scenes(split), look, path, ("w",))
    return counts | {"control": alone["w"]}


def _best(counts: Counts) -> dict[str, Any]:
    return {name: best_row(matrices, LABELS) for name, matrices in counts.items()}
