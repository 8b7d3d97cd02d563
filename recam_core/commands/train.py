"""``train``: a model pair from a data set, resumable after every epoch."""

import argparse
import dataclasses
import os

import torch

from recam_core.commands.options import add_settings, changed_settings, open_data, report, report_run
from recam_core.datasets import DATASETS
from recam_core.networks.backbones import BACKBONES
from recam_core.records import OBJECTIVES, PRECISIONS, TrainConfig
from recam_core.system.device import keep_freed_memory, pick_device
from recam_core.system.launcher import launched
from recam_core.training.cost import estimate_cost
from recam_core.training.recipes import RECIPES, default_recipe, on_data
from recam_core.training.two_stage import train

CHOICES = {
    "dataset": list(DATASETS),
    "backbone": list(BACKBONES),
    "optimizer": ["sgd", "adamw"],
    "fc1_start": ["default", "imagenet"],
    "fc2_start": ["default", "fc1", "positive"],
    "objective": list(OBJECTIVES),
    "precision": list(PRECISIONS),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Every field of ``TrainConfig`` is a flag; what is not given comes from the recipe."""
    parser.add_argument("--recipe", choices=list(RECIPES), help="settings to start from (that of the data set)")
    parser.add_argument(
        "--estimate", action="store_true", help="try a step of each stage, say what all will take, and end"
    )
    add_settings(parser, TrainConfig, CHOICES)


def run(arguments: argparse.Namespace) -> None:
    """Train, reporting every step, or say what it would take."""
    keep_freed_memory()
    config = chosen_config(arguments)
    dataset = open_data(config.dataset, config.root, config.split)
    share = launched(os.environ)
    device = pick_device(share.device(arguments.device, torch.cuda.device_count()))
    if arguments.estimate:
        for _ in report([estimate_cost(config, len(dataset), device, dataset)], arguments.json_lines):
            return
    report_run(arguments, lambda resume: train(config, dataset, arguments.out, device, resume))
    if torch.distributed.is_initialized():  # a launcher's processes take leave of one another
        torch.distributed.destroy_process_group()


def chosen_config(arguments: argparse.Namespace) -> TrainConfig:
    """The recipe with what was said on the command line."""
    recipe = arguments.recipe or default_recipe(arguments.dataset or "scenes", arguments.backbone or "")
    config = on_data(RECIPES[recipe], arguments.dataset or RECIPES[recipe].dataset)
    return dataclasses.replace(config, **changed_settings(arguments, TrainConfig))
