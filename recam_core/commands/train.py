"""``train``: a model pair from a data set, resumable after every epoch."""

import argparse
import dataclasses
import sys
from pathlib import Path

from recam_core.backbones import BACKBONES
from recam_core.commands.options import report
from recam_core.datasets import DATASETS, open_dataset
from recam_core.device import keep_freed_memory, pick_device
from recam_core.recipes import RECIPES, default_recipe
from recam_core.records import TrainConfig, UserError
from recam_core.training import CHECKPOINT, train

CHOICES = {
    "dataset": list(DATASETS),
    "backbone": list(BACKBONES),
    "optimizer": ["sgd", "adamw"],
    "fc1_start": ["default", "imagenet"],
    "fc2_start": ["default", "fc1", "positive"],
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Every field of ``TrainConfig`` is a flag; what is not given comes from the recipe."""
    parser.add_argument("--recipe", choices=list(RECIPES), help="settings to start from (that of the data set)")
    parser.add_argument("--out", required=True, type=Path, help="the run's folder, e.g. runs/mine")
    parser.add_argument("--resume", action="store_true", help="continue the run in --out after its last finished epoch")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--json-lines", action="store_true", help="events as JSON lines on stdout")
    for field in dataclasses.fields(TrainConfig):
        flag = "--" + field.name.replace("_", "-")
        if isinstance(field.default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None)
        else:
            parser.add_argument(flag, type=type(field.default), choices=CHOICES.get(field.name), default=None)


def run(arguments: argparse.Namespace) -> None:
    """Train, reporting every step."""
    keep_freed_memory()
    config = chosen_config(arguments)
    dataset = open_dataset(config.dataset, config.root, config.split)
    if not arguments.resume and (arguments.out / CHECKPOINT).exists():
        raise UserError(f"{arguments.out} holds a run already: add --resume to continue it, or choose another --out.")
    events = train(config, dataset, arguments.out, pick_device(arguments.device), arguments.resume)
    try:
        for _ in report(events, arguments.json_lines):
            pass
    except KeyboardInterrupt:
        again = "the same command and --resume" if (arguments.out / CHECKPOINT).exists() else "the same command"
        print(
            f"\nStopped. Go on with {again}: what is finished epoch by epoch is kept in {arguments.out}.",
            file=sys.stderr,
        )
        raise


def chosen_config(arguments: argparse.Namespace) -> TrainConfig:
    """The recipe with what was said on the command line."""
    recipe = arguments.recipe or default_recipe(arguments.dataset or "scenes", arguments.backbone or "")
    said = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(TrainConfig)}
    return dataclasses.replace(RECIPES[recipe], **{name: value for name, value in said.items() if value is not None})
