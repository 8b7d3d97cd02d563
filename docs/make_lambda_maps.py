"""Write the maps of the sample photos after full training with every λ: ``PYTHONPATH=. python docs/make_lambda_maps.py RUNS``.

RUNS is the folder that ``study voc-lambda`` trained in.
"""

import argparse
from pathlib import Path

from recam_core import load_pair
from recam_core.experiments.lambda_maps import FILE, save_lambda_maps
from recam_core.experiments.study.plans import SEEDS, VOC_LAMBDAS
from recam_core.training.recipes import RECIPES


def folder_of(weight: float) -> str:
    """Where the study trains with a λ: the control, the recipe itself, or a variant of it."""
    if weight == 0:
        return f"control-seed{SEEDS[0]}"
    return f"recipe-seed{SEEDS[0]}" if weight == RECIPES["voc"].recam_weight else f"variant-recam_weight-{weight}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path)
    runs = parser.parse_args().runs / "voc"
    save_lambda_maps({weight: load_pair(runs / folder_of(weight)).folded() for weight in VOC_LAMBDAS}, FILE)
    print(f"{FILE}: {FILE.stat().st_size / 1024:.0f} kB")
