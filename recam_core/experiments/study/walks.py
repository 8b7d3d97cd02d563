"""What a walk gains: seeds before and after it, with learned boundaries and with the picture's own edges.

Settings and thresholds are chosen on other pictures than those that are scored: on ``val`` for the test scenes; for each
quarter of the photos, on which there is no other split, on the other three; on VOC those of ``val`` for ``train`` and the
other way round.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recam_core.checkpoints.pair_file import load_pair
from recam_core.datasets import Dataset, open_dataset
from recam_core.evaluation.bootstrap import best_row, best_threshold, confusions, gain, row
from recam_core.experiments.study.folds import fold_of
from recam_core.experiments.study.plans import FOLDS, WALK_BETAS, WALK_STEPS
from recam_core.experiments.study.runs import Counts, Part, Workplace, stored_counts
from recam_core.experiments.study.walk_counts import measure_walks, name_of
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import READOUTS
from recam_core.records import RandomWalkOptions
from recam_core.refiners.random_walk.boundary import boundary_sources

REFERENCE = RandomWalkOptions()
GRID = [replace(REFERENCE, beta=beta, steps=t) for beta in WALK_BETAS for t in WALK_STEPS]
CARD = "w"  # the readout whose best walk a model's card keeps

Parts = Sequence[tuple[Counts, Counts]]  # what to choose on, and what to score


def scenes_part(place: Workplace) -> Part:
    """The bundled model on the test scenes; chosen on ``val``."""
    pair = load_pair("scenes", place.device)
    counts = {}
    for split in ("val", "test"):
        counts[split] = yield from _counted(place, pair, open_dataset("scenes", "", split), f"walks {split}")
    table = walk_table(pair, [(counts["val"], counts["test"])], boundary_sources(pair))
    return {"split": "test", "chosen_on": "val", **table, "card": best_walk(counts["val"], pair)}


def photos_part(place: Workplace) -> Part:
    """The bundled model on the photos that it was trained on (the seeds of this field); each quarter chosen on the others."""
    pair = load_pair("photos", place.device)
    photos = open_dataset("coco", place.root, "train2017")
    counts = yield from _counted(place, pair, photos, "walks train2017")
    fold = fold_of(len(photos), FOLDS)[[photos.mask(i) is not None for i in range(len(photos))]]
    parts = [(_some(counts, fold != k), _some(counts, fold == k)) for k in range(FOLDS)]
    table = walk_table(pair, parts, boundary_sources(pair))
    return {"split": "train2017", "chosen_on": "the other quarters", **table, "card": best_walk(counts, pair)}


def voc_part(place: Workplace) -> Part:
    """The bundled model on ``val`` and on the training pictures with masks; what is scored on one is chosen on the other."""
    pair = load_pair("voc", place.device).folded()
    by_split = {}
    for split in ("val", "train"):
        by_split[split] = yield from _counted(place, pair, open_dataset("voc", place.root, split), f"walks {split}")
    tables = {
        split: walk_table(pair, [(by_split[other], by_split[split])], boundary_sources(pair))
        for split, other in (("val", "train"), ("train", "val"))
    }
    return {
        "split": "val and train",
        "chosen_on": "the other split",
        "splits": tables,
        "card": best_walk(by_split["val"], pair),
    }


def _counted(place: Workplace, pair: ModelPair, dataset: Dataset, what: str) -> Generator[Any, None, Counts]:
    sources = boundary_sources(pair)
    names = [name_of(r) for r in READOUTS] + [name_of(r, s, w) for s in sources for w in GRID for r in READOUTS]
    path = place.runs / "walks" / f"{pair.name} {what}.npz"
    return (yield from stored_counts(path, pair.sha256, names, dataset, measure_walks(pair, dataset, sources, GRID)))


def _some(counts: Counts, which: np.ndarray) -> Counts:
    return {name: [pictures[i] for i in np.flatnonzero(which)] for name, pictures in counts.items()}


def walk_table(pair: ModelPair, parts: Parts, sources: Sequence[str]) -> dict[str, Any]:
    """Each readout before the walk, after the reference's, and after the one that was best elsewhere, by boundary.

    ``gain`` is over the same readout before the walk, ``over_gradient`` over the same walk with the picture's own edges.
    """
    labels = len(pair.classes) + 1
    before = {readout: _scored(parts, {name_of(readout): None}, labels) for readout in READOUTS}
    after = {
        (source, title, readout): _scored(parts, {name_of(readout, source, walk): walk for walk in walks}, labels)
        for source in sources
        for title, walks in (("reference", [REFERENCE]), ("chosen", GRID))
        for readout in READOUTS
    }
    boundaries: dict[str, Any] = {source: {"reference": {}, "chosen": {}} for source in sources}
    for (source, title, readout), scored in after.items():
        baseline = after.get(("gradient", title, readout)) if source != "gradient" else None
        boundaries[source][title][readout] = {
            **scored.row,
            "walks": [{"beta": walk.beta, "steps": walk.steps} for walk in scored.walks if walk],
            "gain": gain([scored.matrices], [before[readout].matrices]),
            "over_gradient": baseline and gain([scored.matrices], [baseline.matrices]),
        }
    return {
        "model": pair.name,
        "model_sha256": pair.sha256,
        "pictures": len(before["cam"].matrices),
        "radius": REFERENCE.radius,
        "grid": [{"beta": walk.beta, "steps": walk.steps} for walk in GRID],
        "before": {readout: scored.row for readout, scored in before.items()},
        "boundaries": boundaries,
    }


@dataclass(frozen=True, eq=False)
class _Scored:
    """Confusion matrices (P, K+1, K+1) of all scored pictures, their figures, and the walk that was chosen in each part."""

    matrices: np.ndarray
    row: dict[str, Any]
    walks: list[RandomWalkOptions | None]


def _scored(parts: Parts, walks: Mapping[str, RandomWalkOptions | None], labels: int) -> _Scored:
    """In each part the best of some walks, and its best threshold, on what to choose on; applied to what to score."""
    matrices, thresholds, taken = [], [], []
    for elsewhere, own in parts:
        name = max(walks, key=lambda key: best_row(elsewhere[key], labels)["miou"])
        here = [best_threshold(elsewhere[name], labels)] * len(own[name])
        matrices.append(confusions(own[name], labels, here))
        thresholds += here
        taken.append(walks[name])
    together = np.concatenate(matrices)
    return _Scored(together, row(together, thresholds), taken)


def best_walk(counts: Counts, pair: ModelPair) -> dict[str, Any]:
    """The walk after which ``CARD`` has the highest mIoU over some pictures, with the model's best boundaries: for its card.

    ``thresholds`` are those that are best after this walk, readout by readout; ``threshold`` is that of ``CARD``.
    """
    source, labels = boundary_sources(pair)[0], len(pair.classes) + 1
    walk = max(GRID, key=lambda one: best_row(counts[name_of(CARD, source, one)], labels)["miou"])
    thresholds = {name: best_row(counts[name_of(name, source, walk)], labels)["threshold"] for name in READOUTS}
    settings = {"radius": walk.radius, "beta": walk.beta, "steps": walk.steps}
    return settings | {"threshold": thresholds[CARD], "thresholds": thresholds}
