"""``explain``: CAM beside ReCAM w, w′, w⊕w′, w⊗w′ of a picture, as an evidence bundle on disk."""

import argparse
from pathlib import Path

from recam_core.bundle import evidence_bundle
from recam_core.commands.options import add_view_arguments, open_picture, readout_names, split_names, view_options
from recam_core.device import device_name, pick_device
from recam_core.files import write_folder
from recam_core.manifest import make_manifest
from recam_core.pipeline import default_classes, gather_evidence, read_out
from recam_core.records import EMPTY_TEXT, PALETTE_NAMES, READOUT_LABELS, DisplayOptions, UserError
from recam_core.samples import SAMPLES
from recam_core.shelf import load_pair


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Picture, model, classes, readouts, where to write, and how to look."""
    parser.add_argument("picture", help=f"an image file, or a bundled sample: {', '.join(SAMPLES)}")
    parser.add_argument("--model", default="photos", help="a name on the shelf, a file, or a run folder (%(default)s)")
    parser.add_argument(
        "--classes", help="comma-separated names; by default those above probability 0.5, else the best one"
    )
    parser.add_argument("--readouts", default="all", help="all, or some of cam,w,wprime,sum,product")
    parser.add_argument("--out", type=Path, required=True, help="folder of the evidence bundle")
    shown = DisplayOptions()
    parser.add_argument(
        "--threshold", type=float, default=shown.threshold, help="background threshold of the masks (%(default)s)"
    )
    parser.add_argument("--palette", choices=list(PALETTE_NAMES), default=shown.palette)
    parser.add_argument(
        "--opacity", type=float, default=shown.opacity, help="of the heatmap over the picture (%(default)s)"
    )
    add_view_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """Explain the picture, write the bundle, and say what was found."""
    options, readouts = view_options(arguments), readout_names(arguments.readouts)
    display = DisplayOptions(arguments.threshold, arguments.opacity, arguments.palette)
    picture = open_picture(arguments.picture)
    pair = load_pair(arguments.model, pick_device(arguments.device))
    chosen = split_names(arguments.classes) if arguments.classes else None
    if chosen == []:
        raise UserError(f"Name at least one class, for example --classes {pair.classes[0]}; got {arguments.classes!r}.")
    ids = pair.class_ids(chosen or [])
    evidence = gather_evidence(picture.pixels, pair, options, readouts)
    classes = chosen or default_classes(evidence)
    ids = ids or pair.class_ids(classes)
    results = [read_out(evidence, readout, classes) for readout in readouts]
    described = make_manifest(picture, pair, evidence)
    files = evidence_bundle(results, class_ids=ids, display=display, manifest=described)
    write_folder(files, arguments.out)
    for note in picture.notes:
        print(f"{picture.name}: {note}")
    if warning := pair.card.get("warning"):
        print(f"{pair.name}: {warning}")
    print(f"{evidence.backbone_passes} backbone passes in {evidence.seconds:.2f} s on {device_name(pair.recam.device)}")
    for i, name in enumerate(classes):
        shares = (
            f"{READOUT_LABELS[r.readout]} {100 * (r.maps[i] > arguments.threshold).mean():.0f} %" for r in results
        )
        print(f"{name}: probability {results[0].scores[i]:.2f}; above {arguments.threshold:g}: {', '.join(shares)}")
        empty = [READOUT_LABELS[r.readout] for r in results if r.peaks[i] == 0]
        if empty:
            print(f"{name}, {', '.join(empty)}: {EMPTY_TEXT}")
    print(f"{len(files)} files in {arguments.out}")
