"""Find ξ and μ for a model by measuring: how much a climb gains in IoU on pictures with masks, over a small grid.

``PYTHONPATH=. python docs/tune_climb.py scenes``, ``… voc --root VOC`` or ``… photos --root COCO128``, each with
``--into-card`` to keep the best in the model's file, where ``climb_defaults`` finds it. Writes
assets/results/climb-tuning-MODEL.json. Tune on other pictures than those that results are reported on: with several readouts
(``--readout cam,w``) the file has the rows of each, and nothing is chosen.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from recam_core.cam.pipeline import gather_evidence, read_out
from recam_core.checkpoints.pair_file import find_model, load_pair, update_card
from recam_core.datasets import Dataset, open_dataset
from recam_core.evaluation.curves import class_curves
from recam_core.evaluation.metrics import SLIDER
from recam_core.images.masks import resize_labels
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import READOUTS
from recam_core.records import IGNORE, AdvCamOptions, HeatmapOptions
from recam_core.refiners.advcam.climb import climb
from recam_core.refiners.advcam.result import climb_defaults, climbed_evidence, grey_levels
from recam_core.system.device import keep_freed_memory, pick_device
from recam_core.system.files import parent_for, save_atomically

RESULTS = Path(__file__).parent.parent / "assets" / "results"
DATA = {"scenes": ("scenes", "val"), "voc": ("voc", "val"), "photos": ("coco", "train2017")}
FACTORS = (0.5, 1.0, 2.0)  # of the reference's ξ in grey levels
WEIGHTS = (0.0, 1.0, 7.0)  # μ


def masked_pictures(dataset: Dataset, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """``count`` pictures (H, W, 3) and masks (H, W), spread evenly over those of the data set that have an object."""
    step = max(1, len(dataset) // count)
    order = sorted(range(len(dataset)), key=lambda i: (i % step, i))
    for i in order:
        mask = dataset.mask(i)
        if mask is not None and ((mask > 0) & (mask != IGNORE)).any():
            yield dataset.image(i), mask
            count -= 1
        if count == 0:
            return


def picture_curves(
    pair: ModelPair, picture: np.ndarray, mask: np.ndarray, options: AdvCamOptions, readout: str, view: HeatmapOptions
) -> np.ndarray:
    """IoU of the accumulated map of each class in the mask, at every step and threshold: (classes, T, 101)."""
    ids = [int(value) - 1 for value in np.unique(mask) if 0 < value != IGNORE]
    names = [pair.classes[k] for k in ids]
    before = gather_evidence(picture, pair, view, [readout])
    labels = resize_labels(mask, before.picture.shape[:2])
    truth = np.stack([np.where(labels == IGNORE, IGNORE, labels == k + 1).astype(np.uint8) for k in ids])
    curves = []
    for step in climb(picture, pair, names, options, readout, view):
        iou = class_curves(read_out(climbed_evidence(before, [step]), readout, names), truth).iou
        assert iou is not None  # a truth was given
        curves.append(np.nan_to_num(iou))
    return np.stack(curves, axis=1)


def measured(curves: np.ndarray, options: AdvCamOptions, pair: ModelPair) -> dict[str, Any]:
    """What one setting does: mean IoU (over objects) at the threshold that is best for all of them, first and last step."""
    mean = curves.mean(axis=0)  # (T, 101)
    best = mean.argmax(axis=1)
    by_step = mean.max(axis=1)
    return {
        "xi": options.xi,
        "xi_grey_levels": round(grey_levels(options.xi, pair), 2),
        "mu": options.mu,
        "iou_before": round(float(by_step[0]), 4),
        "iou": round(float(by_step[-1]), 4),
        "gain": round(float(by_step[-1] - by_step[0]), 4),
        "threshold": round(float(SLIDER[best[-1]]), 2),
        "threshold_before": round(float(SLIDER[best[0]]), 2),
        "best_step": int(by_step.argmax()) + 1,
        "iou_by_step": [round(float(value), 4) for value in by_step],
    }


def tune(arguments: argparse.Namespace) -> dict[str, Any]:
    """The grid, row by row, best first."""
    kind, split = DATA[arguments.model]
    dataset = open_dataset(kind, arguments.root, arguments.split or split)
    pair = load_pair(arguments.model, pick_device(arguments.device))
    # the reference's settings at the same grey levels, whatever the card says already
    start = replace(climb_defaults(replace(pair, card={})), steps=arguments.steps)
    view = HeatmapOptions(long_side=arguments.long_side)
    pictures = list(masked_pictures(dataset, arguments.pictures))
    tables: dict[str, list[dict[str, Any]]] = {readout: [] for readout in arguments.readout}
    for readout, factor, mu in product(tables, arguments.xi_factors, arguments.mu):
        options = replace(start, xi=round(start.xi * factor, 4), mu=mu)
        curves = [picture_curves(pair, p, m, options, readout, view) for p, m in pictures]
        row = measured(np.concatenate(curves), options, pair)
        tables[readout].append(row)
        print(
            f"{readout}  ξ {row['xi']:g} ({row['xi_grey_levels']} levels)  μ {mu:g}  IoU {row['iou_before']:.3f} → "
            f"{row['iou']:.3f}  best at step {row['best_step']}",
            file=sys.stderr,
            flush=True,
        )
    for rows in tables.values():
        rows.sort(key=lambda row: -row["iou"])
    report = {
        "model": arguments.model,
        "model_sha256": pair.sha256,
        "dataset": kind,
        "split": arguments.split or split,
        "pictures": len(pictures),
        "objects": sum(len(c) for c in curves),
        "long_side": arguments.long_side,
        "settings": asdict(start),
        "measure": "mean over objects of the IoU of the accumulated map, at the one threshold that is best for all objects",
        "date": datetime.now(UTC).date().isoformat(),
    }
    if len(tables) > 1:
        return report | {"readouts": tables}
    ((readout, rows),) = tables.items()
    return report | {"readout": readout, "best": {key: rows[0][key] for key in ("xi", "mu")}, "rows": rows}


def numbers(text: str) -> list[float]:
    """A comma-separated list of numbers."""
    return [float(part) for part in text.split(",")]


def readouts(text: str) -> list[str]:
    """A comma-separated list of readouts."""
    if unknown := set(names := text.split(",")) - set(READOUTS):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}; choose among {', '.join(READOUTS)}")
    return names


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=list(DATA))
    parser.add_argument("--root", default="", help="folder of the pictures, for voc and photos")
    parser.add_argument("--split", default="")
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--steps", type=int, default=AdvCamOptions().steps)
    parser.add_argument("--xi-factors", type=numbers, default=list(FACTORS))
    parser.add_argument("--mu", type=numbers, default=list(WEIGHTS))
    parser.add_argument("--readout", type=readouts, default=["w"], help="one, or several with commas")
    parser.add_argument("--long-side", type=int, default=320)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="where to write instead of assets/results")
    parser.add_argument("--into-card", action="store_true", help="keep the best ξ and μ in the model's own file")
    chosen = parser.parse_args()
    if chosen.into_card and len(chosen.readout) > 1:
        parser.error("--into-card keeps the best ξ and μ of one readout; name one with --readout")
    keep_freed_memory()
    target = parent_for(chosen.out or RESULTS / f"climb-tuning-{chosen.model}.json")
    report = tune(chosen)
    save_atomically(target, (json.dumps(report, indent=1) + "\n").encode())
    if chosen.into_card:
        update_card(find_model(chosen.model), {"climb": report["best"]})
