"""``train``: a model pair from a data set, resumable after every epoch."""

import argparse
import dataclasses
import os
from typing import Any

from recam_core.commands.options import add_settings, changed_settings, open_data, report, report_run
from recam_core.datasets import DATASETS
from recam_core.records import OBJECTIVES, PRECISIONS, TrainConfig, is_library_name
from recam_core.system.launcher import launched
from recam_core.training.recipes import RECIPES, default_settings, on_data, on_library

CHOICES = {
    "dataset": list(DATASETS),
    "optimizer": ["sgd", "adamw"],
    "fc1_start": ["default", "imagenet"],
    "fc2_start": ["default", "fc1", "positive"],
    "objective": list(OBJECTIVES),
    "precision": list(PRECISIONS),
}
HELPS = {
    "backbone": "a network of docs/architecture.md, or any classifier as timm:NAME or torchvision:NAME",
    "weights": "what it starts from: none (random), imagenet, or a file",
    "stage1": "a trained model, or timm:NAME, whose stage-1 network is taken as it is; then only stage 2 is trained",
    "stage1_epochs": "passes through the data with BCE alone, which make CAM",
    "stage2_epochs": "passes with BCE + λ·SCE, which make ReCAM",
    "optimizer": "SGD as the reference, or AdamW",
    "backbone_rate": "learning rate of the backbone in stage 1",
    "fc1_rate": "learning rate of FC1 in stage 1",
    "stage2_backbone_rate": "learning rate of the backbone in stage 2",
    "stage2_fc1_rate": "learning rate of FC1 in stage 2",
    "fc2_rate": "learning rate of FC2",
    "recam_weight": "λ, how much SCE counts beside BCE",
    "objective": "losses of stage 2: both, with one head (shared), or SCE alone",
    "mask_gradient": "SCE teaches FC1 too, through the mask",
    "fc1_start": "FC1 starts at random or from ImageNet's rows of the same class names",
    "fc2_start": "FC2 starts at random, from FC1, or from FC1's positive part",
    "frozen_parts": "so many parts of the backbone, the stem first, stay as they began",
    "frozen_depthwise": "kernels of depthwise convolutions stay as they began",
    "training_stride": "output stride of the backbone while it is trained (0: the one it is read out at)",
    "long_side_min": "a picture's long side in pixels is drawn from this",
    "long_side_max": "to this, before the crop",
    "prefetch": "batches that each worker has ready",
    "accumulate": "batches whose gradients make one step",
    "precision": "of the backbone on a graphics card",
    "stage2_batch_size": "pictures of a step in stage 2 (0: as in stage 1)",
    "validation": "a split that is scored after every epoch",
    "validation_pictures": "so many pictures of it, evenly spread",
    "watch": "a picture whose maps are kept after every epoch: a name of the split, a sample, or a file",
    "half": "store weights in half precision",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Every field of ``TrainConfig`` is a flag; what is not given comes from the recipe."""
    parser.add_argument("--recipe", choices=list(RECIPES), help="settings to start from (that of the data set)")
    parser.add_argument(
        "--estimate", action="store_true", help="try a step of each stage, say what all will take, and end"
    )
    add_settings(parser, TrainConfig, CHOICES, HELPS)


def run(arguments: argparse.Namespace) -> None:
    """Train, reporting every step, or say what it would take."""
    config = chosen_config(arguments)
    dataset = open_data(config.dataset, config.root, config.split)
    # seconds to load, for which nobody waits whose data set is refused
    import torch

    from recam_core.networks.backbones import check_backbone
    from recam_core.system.device import keep_freed_memory, pick_device
    from recam_core.training.cost import estimate_cost
    from recam_core.training.two_stage import train

    keep_freed_memory()
    check_backbone(config.backbone)
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
    changed = changed_settings(arguments, TrainConfig)
    if stage1 := changed.get("stage1", ""):
        changed = _from_stage1(stage1, arguments.recipe) | changed
    if arguments.recipe:
        config = RECIPES[arguments.recipe]
    else:
        config = default_settings(arguments.dataset or "scenes", changed.get("backbone", ""))
    config = on_data(config, arguments.dataset or config.dataset)
    if is_library_name(changed.get("backbone", "")):
        config = on_library(config)
    return dataclasses.replace(config, **changed)


def _from_stage1(stage1: str, recipe: str | None) -> dict[str, Any]:
    """What follows from the model that stage 1 comes from: its backbone, unless a recipe was named that has one."""
    if is_library_name(stage1):  # it is both: the network, and where its stage 1 comes from
        return {"backbone": stage1, "weights": "none"}
    if recipe:
        return {}
    from recam_core.checkpoints.pair_file import find_model, read_header  # seconds to load

    return {"backbone": read_header(find_model(stage1))["backbone"]}
