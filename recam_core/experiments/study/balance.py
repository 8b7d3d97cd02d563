"""What λ does in full training, and the ablations of the paper: a bundled model's stage 2 with one thing changed."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

from recam_core.datasets import open_dataset
from recam_core.datasets.scenes import Scenes
from recam_core.evaluation.bootstrap import best_threshold
from recam_core.evaluation.sweep import PixelCounts
from recam_core.experiments.study.photos import SPLIT, crossed_thresholds
from recam_core.experiments.study.plans import PHOTOS_LAMBDAS, SCENES_ABLATIONS, SCENES_LAMBDAS
from recam_core.experiments.study.runs import Counts, Part, Workplace, counted, sce_of_epochs, trained
from recam_core.experiments.study.seeds import one_seed_table
from recam_core.networks.readouts import READOUTS, untrained_readouts
from recam_core.records import CAM, HeatmapOptions, TrainConfig
from recam_core.training.recipes import RECIPES

MODEL = "scenes"  # in the list of models: its stage 1 is everybody's start, and is what the app shows
LABELS = len(Scenes.classes) + 1
LOOK = HeatmapOptions()
Scored = dict[str, tuple[list[PixelCounts], list[int]]]  # readout → its pictures and the threshold of each


def lambda_part(place: Workplace) -> Part:
    """Stage 2 with every λ; nothing else differs, not even the batches."""
    return (yield from _compared(place, {f"{weight:g}": {"recam_weight": weight} for weight in SCENES_LAMBDAS}))


def photos_lambda_part(place: Workplace) -> Part:
    """The same on ``photos``: seeds on the training photos, each quarter at the threshold that is best for the others."""
    photos = open_dataset("coco", place.root, SPLIT)
    labels, scored = len(photos.classes) + 1, {}
    for weight in PHOTOS_LAMBDAS:
        config = replace(RECIPES["photos"], root=place.root, stage1="photos", recam_weight=weight)
        out = place.runs / "photos" / f"bundled-recam_weight-{weight:g}"
        pair = yield from trained(config, photos, out, place.device)
        counts = yield from counted(pair, photos, LOOK, out / "train one scale.npz", trained_readouts(config))
        scored[weight] = {name: (matrices, crossed_thresholds(photos, matrices)) for name, matrices in counts.items()}
    rows = [
        compared_row(f"{weight:g}", {"recam_weight": weight}, row, scored[0.0], labels)
        | {"sce": sce_of_epochs(place.runs / "photos" / f"bundled-recam_weight-{weight:g}")}
        for weight, row in scored.items()
    ]
    return {"split": SPLIT, "model": "photos", "rows": rows}


def ablations_part(place: Workplace) -> Part:
    """SCE alone, both losses with one head, and masks that pass no gradient on."""
    return (yield from _compared(place, SCENES_ABLATIONS))


def _compared(place: Workplace, variants: Mapping[str, Mapping[str, Any]]) -> Part:
    """A row a variant: gains over CAM of the shared stage 1 and over the control, thresholds from ``val``, on ``test``."""
    train = Scenes("train")
    control = yield from _scored(place, train, {"recam_weight": 0.0})
    rows = []
    for name, changes in variants.items():
        scored = yield from _scored(place, train, changes)
        row = compared_row(name, changes, scored, control, LABELS)
        rows.append(row | {"sce": sce_of_epochs(_folder(place, changes))})
    return {"split": "test", "model": MODEL, "rows": rows}


def compared_row(name: str, changes: Mapping[str, Any], scored: Scored, control: Scored, labels: int) -> dict[str, Any]:
    """Name, changes, figures and gains of a variant; ``control`` is what w of the control scored."""
    return {"name": name, "changes": dict(changes)} | one_seed_table(scored | {"control": control["w"]}, labels)


def _scored(place: Workplace, train: Scenes, changes: Mapping[str, Any]) -> Generator[Any, None, Scored]:
    config = replace(RECIPES[MODEL], stage1=MODEL, **changes)
    out = _folder(place, changes)
    pair = yield from trained(config, train, out, place.device)
    counts: dict[str, Counts] = {}
    for split in ("val", "test"):
        path = out / f"{split} one scale.npz"
        counts[split] = yield from counted(pair, Scenes(split), LOOK, path, trained_readouts(config))
    val, test = counts["val"], counts["test"]
    return {name: (test[name], [best_threshold(val[name], LABELS)] * len(test[name])) for name in test}


def trained_readouts(config: TrainConfig) -> tuple[str, ...]:
    """CAM, and the readouts whose weights this training moves."""
    absent = untrained_readouts(config.recam_weight, config.objective)
    return tuple(name for name in READOUTS if name == CAM or name not in absent)


def _folder(place: Workplace, changes: Mapping[str, Any]) -> Any:
    return place.runs / MODEL / "-".join(["bundled", *(f"{name}-{value}" for name, value in changes.items())])
