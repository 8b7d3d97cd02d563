"""``import``: files from elsewhere, or a library's classifier, become a listed model."""

import argparse
from pathlib import Path

from recam_core.checkpoints.importers import CLASS_LISTS, read_class_names, recognise, store_import
from recam_core.checkpoints.pair_file import known_models, model_name
from recam_core.checkpoints.registry import check_model_name
from recam_core.networks.backbones import BACKBONES, check_backbone
from recam_core.networks.readouts import READOUTS, lacking_sentence
from recam_core.records import ACTIVATIONS, UserError
from recam_core.system.folders import models_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files, the name to find the model by, and what the files leave open."""
    parser.add_argument(
        "files",
        nargs="*",
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
    for library, example in (("timm", "resnet34.a1_in1k"), ("torchvision", "regnet_y_400mf")):
        parser.add_argument(
            f"--{library}",
            default="",
            metavar="NAME",
            help=f"any classifier of {library} with a linear head, e.g. {example}: what the file holds, or without a file its "
            "published weights; NAME@16 and NAME@8 look at a finer output stride where the architecture allows it",
        )
    parser.add_argument("--weights", type=Path, metavar="FILE", help="the file, as FILE")
    parser.add_argument(
        "--backbone",
        default="",
        help=f"ours at another stride, one of {', '.join(BACKBONES)}; or timm:NAME, torchvision:NAME",
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
    backbone = _backbone(arguments)
    files = arguments.files + ([arguments.weights] if arguments.weights else [])
    words = [f"{path.name}: {recognise(path, arguments.average, backbone).words}" for path in files]
    onto = arguments.onto if arguments.onto in ("", *known_models()) else Path(arguments.onto)
    path = arguments.out or models_folder() / f"{name}.safetensors"
    try:
        pair = store_import(
            files,
            path,
            name,
            class_names=names,
            backbone=backbone,
            activation=arguments.activation,
            onto=onto,
            average=arguments.average,
        )
    finally:  # work comes before words, which nobody may be there to take
        print("\n".join(words))
    imported = pair.card.get("imported", {})
    if "input" in imported:
        print(f"trained on: {imported['input']}")
    if "note" in imported:
        print(imported["note"])
    print(f"{len(pair.classes)} classes, {pair.backbone}, readouts {', '.join(pair.readouts) or 'none'}")
    if pair.boundary is not None:
        print(
            "learned boundaries" + (f" with a backbone of their own, {pair.edge_backbone}" if pair.edge_network else "")
        )
    if lacking := [name for name in READOUTS if name not in pair.readouts]:
        print(lacking_sentence(pair.name, pair.readouts, lacking))
    print(f"written: {path}")


def _backbone(arguments: argparse.Namespace) -> str:
    """The one backbone that was named, in whichever way; "" for none."""
    ways = {
        "--timm": f"timm:{arguments.timm}" if arguments.timm else "",
        "--torchvision": f"torchvision:{arguments.torchvision}" if arguments.torchvision else "",
        "--backbone": arguments.backbone,
    }
    named = {way: name for way, name in ways.items() if name}
    if len(named) > 1:
        raise UserError(f"{' and '.join(named)} name the architecture twice; leave one out.")
    return check_backbone(*named.values()) if named else ""
