"""``explain``: CAM beside ReCAM w, w′, w⊕w′, w⊗w′ of a picture, as an evidence bundle on disk."""

import argparse
import sys

from recam_core.cam.explanation import Explanation
from recam_core.cam.methods import map_title
from recam_core.cam.methods.results import method_results
from recam_core.cam.pipeline import default_classes, gather_evidence, read_out
from recam_core.checkpoints.pair_file import load_pair
from recam_core.commands.method_choice import add_method_argument, chosen_methods
from recam_core.commands.options import readout_names, view_options
from recam_core.commands.pictures import add_display_arguments, add_picture_arguments, named_classes, say_notes
from recam_core.datasets.samples import open_picture
from recam_core.networks.readouts import READOUTS, lacking_sentence
from recam_core.records import CAM, EMPTY_TEXT, PROBABILITY, DisplayOptions, Evidence, UserError
from recam_core.records.names import percent
from recam_core.system.device import device_name, pick_device
from recam_core.system.files import write_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Picture, model, classes, readouts, where to write, and how to look."""
    add_picture_arguments(parser, "the evidence bundle")
    parser.add_argument("--readouts", default="all", help=f"all, or some of {','.join(READOUTS)}")
    add_method_argument(parser)
    add_display_arguments(parser, "background threshold of the masks (%(default)s)", DisplayOptions().threshold)


def run(arguments: argparse.Namespace) -> None:
    """Explain the picture, write the bundle, and say what was found."""
    options, readouts = view_options(arguments), readout_names(arguments.readouts)
    display = DisplayOptions(arguments.threshold, arguments.opacity, arguments.palette)
    picture = open_picture(arguments.picture)
    pair = load_pair(arguments.model, pick_device(arguments.device)).folded()
    chosen = named_classes(arguments.classes, pair)
    evidence = gather_evidence(picture.pixels, pair, options, readouts or None)
    classes = chosen or default_classes(evidence)
    methods = chosen_methods(arguments, pair, options, len(classes), _pass_seconds(evidence))
    results = [read_out(evidence, name, classes) for name in evidence.scale_maps]
    results += method_results(evidence, pair, methods, classes)
    if not results:
        raise UserError(lacking_sentence(pair.name, (), (CAM,)))
    files = Explanation(picture, pair, evidence, {r.readout: r for r in results}, display).files()
    write_folder(files, arguments.out)
    say_notes(picture, pair, sys.stdout)
    for note in evidence.notes:
        print(note)
    passes = "backbone pass" if evidence.backbone_passes == 1 else "backbone passes"
    print(f"{evidence.backbone_passes} {passes} in {evidence.seconds:.2f} s on {device_name(pair.recam.device)}")
    for i, name in enumerate(classes):
        shares = (f"{map_title(r.readout)} {percent((r.maps[i] > arguments.threshold).mean())}" for r in results)
        probability = f"{PROBABILITY[evidence.activation]} {results[0].scores[i]:.2f}"
        print(f"{name}: {probability}; above {arguments.threshold:g}: {', '.join(shares)}")
        empty = [map_title(r.readout) for r in results if r.peaks[i] == 0]
        if empty:
            print(f"{name}, {', '.join(empty)}: {EMPTY_TEXT}")
    print(f"{len(files)} files in {arguments.out}")


def _pass_seconds(evidence: Evidence) -> float:
    """How long one view of the picture took, at the mean of the scales."""
    return evidence.seconds / evidence.backbone_passes / (2 if evidence.options.flip else 1)
