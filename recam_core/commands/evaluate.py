"""``evaluate``: mIoU, FP, FN, precision and recall of every readout at every background threshold."""

import argparse
import json
from pathlib import Path
from typing import Any

from recam_core.commands.options import add_view_arguments, readout_names, report, view_options
from recam_core.commands.walking import add_refine_arguments, chosen_walk
from recam_core.datasets import DATASETS, open_dataset
from recam_core.device import pick_device
from recam_core.evaluation import Evaluation, evaluate
from recam_core.files import parent_for, save_atomically
from recam_core.records import READOUT_LABELS
from recam_core.shelf import find_model, load_pair, read_header, update_card
from recam_core.walk_result import Walker


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Model, data set, readouts and how to look."""
    parser.add_argument("--model", required=True, help="a name on the shelf, a file, or a run folder")
    parser.add_argument("--dataset", required=True, choices=list(DATASETS))
    parser.add_argument("--root", default="", help="folder of the data set")
    parser.add_argument("--split", required=True, help="e.g. test, train2017")
    parser.add_argument("--readouts", default="all", help="all, or some of cam,w,wprime,sum,product")
    parser.add_argument("--json", type=Path, help="write every figure there")
    parser.add_argument("--json-lines", action="store_true", help="progress as JSON lines on stdout")
    parser.add_argument("--into-card", action="store_true", help="also keep the scores in the model's own file")
    add_refine_arguments(parser, ("none", "walk"))
    add_view_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure, write, and show a table."""
    options, readouts = view_options(arguments), readout_names(arguments.readouts)
    target = parent_for(arguments.json) if arguments.json else None
    dataset = open_dataset(arguments.dataset, arguments.root, arguments.split)
    pair = load_pair(arguments.model, pick_device(arguments.device)).folded()
    walk = chosen_walk(arguments, pair)
    walker = None if walk is None else Walker(pair, walk, arguments.boundary)
    source = (arguments.dataset, arguments.split)
    result: Evaluation | None = None
    for event in report(evaluate(pair, dataset, options, readouts, source, walker), arguments.json_lines):
        if isinstance(event, Evaluation):
            result = event
    assert result is not None  # the last event
    figures = result.to_json()
    if not arguments.json_lines:
        print(table(figures))
    if target:
        save_atomically(target, json.dumps(figures, indent=1).encode())
    if arguments.into_card:
        keep_scores(find_model(arguments.model), figures)


def keep_scores(path: Path, figures: dict[str, Any]) -> None:
    """Write the best scores of each readout into the model's card, under what they were measured on."""
    scales = "single scale" if len(figures["scales"]) == 1 else f"{len(figures['scales'])} scales"
    where = f"{figures['dataset']} {figures['split']}, {scales}"
    if walk := figures.get("walk"):
        where += f", after {walk['steps']} steps of the walk ({walk['boundary']} boundaries)"
    rows = {
        name: {key: row[key] for key in ("miou", "threshold", "fp", "fn")} for name, row in figures["readouts"].items()
    }
    scores = read_header(path)["card"].get("scores", {})
    update_card(path, {"scores": scores | {where: {"pictures": figures["pictures"], "readouts": rows}}})


def table(figures: dict[str, Any]) -> str:
    """A row per readout, percent, at the threshold where its mIoU is best."""
    lines = [f"{'readout':9}{'mIoU':>7}{'at':>6}{'FP':>7}{'FN':>7}{'precision':>11}{'recall':>8}"]
    for name, row in figures["readouts"].items():
        cells = [
            f"{100 * row[key]:.1f}" if row[key] is not None else "–"
            for key in ("miou", "fp", "fn", "precision", "recall")
        ]
        lines.append(
            f"{READOUT_LABELS[name]:9}{cells[0]:>7}{row['threshold']:>6.2f}{cells[1]:>7}{cells[2]:>7}{cells[3]:>11}{cells[4]:>8}"
        )
    return "\n".join(lines)
