"""``evaluate``: mIoU, FP, FN, precision and recall of every readout at every background threshold."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from recam_core.checkpoints.pair_file import find_model, load_pair, read_header, update_card
from recam_core.commands.method_choice import add_method_argument, chosen_methods
from recam_core.commands.options import add_view_arguments, open_data, readout_names, report, view_options
from recam_core.commands.refining import add_refine_arguments, chosen_refinement
from recam_core.datasets import DATASETS, Dataset, boxes_alone, streamed
from recam_core.evaluation.evaluate import BOXES_ALONE, Evaluation, evaluate
from recam_core.evaluation.localisation import REQUIRED
from recam_core.evaluation.store import MapMaker, evaluate_into, open_store, reset_pair
from recam_core.evaluation.store.map_names import map_label
from recam_core.networks.readouts import READOUTS, lacking_sentence
from recam_core.records import CAM, UserError
from recam_core.records.stored import Stored
from recam_core.refiners import Refinement
from recam_core.system.device import pick_device
from recam_core.system.files import parent_for, save_atomically
from recam_core.system.launcher import Share, launched


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Model, data set, readouts and how to look."""
    parser.add_argument("--model", required=True, help="the name of a listed model, a file, or a run folder")
    parser.add_argument("--dataset", required=True, choices=list(DATASETS))
    parser.add_argument("--root", default="", help="folder of the data set")
    parser.add_argument("--split", required=True, help="e.g. test, train2017")
    parser.add_argument("--readouts", default="all", help=f"all, or some of {','.join(READOUTS)}")
    add_method_argument(parser)
    parser.add_argument("--json", type=Path, help="write every figure there")
    parser.add_argument(
        "--out",
        type=Path,
        help="folder for the counts of every picture; an evaluation that was stopped there is gone on with",
    )
    parser.add_argument(
        "--baselines",
        nargs="?",
        const="with",
        choices=("with", "only"),
        help="also count a random map, the whole picture, a centre blob and the model with random weights, into --out",
    )
    parser.add_argument(
        "--localisation",
        action="store_true",
        help="also count boxes and pixels of objects into --out: MaxBoxAcc and pixel average precision (Choe et al., CVPR 2020); "
        "where no picture has a mask, MaxBoxAcc by the boxes of the annotations alone",
    )
    parser.add_argument("--json-lines", action="store_true", help="progress as JSON lines on stdout")
    parser.add_argument("--into-card", action="store_true", help="also keep the scores in the model's own file")
    add_refine_arguments(parser)
    add_view_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure, write, and show a table."""
    check_targets(arguments)
    only = arguments.baselines == "only"
    options, readouts = view_options(arguments), () if only else readout_names(arguments.readouts)
    target = parent_for(arguments.json) if arguments.json else None
    share = launched(os.environ)
    if share.world > 1 and not arguments.out:
        raise UserError("Several processes share an evaluation in its folder: add --out DIR, or start one process.")
    dataset = open_data(arguments.dataset, arguments.root, arguments.split)
    check_card(arguments, dataset)
    pair = load_pair(arguments.model, pick_device(share.device(arguments.device, torch.cuda.device_count()))).folded()
    readouts = () if only else readouts or pair.readouts
    pair.check_readouts(readouts or pair.readouts)
    refinement = chosen_refinement(arguments, pair) if pair.readouts else None
    methods = chosen_methods(arguments, pair, options)
    if not pair.readouts and not methods:
        raise UserError(lacking_sentence(pair.name, (), (CAM,)))
    if arguments.out:
        maps = MapMaker(pair, options, readouts, refinement, reset_pair(pair) if arguments.baselines else None, methods)
        events = stored(arguments, maps, dataset, share)
    else:
        events = evaluate(pair, dataset, options, readouts, (arguments.dataset, arguments.split), refinement, methods)
    result: Evaluation | None = None
    for event in report(events, arguments.json_lines):
        if isinstance(event, Evaluation):
            result = event
    if result is None:  # baselines alone, or a share
        return
    figures = result.to_json()
    if target:
        save_atomically(target, json.dumps(figures, indent=1).encode())
    if arguments.into_card:
        keep_scores(find_model(arguments.model), figures, refinement)
    if not arguments.json_lines:
        print(table(figures))


def check_targets(arguments: argparse.Namespace) -> None:
    """Refuse what would have no effect, before any work."""
    if arguments.baselines and not arguments.out:
        raise UserError("--baselines are rows of the store: add --out DIR, or leave them out.")
    if arguments.localisation and not arguments.out:
        raise UserError("--localisation is counted into the store: add --out DIR, or leave it out.")
    others = (arguments.json, arguments.into_card, arguments.refine != "none")
    if arguments.baselines == "only" and any(others):
        raise UserError(
            "--baselines only measures no readout: leave --json, --into-card and --refine out, or drop the word only."
        )


def check_card(arguments: argparse.Namespace, dataset: Dataset) -> None:
    """Refuse to keep scores that there will not be."""
    if arguments.into_card and arguments.localisation and boxes_alone(dataset):
        raise UserError(f"{BOXES_ALONE} A model's card keeps mIoU: leave --into-card out.")


def stored(arguments: argparse.Namespace, maps: MapMaker, dataset: Dataset, share: Share) -> Iterator[Any]:
    """Evaluate into ``--out``, or on from where that was stopped; ends with the figures of the readouts, if there are any.

    Of several processes the one that ends last has them.
    """
    where = (arguments.dataset, str(Path(arguments.root).resolve()) if arguments.root else "", arguments.split)
    try:
        whole = None
        for event in evaluate_into(
            arguments.out,
            maps,
            streamed(dataset),
            where,
            arguments.model,
            localisation=arguments.localisation,
            share=share,
        ):
            whole = event
            yield event
    except KeyboardInterrupt:
        print(
            f"\nStopped. The same command goes on from here: what is counted is kept in {arguments.out}.",
            file=sys.stderr,
        )
        raise
    if not isinstance(whole, Stored):
        print(
            f"This share is counted. The figures come from the process that ends last, in {arguments.out}.",
            file=sys.stderr,
        )
    elif maps.looks:
        store = open_store(arguments.out)
        behind = f"-{maps.refinement.name}" if maps.refinement else ""
        sweeps = {name: store.sweep(f"{name}{behind}") for name in maps.readouts}
        sweeps |= {name: store.sweep(name) for name in maps.methods}
        measured = int(store.counted.sum())
        yield Evaluation(
            maps.pair.name,
            arguments.dataset,
            arguments.split,
            measured,
            maps.options,
            maps.pair.classes,
            sweeps,
            maps.refinement,
            localisation={name: store.localisation(name) for name in store.objects},
            boxed=store.settings.boxed,
        )


def keep_scores(path: Path, figures: dict[str, Any], refinement: Refinement | None) -> None:
    """Write the best scores of each readout into the model's card, under what they were measured on."""
    scales = "single scale" if len(figures["scales"]) == 1 else f"{len(figures['scales'])} scales"
    where = f"{figures['dataset']} {figures['split']}, {scales}"
    if refinement is not None:
        where += f", {refinement.words}"
    rows = {
        name: {key: row[key] for key in ("miou", "threshold", "fp", "fn")}
        for name, row in figures["readouts"].items()
        if name in READOUTS
    }
    scores = read_header(path)["card"].get("scores", {})
    update_card(path, {"scores": scores | {where: {"pictures": figures["pictures"], "readouts": rows}}})


def table(figures: dict[str, Any]) -> str:
    """A row a readout or method, percent, at the threshold where its mIoU is best; without masks the reason why there is none."""
    if "reason" in figures:
        return "\n".join([figures["reason"], *localisation_table(figures["localisation"])])
    refined = f"-{figures['refine']}" if "refine" in figures else ""
    labels = {name: map_label(f"{name}{refined}") for name in figures["readouts"]}
    width = max(9, *(len(label) + 1 for label in labels.values()))
    lines = [f"{'readout':{width}}{'mIoU':>7}{'at':>6}{'FP':>7}{'FN':>7}{'precision':>11}{'recall':>8}"]
    for name, row in figures["readouts"].items():
        cells = [
            f"{100 * row[key]:.1f}" if row[key] is not None else "–"
            for key in ("miou", "fp", "fn", "precision", "recall")
        ]
        lines.append(
            f"{labels[name]:{width}}{cells[0]:>7}{row['threshold']:>6.2f}{cells[1]:>7}{cells[2]:>7}{cells[3]:>11}{cells[4]:>8}"
        )
    return "\n".join([*lines, *localisation_table(figures.get("localisation", {}))])


def localisation_table(rows: dict[str, Any]) -> list[str]:
    """Lines of a row a map, percent, where localisation was counted."""
    if not rows:
        return []
    width = max(len(map_label(name)) for name in rows) + 1
    heads = [f"at IoU {needed:g}" for needed in REQUIRED]
    lines = ["", f"{'map':{width}}{'MaxBoxAcc':>10}{''.join(f'{head:>11}' for head in heads)}{'PxAP':>7}"]
    for name, row in rows.items():
        numbers = [row["max_box_acc"], *row["box_accuracy"].values(), row["pxap"]]
        cells = ["–" if number is None else f"{100 * number:.1f}" for number in numbers]
        lines.append(f"{map_label(name):{width}}{cells[0]:>10}{''.join(f'{c:>11}' for c in cells[1:4])}{cells[4]:>7}")
    return lines
