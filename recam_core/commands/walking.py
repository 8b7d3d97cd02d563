"""The walk as arguments of several commands: which boundaries, every setting, and whether there is a walk at all."""

import argparse
import dataclasses
from collections.abc import Sequence

from recam_core.networks.pair import ModelPair
from recam_core.records import BOUNDARIES, REFINEMENTS, RandomWalkOptions, UserError
from recam_core.refiners.random_walk.result import walk_defaults


def add_refine_arguments(parser: argparse.ArgumentParser, choices: Sequence[str]) -> None:
    """What is done with the maps before they are used, and the settings of the walk."""
    texts = "; ".join(f"{name}: {REFINEMENTS[name]}" for name in choices)
    parser.add_argument("--refine", choices=choices, default="none", help=f"{texts} (%(default)s)")
    add_walk_arguments(parser)


def add_walk_arguments(parser: argparse.ArgumentParser) -> None:
    """Which boundaries, and every setting of the walk."""
    reference = RandomWalkOptions()
    parser.add_argument(
        "--boundary",
        choices=list(BOUNDARIES),
        default="learned",
        help="; ".join(f"{name}: {text}" for name, text in BOUNDARIES.items()) + " (%(default)s)",
    )
    texts = {
        "radius": (None, "positions nearer than this on the quarter-size grid are neighbours"),
        "beta": ("β", "affinities are raised to it"),
        "steps": (
            "t",
            "how often heat moves on. The reference's 8 are squarings, 2⁸ = 256 steps: here 256 is written 256",
        ),
    }
    for name, (letter, text) in texts.items():
        value = getattr(reference, name)
        parser.add_argument(
            f"--{name}",
            type=type(value),
            metavar=letter,
            help=f"{text} (the reference: {value:g}; by default what suits the model)",
        )


def walk_options(arguments: argparse.Namespace, pair: ModelPair) -> RandomWalkOptions:
    """What suits the model, with what was said on the command line."""
    said = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(RandomWalkOptions)}
    return dataclasses.replace(
        walk_defaults(pair), **{name: value for name, value in said.items() if value is not None}
    )


def chosen_walk(arguments: argparse.Namespace, pair: ModelPair) -> RandomWalkOptions | None:
    """The walk's settings where ``--refine walk`` was said, else None; settings of a walk that is not made are refused."""
    if arguments.refine == "walk":
        return walk_options(arguments, pair)
    idle = [
        f"--{field.name}"
        for field in dataclasses.fields(RandomWalkOptions)
        if getattr(arguments, field.name) is not None
    ]
    if idle:
        raise UserError(f"{', '.join(idle)} would change nothing without a walk: add --refine walk, or leave it out.")
    return None
