"""Make the bundled models and everything that is said about them, with the project's own commands.

``python docs/bundle_models.py scenes`` and ``python docs/bundle_models.py photos --root COCO128``: trains the pair and its λ = 0
control into runs/ (what is finished there already is kept), puts the pair on the shelf, scores both, and fills the tables.
"""

import argparse
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from recam_core.__main__ import main
from recam_core.recipes import RECIPES
from recam_core.shelf import SHELF, read_header, update_card
from recam_core.training import CHECKPOINT

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "assets" / "results"
DATA = {"scenes": ("scenes", "test"), "photos": ("coco", "train2017")}
CARDS = {
    "scenes": {
        "about": "Trained from scratch on pictures that this project draws: eight classes, exact masks, for teaching."
    },
    "photos": {
        "about": "EfficientNet-Lite0 from ImageNet weights, fine-tuned on 128 photos of COCO (80 classes). The scores below are "
        "those of seeds on the training photos, not of new pictures.",
        "warning": "This model saw only 128 photos in training: it knows common things (people, cats, dogs, vehicles, food) "
        "and is often wrong about the rest.",
    },
}


def run(*arguments: object) -> None:
    """One command of the project; anything but success ends the script."""
    words = [str(argument) for argument in arguments]
    print("python -m recam_core", *words, flush=True)
    if code := main(words):
        sys.exit(code)


def made_by_today(name: str, path: Path) -> None:
    """End the script if a finished run was made by other settings than those of the recipe as it is now."""
    trained = read_header(path)["card"]["training"]
    recipe = asdict(RECIPES[name]) | {key: trained[key] for key in ("root", "stage1", "recam_weight")}
    if changed := [key for key, value in recipe.items() if trained[key] != value]:
        sys.exit(f"{path} was trained with another {', '.join(changed)}; move it away to train anew.")


def bundle(name: str, root: str) -> None:
    """Train what is missing, then shelve, score and tabulate."""
    trained, control = ROOT / "runs" / name, ROOT / "runs" / f"{name}-control"
    for out, extra in ((trained, []), (control, ["--recam-weight", 0, "--stage1", trained])):
        if (out / "model.safetensors").exists():
            made_by_today(name, out / "model.safetensors")
            continue
        again = ["--resume"] if (out / CHECKPOINT).exists() else []
        run("train", "--recipe", name, *(["--root", root] if root else []), "--out", out, *extra, *again)
    shelved = SHELF / f"{name}.safetensors"
    SHELF.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(trained / "model.safetensors", shelved)
    update_card(shelved, CARDS[name])
    kind, split = DATA[name]
    for model, suffix in ((shelved, ""), (control, "-control")):
        for scales, ending in (("1", ""), ("multi", "-multi")):
            run(
                *(
                    "evaluate",
                    "--model",
                    model,
                    "--dataset",
                    kind,
                    "--root",
                    root,
                    "--split",
                    split,
                    "--scales",
                    scales,
                ),
                *("--json", RESULTS / f"{name}{suffix}{ending}.json", *(["--into-card"] if not suffix else [])),
                *(["--readouts", "w"] if suffix else []),
            )
    subprocess.run([sys.executable, str(ROOT / "docs" / "make_tables.py")], check=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", choices=list(DATA))
    parser.add_argument("--root", default="", help="folder of coco128, for photos")
    chosen = parser.parse_args()
    for one in chosen.models:
        bundle(one, chosen.root if DATA[one][0] == "coco" else "")
