"""Put the study's first seed in the list of models as the bundled models:
``PYTHONPATH=. python docs/bundle_models.py --root COCO128``.

Runs whatever parts of the study are missing, trains boundary branches on the network of the chosen recipe, copies its weights
with them, writes what was measured into each model's card, and fills the tables and plots of the docs.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from recam_core.__main__ import main
from recam_core.checkpoints.pair_file import load_pair, save_pair, update_card
from recam_core.experiments.study import PARTS
from recam_core.experiments.study.plans import PHOTOS_CHOSEN, SCENES_CHOSEN
from recam_core.networks.pair import ModelPair
from recam_core.training.recipes import BOUNDARY_RECIPES, RECIPES
from recam_core.training.run_folder import CHECKPOINT

ROOT = Path(__file__).parent.parent
BUNDLED_MODELS, RESULTS, RUNS = ROOT / "assets" / "models", ROOT / "assets" / "results", ROOT / "runs" / "study"
CHOSEN = {"scenes": SCENES_CHOSEN, "photos": PHOTOS_CHOSEN}
CARDS = {
    "scenes": {
        "about": "Trained from scratch on pictures that this project draws: eight classes, exact masks, for teaching."
    },
    "photos": {
        "about": "EfficientNet-Lite0 from ImageNet weights, fine-tuned on 128 photos of COCO (80 classes).",
        "warning": "This model saw only 128 photos in training: it knows common things (people, cats, dogs, vehicles, food) "
        "and is often wrong about the rest.",
    },
}
STUDIES = {"scenes": ("scenes-seeds",), "photos": ("photos-seeds", "photos-folds"), "voc": ("voc-seeds",)}
SETS = {"scenes": "scenes", "photos": "coco", "voc": "voc"}
HOW = {
    "scenes test": "thresholds chosen on val",
    "coco train2017": "which it was trained on (the seeds of this field; thresholds chosen on other photos of them)",
    "coco 4 folds of train2017": "by networks that had not seen them (these weights have; thresholds chosen on training photos)",
    "voc train": "which it was trained on (the seeds of this field; thresholds chosen on val)",
    "voc val": "which it had not seen (thresholds chosen on train)",
}
OURS = [part for part in PARTS if part.startswith(tuple(CHOSEN))]  # VOC and COCO lie in other folders
LATER = [part for part in OURS if part.endswith(("-walk", "-lambda", "-ablations"))]  # start from the bundled models


def run_study(parts: list[str], root: str) -> None:
    """Some parts; what is there already is read."""
    words = ["study", *parts, "--root", root, "--runs", str(RUNS), "--results", str(RESULTS)]
    if code := main(words):
        sys.exit(code)


def scores(name: str) -> dict[str, Any]:
    """What a model's card keeps of the study: the figures of the first seed, the gains over all."""
    figures = {}
    for study in STUDIES[name]:
        result = json.loads((RESULTS / f"study-{study}.json").read_text("utf-8"))
        for view, table in result["views"].items():
            split, _, scales = f"{result['split']}, {view}".rpartition(", ")
            split = split.rpartition(", ")[2]  # VOC's views name their own
            readouts = {
                readout: {key: row["runs"][0][key] for key in ("miou", "threshold", "fp", "fn")}
                | {"over_cam": row["over_cam"]}
                for readout, row in table["readouts"].items()
            }
            seeds, where = len(table["readouts"]["cam"]["runs"]), f"{SETS[name]} {split}"
            figures[f"{where}, {scales}"] = {
                "pictures": table["pictures"], "how": HOW[where], "seeds": seeds, "readouts": readouts,
            }  # fmt: skip
    return figures


def climb_settings(name: str) -> dict[str, Any]:
    """ξ and μ that docs/tune_climb.py found best, where it was run."""
    path = RESULTS / f"climb-tuning-{name}.json"
    return {"climb": json.loads(path.read_text("utf-8"))["best"]} if path.is_file() else {}


def walk_settings(name: str) -> dict[str, Any]:
    """The walk that the study found best, and what was gained with the model's own boundaries."""
    path = RESULTS / f"study-{name}-walk.json"
    if not path.is_file():
        return {}
    result = json.loads(path.read_text("utf-8"))
    split = "train" if "splits" in result else result["split"]  # where the field scores seeds
    scored = result["splits"][split] if "splits" in result else result
    walks = scored["boundaries"]["learned"]
    measured = {
        readout: {"before": before["miou"]}
        | {kind: {"miou": rows[readout]["miou"], "gain": rows[readout]["gain"]} for kind, rows in walks.items()}
        for readout, before in scored["before"].items()
    }
    return {"walk": result["card"] | {"pictures": scored["pictures"], "split": split, "measured": measured}}


def with_branches(name: str, root: str) -> ModelPair:
    """The chosen run's pair with boundary branches: trained now, gone on with, or found finished."""
    out, model = RUNS / name / "boundary", RUNS / name / f"recipe-{CHOSEN[name]}"
    words = ["train-boundary", "--recipe", name, "--model", str(model), "--out", str(out)]
    words += ["--root", root] if BOUNDARY_RECIPES[name].dataset != "scenes" else []
    if code := main(words + ["--resume"] * (out / CHECKPOINT).exists()):
        sys.exit(code)
    return load_pair(out)


def shelve(name: str, root: str) -> None:
    """Copy the chosen run's weights with their branches and write the card."""
    BUNDLED_MODELS.mkdir(parents=True, exist_ok=True)
    shelved = BUNDLED_MODELS / f"{name}.safetensors"
    pair = with_branches(name, root)
    card = pair.card | CARDS[name] | {"scores": scores(name)} | climb_settings(name)
    dtype = torch.float16 if RECIPES[name].half else torch.float32  # what was stored so is stored again bit for bit
    save_pair(replace(pair, name=name, card=card), shelved, dtype)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True, help="folder of coco128")
    place = parser.parse_args().root
    run_study([part for part in OURS if part not in LATER], place)
    for one in CHOSEN:
        shelve(one, place)
    run_study(LATER, place)
    for one in CHOSEN:
        update_card(BUNDLED_MODELS / f"{one}.safetensors", walk_settings(one))
    for script in ("make_tables.py", "make_plots.py"):
        subprocess.run([sys.executable, str(ROOT / "docs" / script)], check=True)
