"""``explain``: CAM beside ReCAM w, w′, w⊕w′, w⊗w′ of a picture, as an evidence bundle on disk."""

import argparse
import sys
from dataclasses import replace

from recam_core.cam.explanation import explain
from recam_core.checkpoints.pair_file import load_pair
from recam_core.commands.options import readout_names, view_options
from recam_core.commands.pictures import add_display_arguments, add_picture_arguments, named_classes, say_notes
from recam_core.datasets.samples import open_picture
from recam_core.networks.readouts import READOUTS
from recam_core.records import EMPTY_TEXT, PROBABILITY, DisplayOptions
from recam_core.system.device import device_name, pick_device
from recam_core.system.files import write_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Picture, model, classes, readouts, where to write, and how to look."""
    add_picture_arguments(parser, "the evidence bundle")
    parser.add_argument("--readouts", default="all", help=f"all, or some of {','.join(READOUTS)}")
    add_display_arguments(parser, "background threshold of the masks (%(default)s)", DisplayOptions().threshold)


def run(arguments: argparse.Namespace) -> None:
    """Explain the picture, write the bundle, and say what was found."""
    options, readouts = view_options(arguments), readout_names(arguments.readouts)
    display = DisplayOptions(arguments.threshold, arguments.opacity, arguments.palette)
    picture = open_picture(arguments.picture)
    pair = load_pair(arguments.model, pick_device(arguments.device)).folded()
    chosen = named_classes(arguments.classes, pair)
    explanation = replace(explain(picture, pair, chosen, readouts or None, options), display=display)
    evidence, results = explanation.evidence, list(explanation.values())
    files = explanation.files()
    write_folder(files, arguments.out)
    say_notes(picture, pair, sys.stdout)
    for note in evidence.notes:
        print(note)
    passes = "backbone pass" if evidence.backbone_passes == 1 else "backbone passes"
    print(f"{evidence.backbone_passes} {passes} in {evidence.seconds:.2f} s on {device_name(pair.recam.device)}")
    for i, name in enumerate(explanation.classes):
        shares = (
            f"{READOUTS[r.readout].label} {100 * (r.maps[i] > arguments.threshold).mean():.0f} %" for r in results
        )
        said = f"{PROBABILITY[evidence.activation]} {results[0].scores[i]:.2f}"
        print(f"{name}: {said}; above {arguments.threshold:g}: {', '.join(shares)}")
        empty = [READOUTS[r.readout].label for r in results if r.peaks[i] == 0]
        if empty:
            print(f"{name}, {', '.join(empty)}: {EMPTY_TEXT}")
    print(f"{len(files)} files in {arguments.out}")
