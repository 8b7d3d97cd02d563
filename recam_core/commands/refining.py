"""Refiners as arguments of several commands: which one, if any, and the options that it offers as flags."""

import argparse
import dataclasses
from typing import Any

from recam_core.networks.pair import ModelPair
from recam_core.records import UserError
from recam_core.refiners import REFINERS, Refinement, Refiner


def add_refine_arguments(parser: argparse.ArgumentParser) -> None:
    """What is done with the maps before they are used, and the flags of every refiner."""
    texts = "; ".join(
        ["none: the maps as they are", *(f"{name}: {refiner.help}" for name, refiner in REFINERS.items())]
    )
    parser.add_argument("--refine", choices=["none", *REFINERS], default="none", help=f"{texts} (%(default)s)")
    taken: set[str] = set()
    for name, refiner in REFINERS.items():
        add_flags(parser, refiner, f"of the {name}: ", taken)


def add_flags(parser: argparse.ArgumentParser, refiner: Refiner, of: str = "", taken: set[str] | None = None) -> None:
    """The options that a refiner offers as flags, without those that another has ``taken``."""
    fields = {field.name: field for field in dataclasses.fields(refiner.options)}
    for flag, text in refiner.flags.items():
        if taken is None or flag not in taken:
            default = fields[flag].default
            parser.add_argument(
                f"--{flag.replace('_', '-')}",
                type=type(default),
                choices=fields[flag].metadata.get("choices"),
                help=f"{of}{text} ({default} where the model's card has none that suits it)",
            )
    if taken is not None:
        taken |= refiner.flags.keys()


def chosen_options(arguments: argparse.Namespace, refiner: Refiner, pair: ModelPair) -> Any:
    """What suits the model, with what was said on the command line."""
    values = {flag: getattr(arguments, flag) for flag in refiner.flags}
    return dataclasses.replace(
        refiner.defaults(pair), **{name: value for name, value in values.items() if value is not None}
    )


def chosen_refinement(arguments: argparse.Namespace, pair: ModelPair) -> Refinement | None:
    """The refiner that was asked for with its options; flags of one that is not used are refused."""
    chosen = REFINERS.get(arguments.refine)
    used = chosen.flags if chosen else {}
    for name, refiner in REFINERS.items():
        given = [flag for flag in refiner.flags if flag not in used and getattr(arguments, flag) is not None]
        idle = [f"--{flag}" for flag in given if not isinstance(getattr(arguments, flag), str)]  # a word does no harm
        if idle:
            raise UserError(
                f"{', '.join(idle)} would change nothing without a {name}: add --refine {name}, or leave it out."
            )
    return Refinement(arguments.refine, chosen_options(arguments, chosen, pair)) if chosen else None
