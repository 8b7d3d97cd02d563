"""Methods as an argument of several commands: which ones, and what slow ones cost."""

import argparse
import sys

from recam_core.cam.methods import METHODS, method_map, method_names
from recam_core.cam.methods.results import method_passes
from recam_core.commands.options import split_names
from recam_core.networks.pair import ModelPair
from recam_core.records import HeatmapOptions


def add_method_argument(parser: argparse.ArgumentParser) -> None:
    """Which methods' maps are made beside the readouts'."""
    texts = "; ".join(f"{name}: {row.help}{' (slow)' if row.slow else ''}" for name, row in METHODS.items())
    parser.add_argument(
        "--methods",
        default="",
        metavar="NAMES",
        help=f"maps of other methods too, comma-separated. {texts}. NAME@cam is of the stage-1 network, NAME@LAYER of a layer, "
        "NAME@cam.LAYER of both",
    )


def chosen_methods(
    arguments: argparse.Namespace,
    pair: ModelPair,
    options: HeatmapOptions,
    classes: int = 1,
    seconds: float | None = None,
) -> tuple[str, ...]:
    """The methods that were asked for, each one that the model can be asked for; says first what slow ones cost.

    ``seconds`` is how long a pass takes, where that was measured.
    """
    names = method_names(split_names(arguments.methods))
    for name in names:
        views = len(options.scales) * (2 if options.flip else 1)
        passes = method_passes(pair, name, classes, views)
        if method_map(name).method.slow:
            whose = "for the classes of this picture" if seconds is not None else "for each class of each picture"
            time = "" if seconds is None else f", about {passes * seconds:.0f} s"
            print(f"{method_map(name).label} is slow: {passes} passes {whose}{time}", file=sys.stderr)
    return names
