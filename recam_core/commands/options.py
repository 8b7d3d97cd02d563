"""Arguments that several commands share; their defaults are those of the settings."""

import argparse
import contextlib
import dataclasses
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from recam_core.datasets import CheckedDataset, left_out_words, missing_words, open_dataset
from recam_core.networks.readouts import READOUTS
from recam_core.records import MULTI_SCALE, HeatmapOptions, UserError
from recam_core.system.launcher import launched
from recam_core.training.run_folder import CHECKPOINT, has_run

DEFAULTS = HeatmapOptions()


def add_view_arguments(parser: argparse.ArgumentParser) -> None:
    """Scales, mirror image, working size, device."""
    parser.add_argument(
        "--scales", default="1", help="comma-separated factors, or 'multi' for the reference's 1,0.5,1.5,2"
    )
    parser.add_argument(
        "--flip", action=argparse.BooleanOptionalAction, default=DEFAULTS.flip, help="add the mirror image"
    )
    parser.add_argument(
        "--long-side", type=int, default=DEFAULTS.long_side, help="working size in pixels (%(default)s)"
    )
    parser.add_argument(
        "--stretch",
        action="store_true",
        help="resize maps to the picture, as other libraries do, not as the reference does: to its size rounded up to a multiple "
        "of 16, then cropped",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")


def view_options(arguments: argparse.Namespace) -> HeatmapOptions:
    """The heatmap settings that were asked for."""
    if arguments.scales == "multi":
        return HeatmapOptions(MULTI_SCALE, arguments.flip, arguments.long_side, arguments.stretch)
    try:
        scales = tuple(float(s) for s in arguments.scales.split(","))
    except ValueError as error:
        raise UserError(f"--scales takes numbers such as 1,0.5 or the word multi; got {arguments.scales!r}.") from error
    return HeatmapOptions(scales, arguments.flip, arguments.long_side, arguments.stretch)


def readout_names(text: str) -> tuple[str, ...]:
    """A comma-separated list of readout names; empty for ``all``, which are those that the model has."""
    if text == "all":
        return ()
    names = tuple(split_names(text))
    unknown = [name for name in names if name not in READOUTS]
    if unknown or not names:
        raise UserError(f"Readouts are all, {', '.join(READOUTS)}; got {', '.join(unknown) or 'none'}.")
    return names


def add_readout_argument(parser: argparse.ArgumentParser, text: str) -> None:
    """Which readout's map is refined; ``text`` says what becomes of it."""
    parser.add_argument("--readout", choices=list(READOUTS), help=f"{text} (w, or cam where the model has no other)")


def split_names(text: str) -> list[str]:
    """A comma-separated list without spaces, empty parts or repetitions."""
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def open_data(kind: str, root: str, split: str) -> CheckedDataset:
    """The data set that was asked for; pictures that are not there and labels that are no classes are said on stderr."""
    dataset = open_dataset(kind, root, split)
    if launched(os.environ).rank == 0:  # of several processes one speaks for all
        for words in filter(None, (missing_words(dataset), left_out_words(dataset))):
            print(words, file=sys.stderr)
    return dataset


SETTINGS_HELP = {  # of the flags of both trainings; those of one of them stand with its command
    "dataset": "layout of the data (that of the recipe)",
    "root": "its folder",
    "split": "the part of it that is learned from",
    "batch_size": "pictures of a step",
    "momentum": "of SGD, from 0 to below 1; the reference's code trains with 1e-4 in this place, and its rates fit that",
    "weight_decay": "pulls every weight towards 0",
    "power": "the rate falls with (1 - progress) to this power",
    "crop": "side in pixels of the square that is cut out of each picture",
    "seed": "of weights, order and crops: the same seed, the same model",
    "workers": "processes that read pictures beside the one that trains",
}


def add_settings(
    parser: argparse.ArgumentParser, settings: type, choices: Mapping[str, Sequence[str]], helps: Mapping[str, str]
) -> None:
    """What every training takes, and each field of its settings as a flag without a default of its own."""
    parser.add_argument("--out", type=Path, help="the run's folder, e.g. runs/mine")
    parser.add_argument("--resume", action="store_true", help="continue the run in --out after its last finished epoch")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--json-lines", action="store_true", help="events as JSON lines on stdout")
    for field in dataclasses.fields(settings):
        flag, text = "--" + field.name.replace("_", "-"), {**SETTINGS_HELP, **helps}[field.name]
        if isinstance(field.default, tuple):
            parser.add_argument(
                flag, action="append", metavar="NAME", default=None, help=f"{text}; may be given several times"
            )
        elif isinstance(field.default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            parser.add_argument(
                flag, type=type(field.default), choices=choices.get(field.name), default=None, help=text
            )


def changed_settings(arguments: argparse.Namespace, settings: type) -> dict[str, Any]:
    """The fields that were said on the command line."""
    values = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(settings)}
    return {name: tuple(v) if isinstance(v, list) else v for name, v in values.items() if v is not None}


def report_run(arguments: argparse.Namespace, start: Callable[[bool], Iterable[Any]]) -> None:
    """Report a training until it is done or stopped; a folder that holds one already is only gone on with.

    ``start(resume)`` begins it. A run that was killed before it wrote anything starts anew: it has a folder and no more.
    """
    if arguments.out is None:
        raise UserError("Name the folder of the run with --out, e.g. --out runs/mine.")
    checkpoint, main = arguments.out / CHECKPOINT, launched(os.environ).rank == 0
    if not arguments.resume and checkpoint.exists():
        raise UserError(f"{arguments.out} holds a run already: add --resume to continue it, or choose another --out.")
    fresh = arguments.out.is_dir() and not has_run(arguments.out)
    try:
        with heard_stop() as check:
            for _ in report(start(arguments.resume and not fresh), arguments.json_lines):
                check()
    except KeyboardInterrupt:
        if not main:  # of several processes one speaks for all
            raise SystemExit(130) from None
        again = "the same command and --resume" if has_run(arguments.out) else "the same command"
        print(
            f"\nStopped. Go on with {again}: what is finished epoch by epoch is kept in {arguments.out}.",
            file=sys.stderr,
        )
        raise


@contextlib.contextmanager
def heard_stop() -> Iterator[Callable[[], None]]:
    """Ctrl-C raises at once, and again at the next call of what is yielded: Python drops one that comes while it forks."""
    stopping = threading.Event()

    def stop(*_: Any) -> None:
        stopping.set()
        raise KeyboardInterrupt

    def check() -> None:
        if stopping.is_set():
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield check
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def report(events: Iterable[Any], json_lines: bool) -> Iterator[Any]:
    """Pass events on, printing each to stderr, or as one JSON line to stdout."""
    live = sys.stderr.isatty()
    for event in events:
        if json_lines:
            fields = event.to_json() if hasattr(event, "to_json") else dataclasses.asdict(event)
            print(json.dumps({"event": type(event).__name__, **fields}), flush=True)
        elif live:
            print(f"\r\x1b[K{event}", end="", file=sys.stderr, flush=True)
        else:
            print(event, file=sys.stderr, flush=True)
        yield event
    if live and not json_lines:
        print(file=sys.stderr)
