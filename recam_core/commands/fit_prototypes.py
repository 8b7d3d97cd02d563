"""``fit-prototypes``: LPCAM's local prototypes of a model's classes, kept in a file with the model."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from recam_core.checkpoints.pair_file import load_pair, save_pair
from recam_core.commands.options import add_readout_argument, add_view_arguments, open_data, report, view_options
from recam_core.datasets import DATASETS
from recam_core.networks.pair import ModelPair
from recam_core.records import UserError
from recam_core.system.device import pick_device
from recam_core.system.files import parent_for
from recam_core.training.local_prototypes import PrototypeOptions, Prototypes, fit_prototypes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Model, data set, readout, clusters, where to write, and how to look."""
    parser.add_argument("--model", required=True, help="the name of a listed model, a file, or a run folder")
    parser.add_argument("--dataset", required=True, choices=list(DATASETS))
    parser.add_argument("--root", default="", help="folder of the data set")
    parser.add_argument("--split", required=True, help="e.g. train; only image-level labels are asked for")
    add_readout_argument(parser, "whose maps tell object from context, and whose network the prototypes are of")
    for field in dataclasses.fields(PrototypeOptions):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default, help="%(default)s")
    parser.add_argument(
        "--out", type=Path, required=True, help="the model with its prototypes, e.g. models/mine.safetensors"
    )
    parser.add_argument("--json-lines", action="store_true", help="progress as JSON lines on stdout")
    add_view_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """Fit, write the model with its prototypes, and say how many there are."""
    if arguments.out.suffix != ".safetensors":
        raise UserError(f"--out is a file whose name ends in .safetensors; got {arguments.out}.")
    names = [field.name for field in dataclasses.fields(PrototypeOptions)]
    options, view = PrototypeOptions(**{name: getattr(arguments, name) for name in names}), view_options(arguments)
    target = parent_for(arguments.out)
    dataset = open_data(arguments.dataset, arguments.root, arguments.split)
    pair = load_pair(arguments.model, pick_device(arguments.device))
    readout = arguments.readout or pair.default_readout
    pair.check_readouts([readout])
    for event in report(fit_prototypes(pair.folded(), dataset, readout, options, view), arguments.json_lines):
        if isinstance(event, Prototypes):
            about: dict[str, Any] = {"dataset": arguments.dataset, "split": arguments.split, "readout": readout}
            save_pair(with_prototypes(pair, readout, event, about | dataclasses.asdict(options)), target)
    if not arguments.json_lines:
        print(f"The model with its prototypes is {target}.")


def with_prototypes(pair: ModelPair, readout: str, fitted: Prototypes, about: dict[str, Any]) -> ModelPair:
    """The pair whose network has the prototypes, with an entry of its card that says what they were made of."""
    network = pair.network(readout)
    network.prototypes = fitted.directions
    entries = dict(pair.card.get("prototypes", {})) | {network.head.network: about}
    return dataclasses.replace(pair, card={**pair.card, "prototypes": entries})
