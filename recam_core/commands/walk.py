"""``walk``: IRN's random walk on a picture's heatmaps, as maps and labels before and after, animations and a trace on disk."""

import argparse
import sys
from collections.abc import Sequence

from recam_core.cam.manifest import make_manifest
from recam_core.cam.pipeline import default_classes, gather_evidence, read_out
from recam_core.cam.thresholds import SEED, WALKED, seed_threshold, walk_threshold
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
from recam_core.commands.refining import add_flags, chosen_options
from recam_core.datasets.samples import open_picture
from recam_core.networks.pair import ModelPair
from recam_core.records import CamResult, DisplayOptions, Evidence, HeatmapOptions, RandomWalkOptions
from recam_core.refiners import REFINERS
from recam_core.refiners.advcam.result import climb_defaults, climbed_evidence
from recam_core.refiners.random_walk.boundary import boundary_map
from recam_core.refiners.random_walk.files import walk_bundle
from recam_core.refiners.random_walk.result import milestones
from recam_core.refiners.random_walk.walk import walk
from recam_core.refiners.subject import Subject
from recam_core.system.device import pick_device
from recam_core.system.files import parent_for, write_folder

ORIGINS = {
    "map": "the heatmap of the readout",
    "climb": "the result of a climb (AdvCAM) with the readout and the model's own climb settings",
}
BACKGROUND = (
    "background threshold of the masks {}; by default what was measured for this model, else the reference's {:g}"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Picture, model, classes, what the walk begins with, boundaries, every setting of the walk, and how to look."""
    add_picture_arguments(parser, "maps and labels before and after, boundaries, animations, trace")
    add_readout_argument(parser, "whose map walks")
    texts = "; ".join(f"{name}: {text}" for name, text in ORIGINS.items())
    parser.add_argument(
        "--start", choices=list(ORIGINS), default="map", help=f"what the walk begins with: {texts} (%(default)s)"
    )
    add_flags(parser, REFINERS["walk"])
    parser.add_argument("--before-threshold", type=float, help=BACKGROUND.format("before the walk", SEED))
    add_animation_arguments(parser, 300)
    add_display_arguments(parser, BACKGROUND.format("after the walk", WALKED))
    parser.epilog = f"Of the steps t = {', '.join(map(str, milestones(16)))} … and the last are reported and kept."


def run(arguments: argparse.Namespace) -> None:
    """Walk, reporting the steps that are kept, and write what there is, also after Ctrl-C."""
    view = view_options(arguments)
    check_milliseconds(arguments.milliseconds)
    picture = open_picture(arguments.picture)
    pair = load_pair(arguments.model, pick_device(arguments.device)).folded()
    arguments.readout = arguments.readout or pair.default_readout
    settings = chosen_options(arguments, REFINERS["walk"], pair)
    options: RandomWalkOptions = settings.walk
    before, after = chosen_thresholds(arguments, pair, view)
    named = named_classes(arguments.classes, pair)
    parent_for(arguments.out / "trace.json")
    evidence = gather_evidence(picture.pixels, pair, view, [arguments.readout])
    boundary = boundary_map(pair, evidence.picture, settings.boundary)
    classes = named or default_classes(evidence)
    say = sys.stderr if arguments.json_lines else sys.stdout
    start = start_of(arguments, pair, evidence, classes)
    shown = milestones(options.steps)
    walking = (step for step in walk(start, boundary, options, pair.recam.device) if step.t in shown)
    steps, stopped = until_stopped(report(walking, arguments.json_lines))
    if not steps:  # stopped before there was anything to keep
        raise KeyboardInterrupt
    files = walk_bundle(
        start,
        steps,
        boundary,
        options,
        class_ids=pair.class_ids(classes),
        display=after,
        before_threshold=before.threshold,
        manifest=make_manifest(picture, pair, evidence),
        described={"start": arguments.start, "boundary": settings.boundary},
        milliseconds=arguments.milliseconds,
    )
    write_folder(files, arguments.out)
    say_notes(picture, pair, say)
    print(f"{steps[-1].t} of {options.steps} steps, {len(files)} files in {arguments.out}", file=say)
    if stopped:
        raise KeyboardInterrupt


def chosen_thresholds(
    arguments: argparse.Namespace, pair: ModelPair, view: HeatmapOptions
) -> tuple[DisplayOptions, DisplayOptions]:
    """How results are painted before and after the walk: what was asked for, else what suits the model."""
    painted = []
    for when, chosen, (suited, where) in (
        ("before", arguments.before_threshold, seed_threshold(pair, arguments.readout, view)),
        ("after", arguments.threshold, walk_threshold(pair, arguments.readout)),
    ):
        threshold, why = (suited, where) if chosen is None else (chosen, "as asked for")
        painted.append(DisplayOptions(threshold, arguments.opacity, arguments.palette))
        print(f"background threshold {when} the walk {threshold:g} ({why})", file=sys.stderr)
    return painted[0], painted[1]


def start_of(arguments: argparse.Namespace, pair: ModelPair, evidence: Evidence, classes: Sequence[str]) -> CamResult:
    """The maps that walk: those of the picture, or those of a climb made now."""
    if arguments.start == "climb":
        climber, options = REFINERS["climb"], climb_defaults(pair)
        climbing = climber.steps(Subject(pair, evidence, tuple(classes), (arguments.readout,)), options)
        last = {step.scale_index: step for step in report(climbing, arguments.json_lines)}  # one a scale is enough
        evidence = climbed_evidence(evidence, list(last.values()), options.result)
    return read_out(evidence, arguments.readout, classes)
