"""``seeds``: pseudo masks for a whole data set whose image-level labels are known, resumable, shared by several processes."""

import argparse
import os
import sys
from pathlib import Path

import torch

from recam_core.cam.thresholds import seed_threshold
from recam_core.checkpoints.pair_file import load_pair
from recam_core.commands.options import add_readout_argument, add_view_arguments, open_data, report, view_options
from recam_core.commands.refining import add_refine_arguments, chosen_refinement
from recam_core.datasets import DATASETS
from recam_core.evaluation.pseudo_masks import PseudoMaskOptions, write_masks
from recam_core.networks.pair import ModelPair
from recam_core.records import MaskStep
from recam_core.refiners import REFINERS
from recam_core.system.device import pick_device
from recam_core.system.launcher import launched


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Data set, model, readout, refinement, threshold, where to write, and how to look."""
    parser.add_argument("--dataset", required=True, choices=list(DATASETS))
    parser.add_argument("--root", default="", help="folder of the data set")
    parser.add_argument("--split", required=True, help="e.g. train, train2017")
    parser.add_argument("--model", required=True, help="the name of a listed model, a file, or a run folder")
    add_readout_argument(parser, "whose maps become masks")
    add_refine_arguments(parser)
    parser.add_argument(
        "--threshold",
        type=float,
        help="background threshold; by default what was measured for this model, else the reference's: .21, after the walk .28",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the masks; finished ones are kept")
    parser.add_argument("--json-lines", action="store_true", help="progress as JSON lines on stdout")
    add_view_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """Make the masks that are missing, reporting every picture."""
    share = launched(os.environ)
    dataset = open_data(arguments.dataset, arguments.root, arguments.split)
    device = pick_device(share.device(arguments.device, torch.cuda.device_count()))
    pair = load_pair(arguments.model, device).folded()
    arguments.readout = arguments.readout or pair.default_readout
    options = chosen_options(arguments, pair)
    events = write_masks(pair, dataset, options, arguments.out, (arguments.dataset, arguments.split), share)
    skipped = []
    try:
        for event in report(events, arguments.json_lines):
            if isinstance(event, MaskStep) and event.state == "skipped":
                skipped.append(event)
    except KeyboardInterrupt:
        print(f"\nStopped. The same command goes on: what is finished is kept in {arguments.out}.", file=sys.stderr)
        raise
    if skipped:
        names = ", ".join(event.name for event in skipped)
        print(
            f"{len(skipped)} of {skipped[0].total} pictures could not be read and have no mask: {names}",
            file=sys.stderr,
        )


def chosen_options(arguments: argparse.Namespace, pair: ModelPair) -> PseudoMaskOptions:
    """What suits the model, with what was said on the command line; says which threshold was taken and why."""
    view, refinement = view_options(arguments), chosen_refinement(arguments, pair)
    suited = REFINERS[refinement.name].threshold if refinement else seed_threshold
    threshold, where = suited(pair, arguments.readout, view)
    if arguments.threshold is not None:
        threshold, where = arguments.threshold, "as asked for"
    options = PseudoMaskOptions(threshold, arguments.readout, refinement, view)
    print(f"background threshold {threshold:g} ({where})", file=sys.stderr)
    return options
