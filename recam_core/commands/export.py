"""``export``: pictures and pseudo masks in Pascal VOC's layout, for the training of a segmentation network."""

import argparse
from pathlib import Path

from recam_core.commands.options import open_data, report
from recam_core.datasets import DATASETS, streamed
from recam_core.evaluation.segmentation_set import PARTS, write_segmentation_set
from recam_core.records import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Data set, masks, and where and as what to write them."""
    parser.add_argument("--dataset", required=True, choices=list(DATASETS))
    parser.add_argument("--root", default="", help="folder of the data set")
    parser.add_argument("--split", required=True, help="e.g. train, train2017")
    parser.add_argument("--masks", type=Path, help="folder of masks from seeds; without it the data set's own masks")
    parser.add_argument(
        "--part", choices=PARTS, default=PARTS[0], help="the list that names the pictures (%(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the set: VOCdevkit/VOC2012 is made in it")
    parser.add_argument("--json-lines", action="store_true", help="progress as JSON lines on stdout")


def run(arguments: argparse.Namespace) -> None:
    """Write the set, reporting every picture."""
    if arguments.masks is not None and not arguments.masks.is_dir():
        raise UserError(f"There is no folder {arguments.masks} with masks; make them with recam seeds … --out DIR.")
    dataset = streamed(open_data(arguments.dataset, arguments.root, arguments.split))
    for _ in report(
        write_segmentation_set(dataset, arguments.part, arguments.out, arguments.masks), arguments.json_lines
    ):
        pass
