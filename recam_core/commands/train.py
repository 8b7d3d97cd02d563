"""``train``: a model pair from a data set, resumable after every epoch."""

import argparse
import dataclasses
import os

import torch

from recam_core.commands.options import add_settings, changed_settings, open_data, report, report_run
from recam_core.datasets import DATASETS
from recam_core.networks.backbones import check_backbone
from recam_core.records import OBJECTIVES, PRECISIONS, TrainConfig, is_library_name
from recam_core.system.device import keep_freed_memory, pick_device
from recam_core.system.launcher import launched
from recam_core.training.cost import estimate_cost
from recam_core.training.recipes import RECIPES, default_recipe, on_data, on_library
from recam_core.training.two_stage import train

CHOICES = {
    "dataset": list(DATASETS),
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
    stage1 = arguments.stage1 or ""
    backbone = arguments.backbone or (stage1 if is_library_name(stage1) else "")
    recipe = arguments.recipe or default_recipe(arguments.dataset or "scenes", backbone)
    config = on_data(RECIPES[recipe], arguments.dataset or RECIPES[recipe].dataset)
    changed = changed_settings(arguments, TrainConfig)
    if is_library_name(changed.get("stage1", "")):  # it is both: the network, and where its stage 1 comes from
        changed = {"backbone": changed["stage1"], "weights": "none"} | changed
    if is_library_name(changed.get("backbone", "")):
        config = on_library(config)
    config = dataclasses.replace(config, **changed)
    check_backbone(config.backbone)
    return config
