"""``climb``: AdvCAM on a picture, step by step, as frames, animations, a trace and an evidence bundle on disk."""

import argparse
import sys
from dataclasses import fields, replace

from recam_core.cam.manifest import make_manifest
from recam_core.cam.pipeline import default_classes, gather_evidence
from recam_core.checkpoints.pair_file import load_pair
from recam_core.commands.options import add_readout_argument, report, view_options
from recam_core.commands.pictures import (
    add_animation_arguments,
    add_display_arguments,
    add_picture_arguments,
    check_milliseconds,
    named_classes,
    say_notes,
    until_stopped,
)
from recam_core.datasets.samples import open_picture
from recam_core.networks.pair import ModelPair
from recam_core.records import CLIMB_RESULTS, REGULARISERS, STEP_RULES, AdvCamOptions, DisplayOptions
from recam_core.refiners.advcam.climb import climb
from recam_core.refiners.advcam.files import climb_bundle
from recam_core.refiners.advcam.result import climb_defaults, grey_levels
from recam_core.system.device import pick_device
from recam_core.system.files import parent_for, write_folder

KNOBS = {
    "steps": ("T", "how many maps are made; the first is the ordinary one"),
    "xi": ("ξ", "size of a step, in units of the normalised picture"),
    "mu": ("μ", "weight of the regulariser"),
    "tau": ("τ", "the regulariser acts above this share of a map's maximum"),
}
CHOICES = {"step_rule": STEP_RULES, "result": CLIMB_RESULTS, "regulariser": REGULARISERS}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Picture, model, classes, readout, where to write, every knob of the climb, and how to look."""
    add_picture_arguments(parser, "frames, animations, trace and evidence bundle")
    add_readout_argument(parser, "whose map is climbed with")
    reference = AdvCamOptions()
    for name, (letter, text) in KNOBS.items():
        value = getattr(reference, name)
        suffix = "" if name in ("steps", "tau") else "; by default what suits the model"
        parser.add_argument(
            f"--{name}", type=type(value), metavar=letter, help=f"{text} (the reference: {value:g}{suffix})"
        )
    for name, choices in CHOICES.items():
        text = "; ".join(f"{key}: {meaning}" for key, meaning in choices.items())
        parser.add_argument(f"--{name.replace('_', '-')}", choices=list(choices), help=f"{text} (first by default)")
    add_animation_arguments(parser, 200)
    add_display_arguments(parser, "of the masks (%(default)s)", DisplayOptions().threshold)


def run(arguments: argparse.Namespace) -> None:
    """Climb, reporting every step, and write what there is, also after Ctrl-C."""
    view, display = view_options(arguments), DisplayOptions(arguments.threshold, arguments.opacity, arguments.palette)
    check_milliseconds(arguments.milliseconds)
    picture = open_picture(arguments.picture)
    pair = load_pair(arguments.model, pick_device(arguments.device)).folded()
    readout = arguments.readout or pair.default_readout
    options = chosen_options(arguments, pair)
    named = named_classes(arguments.classes, pair)
    parent_for(arguments.out / "trace.json")
    before = gather_evidence(picture.pixels, pair, view, [readout])
    classes = named or default_classes(before)
    say = sys.stderr if arguments.json_lines else sys.stdout
    events = climb(picture.pixels, pair, classes, options, readout, view)
    steps, stopped = until_stopped(report(events, arguments.json_lines))
    if not steps:  # stopped before there was anything to keep
        raise KeyboardInterrupt
    manifest = make_manifest(picture, pair, before)
    files = climb_bundle(
        before,
        steps,
        options,
        class_ids=pair.class_ids(classes),
        display=display,
        manifest=manifest,
        milliseconds=arguments.milliseconds,
    )
    write_folder(files, arguments.out)
    say_notes(picture, pair, say)
    print(f"ξ {options.xi:g} is {grey_levels(options.xi, pair):.1f} grey levels of 255 a step at most", file=say)
    print(f"{len(steps)} step{'s' * (len(steps) != 1)}, {len(files)} files in {arguments.out}", file=say)
    if stopped:
        raise KeyboardInterrupt


def chosen_options(arguments: argparse.Namespace, pair: ModelPair) -> AdvCamOptions:
    """What suits the model, with what was said on the command line."""
    values = {field.name: getattr(arguments, field.name) for field in fields(AdvCamOptions)}
    return replace(climb_defaults(pair), **{name: value for name, value in values.items() if value is not None})
