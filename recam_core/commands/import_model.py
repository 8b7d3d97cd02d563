"""``import``: files from elsewhere become a listed model."""

import argparse
from pathlib import Path

from recam_core.checkpoints.importers import CLASS_LISTS, read_class_names, recognise, store_import
from recam_core.checkpoints.pair_file import known_models, model_name
from recam_core.checkpoints.registry import check_model_name
from recam_core.networks.backbones import BACKBONES
from recam_core.networks.readouts import READOUTS, lacking_sentence
from recam_core.records import ACTIVATIONS
from recam_core.system.folders import models_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files, the name to find the model by, and what the files leave open."""
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help=".pth or .safetensors; several make one model: CAM network, ReCAM network, FC2 (recam_predictor), IRN network",
    )
    parser.add_argument("--name", required=True, help="what the model is called in lists")
    parser.add_argument(
        "--classes",
        help=f"{', '.join(name.lower() for name in CLASS_LISTS)}, or a text file with one name a line (or a JSON list), in the "
        "order of the rows; needed where the file leaves doubt",
    )
    parser.add_argument(
        "--backbone", choices=list(BACKBONES), default="", help="ours at another stride, e.g. resnet50_s8"
    )
    texts = "; ".join(f"{name}: {text}" for name, text in ACTIVATIONS.items())
    parser.add_argument(
        "--activation", choices=list(ACTIVATIONS), default="", help=f"how scores become probabilities; {texts}"
    )
    parser.add_argument("--onto", default="", help="a listed model, or a file, that the files are added to")
    parser.add_argument(
        "--average",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="of a file with weights and their moving average (EMA) take the average",
    )
    parser.add_argument("--out", type=Path, help="write this file instead of one in RECAM_MODELS (else models/)")


def run(arguments: argparse.Namespace) -> None:
    """Say what the files are, import them, and say what the model can do."""
    name = model_name(arguments.name) if arguments.out else check_model_name(arguments.name)
    names = None if arguments.classes is None else read_class_names(arguments.classes)
    words = [f"{path.name}: {recognise(path, arguments.average).words}" for path in arguments.files]
    onto = arguments.onto if arguments.onto in ("", *known_models()) else Path(arguments.onto)
    path = arguments.out or models_folder() / f"{name}.safetensors"
    try:
        pair = store_import(
            arguments.files,
            path,
            name,
            class_names=names,
            backbone=arguments.backbone,
            activation=arguments.activation,
            onto=onto,
            average=arguments.average,
        )
    finally:  # work comes before words, which nobody may be there to take
        print("\n".join(words))
    if note := pair.card.get("imported", {}).get("note"):
        print(note)
    print(f"{len(pair.classes)} classes, {pair.backbone}, readouts {', '.join(pair.readouts)}")
    if pair.boundary is not None:
        print(
            "learned boundaries" + (f" with a backbone of their own, {pair.edge_backbone}" if pair.edge_network else "")
        )
    if lacking := [name for name in READOUTS if name not in pair.readouts]:
        print(lacking_sentence(pair.name, pair.readouts, lacking))
    print(f"written: {path}")
