"""Put a trained run with boundary branches in the list of models as ``voc``:
``PYTHONPATH=. python docs/bundle_voc.py RUN --root VOC``.

RUN is the folder of ``train-boundary --recipe voc``, begun from a run of ``train --recipe voc``. Probabilities are calibrated and
readouts scored on ``val``, readouts also on ``train`` (pictures that were trained on: seeds, as the paper scores them).
Without RUN the bundled model stays, and its card is given what the study found: the scores of ``study voc-seeds``
instead of those, and the settings that ``tune_climb.py voc`` and ``study voc-walk`` measured with it.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch
from bundle_models import climb_settings, scores, walk_settings

from recam_core.__main__ import main
from recam_core.checkpoints.pair_file import BUNDLED_MODELS, find_model, load_pair, save_pair, update_card
from recam_core.datasets import open_dataset
from recam_core.evaluation.classification import calibrate
from recam_core.records import HeatmapOptions

ABOUT = (
    "EfficientNet-Lite0 from ImageNet weights, trained on 1,705 pictures with Pascal VOC's 20 labels; no mask was seen. "
    "Drawings and things that VOC does not name are not of its world."
)


def bundle(run: Path, root: str) -> None:
    """Calibrate on ``val``, store in half precision, then keep the scores in the card."""
    pair = load_pair(run)
    val = open_dataset("voc", root, "val")
    calibration = calibrate(pair.folded(), val, HeatmapOptions()) | {"split": "voc val"}
    print(calibration)
    card = {key: value for key, value in pair.card.items() if key != "scores"} | {
        "about": ABOUT,
        "calibration": calibration,
    }
    save_pair(replace(pair, name="voc", card=card), BUNDLED_MODELS / "voc.safetensors", torch.float16)
    for split in ("val", "train"):
        words = ["evaluate", "--model", "voc", "--dataset", "voc", "--root", root, "--split", split, "--into-card"]
        if code := main(words):
            sys.exit(code)


def keep_study() -> None:
    """Put the study's scores, and the climb's and the walk's measured settings, into the card."""
    update_card(find_model("voc"), {"scores": scores("voc")} | climb_settings("voc") | walk_settings("voc"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--root", default="", help="folder of Pascal VOC, where there is a run")
    asked = parser.parse_args()
    if asked.run is not None and not asked.root:
        parser.error("name the folder of Pascal VOC with --root: a run is calibrated and scored on it")
    if asked.run is not None:
        bundle(asked.run, asked.root)
    else:
        keep_study()
