"""What commands about one picture share: picture, model and classes, how results are painted, stopping in the middle."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO, TypeVar

from recam_core.commands.options import add_view_arguments, split_names
from recam_core.datasets.samples import PHOTO_MODEL, SAMPLES
from recam_core.networks.pair import ModelPair
from recam_core.records import PALETTE_NAMES, DisplayOptions, Picture, UserError

Event = TypeVar("Event")


def add_picture_arguments(parser: argparse.ArgumentParser, out: str) -> None:
    """Picture, model, classes, and ``--out``, the folder of what ``out`` names."""
    parser.add_argument("picture", help=f"an image file, or a bundled sample: {', '.join(SAMPLES)}")
    parser.add_argument(
        "--model", default=PHOTO_MODEL, help="the name of a listed model, a file, or a run folder (%(default)s)"
    )
    parser.add_argument(
        "--classes",
        "--class",
        dest="classes",
        help="one or more, comma-separated; by default those above the model's own bound (in its card; else probability 0.5), "
        "else the best one",
    )
    parser.add_argument("--out", type=Path, required=True, help=f"folder of {out}")


def add_display_arguments(parser: argparse.ArgumentParser, threshold: str, default: float | None = None) -> None:
    """How masks and overlays are made (``threshold`` says of which masks), and how the picture is looked at."""
    shown = DisplayOptions()
    parser.add_argument("--threshold", type=float, default=default, help=threshold)
    parser.add_argument("--palette", choices=list(PALETTE_NAMES), default=shown.palette)
    parser.add_argument("--opacity", type=float, default=shown.opacity, help="of the heatmaps (%(default)s)")
    add_view_arguments(parser)


def add_animation_arguments(parser: argparse.ArgumentParser, milliseconds: int) -> None:
    """How long a frame stays, and events as JSON lines."""
    parser.add_argument(
        "--milliseconds", type=int, default=milliseconds, help="a frame in the animations (%(default)s)"
    )
    parser.add_argument("--json-lines", action="store_true", help="steps as JSON lines on stdout")


def check_milliseconds(milliseconds: int) -> None:
    """Refuse a frame time that no animation can have, before the work for it begins."""
    if not 10 <= milliseconds <= 10_000:
        raise UserError(f"A frame must stay for 10 to 10000 milliseconds; got {milliseconds}.")


def named_classes(text: str | None, pair: ModelPair) -> list[str] | None:
    """The classes that were named, each known to the model; None where none were asked for."""
    if text is None:
        return None
    named = split_names(text)
    if not named:
        raise UserError(f"Name at least one class, for example --classes {pair.classes[0]}; got {text!r}.")
    pair.class_ids(named)
    return named


def say_notes(picture: Picture, pair: ModelPair, stream: TextIO) -> None:
    """What was done with the picture on the way in, and the model's warning."""
    for note in picture.notes:
        print(f"{picture.name}: {note}", file=stream)
    if warning := pair.card.get("warning"):
        print(f"{pair.name}: {warning}", file=stream)


def until_stopped(events: Iterable[Event]) -> tuple[list[Event], bool]:
    """The events that came, and whether the person stopped before the last one."""
    past: list[Event] = []
    try:
        for event in events:
            past.append(event)
    except KeyboardInterrupt:
        return past, True
    return past, False
