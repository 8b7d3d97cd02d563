"""``train-boundary``: boundary branches for a trained pair, from its own seeds, resumable after every epoch."""

import argparse
import dataclasses
import os

from recam_core.checkpoints.pair_file import load_pair
from recam_core.commands.options import add_settings, changed_settings, open_data, report_run
from recam_core.datasets import DATASETS
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import READOUTS
from recam_core.records import SEED_REFINEMENTS, BoundaryConfig, UserError
from recam_core.system.device import keep_freed_memory, pick_device
from recam_core.system.launcher import launched
from recam_core.training.boundary.train import train_boundary
from recam_core.training.recipes import BOUNDARY_RECIPES, SPLITS, default_boundaries

CHOICES = {"dataset": list(DATASETS), "readout": list(READOUTS), "refinement": list(SEED_REFINEMENTS)}
HELPS = {
    "readout": "whose maps make the seeds",
    "foreground": "above this a pixel of a seed is its class",
    "background": "below this it is background; between the two it counts for nothing",
    "refinement": "what the seeds are snapped to the picture with",
    "multi_scale": "seeds from the reference's four scales instead of one",
    "long_side": "size in pixels that pictures are scaled to for the seeds",
    "epochs": "passes through the data",
    "rate": "learning rate of the boundary branch",
    "displacement_rate": "learning rate of the displacement branch",
    "scale_min": "a picture is scaled by a factor from this",
    "scale_max": "to this, before the crop",
    "radius": "pairs of positions nearer than this on the quarter-size grid are compared",
    "half": "store the branches in half precision",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The model, and every field of ``BoundaryConfig`` as a flag; what is not given comes from the recipe."""
    parser.add_argument("--model", required=True, help="the name of a listed model, a file, or a run folder")
    parser.add_argument(
        "--recipe", choices=list(BOUNDARY_RECIPES), help="settings to start from (that of the data set)"
    )
    add_settings(parser, BoundaryConfig, CHOICES, HELPS)


def run(arguments: argparse.Namespace) -> None:
    """Train, reporting every step."""
    if launched(os.environ).world > 1:
        raise UserError("train-boundary is one process; start it without a launcher.")
    keep_freed_memory()
    device = pick_device(arguments.device)
    pair = load_pair(arguments.model, device)
    config = chosen_config(arguments, pair)
    dataset = open_data(config.dataset, config.root, config.split)
    report_run(arguments, lambda resume: train_boundary(pair, config, dataset, arguments.out, device, resume))


def chosen_config(arguments: argparse.Namespace, pair: ModelPair) -> BoundaryConfig:
    """The recipe with what was said on the command line; a readout that only the recipe names gives way to one that there is."""
    recipe = BOUNDARY_RECIPES[arguments.recipe or default_boundaries(arguments.dataset)]
    if arguments.dataset not in (None, recipe.dataset):
        recipe = dataclasses.replace(recipe, split=SPLITS[arguments.dataset][0])
    if recipe.readout not in pair.readouts:
        recipe = dataclasses.replace(recipe, readout=pair.default_readout)
    return dataclasses.replace(recipe, **changed_settings(arguments, BoundaryConfig))
