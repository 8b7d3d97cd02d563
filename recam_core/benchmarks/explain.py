"""Explaining and training: readouts, backbone, scales, class features, and a cold start."""

import copy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from recam_core.benchmarks.measure import SHAPE, Row, matrix_rate, paired, peak_mib, timed
from recam_core.losses import class_features, class_masks
from recam_core.model import CamModel
from recam_core.pipeline import gather_evidence
from recam_core.records import MULTI_SCALE, READOUTS, RECAM_READOUTS, HeatmapOptions
from recam_core.samples import read_sample
from recam_core.shelf import load_pair


def explain_rows(device: torch.device, model: str = "photos") -> Iterator[Row]:
    """Explaining one picture: readouts, backbone, scales, class features, and a cold start."""
    pair = load_pair(model, device)
    picture = read_sample("coffee")[0].pixels[: SHAPE[0], : SHAPE[1]]
    shape = f"{SHAPE[1]}×{SHAPE[0]}, flip"
    yield _readouts(pair, picture, shape)
    yield _more_readouts(pair, picture, shape, RECAM_READOUTS, "explain/four-to-one")
    yield _more_readouts(pair, picture, shape, READOUTS, "explain/five-to-one")
    yield _backbone(pair.recam, picture, shape)
    yield timed("explain/single", shape, lambda: gather_evidence(picture, pair, HeatmapOptions()), "all five readouts")
    several = HeatmapOptions(scales=MULTI_SCALE)
    yield timed("explain/msf", shape, lambda: gather_evidence(picture, pair, several), "four scales, five readouts", 3)
    yield from class_feature_rows(device)
    yield timed(
        "explain/cold-start",
        shape,
        lambda: _cold_start(device),
        "a new process: imports, model, picture, bundle on disk",
        3,
    )


def _readouts(pair: Any, picture: Any, shape: str) -> Row:
    options = HeatmapOptions()

    def ours() -> Any:
        return gather_evidence(picture, pair, options, RECAM_READOUTS).scale_maps

    def plain() -> Any:
        return {r: gather_evidence(picture, pair, options, (r,)).scale_maps[r] for r in RECAM_READOUTS}

    mine, theirs = ours(), plain()
    assert all(abs(mine[r][0] - theirs[r][0]).max() < 1e-3 for r in RECAM_READOUTS)
    a, b, spread = paired(ours, plain)
    return Row("explain/readouts", shape, a, b, b / a, note=f"four readouts in one pass / in four; {spread}")


def _more_readouts(pair: Any, picture: Any, shape: str, readouts: tuple[str, ...], name: str) -> Row:
    options = HeatmapOptions()
    a, b, spread = paired(
        lambda: gather_evidence(picture, pair, options, readouts),
        lambda: gather_evidence(picture, pair, options, ("w",)),
    )
    return Row(name, shape, a, b, b / a, note=f"{len(readouts)} readouts cost {a / b:.2f}× one; {spread}")


def _backbone(model: CamModel, picture: Any, shape: str) -> Row:
    x = model.preprocess(picture)
    x = torch.cat([x, x.flip(-1)])
    plain_net = copy.deepcopy(model.backbone).to(memory_format=torch.contiguous_format)
    with torch.inference_mode(), FlopCounterMode(display=False) as flops:
        mine = model.features(x)
    with torch.inference_mode():
        assert (mine - plain_net(x)).abs().max() < 1e-2
        a, b, spread = paired(lambda: model.features(x), lambda: plain_net(x))
    floor = flops.get_total_flops() / matrix_rate(model.device)
    note = (
        f"channels-last / NCHW; {flops.get_total_flops() / 1e9:.1f} GFLOP, {a / floor:.1f}× the matrix floor; {spread}"
    )
    return Row("explain/backbone", shape, a, b, b / a, floor_s=floor, note=note)


def class_feature_rows(device: torch.device, side: int = 20, rounds: int = 5) -> Iterator[Row]:
    """The class-masked features of training at K = 20 and 80, forward and backward, against the B×K×D×h×w tensor."""
    for classes in (20, 80):
        features = torch.rand(2, 2048, side, side, device=device, requires_grad=True)
        weight = torch.rand(classes, 2048, device=device) - 0.5

        def ours(f: Tensor = features, w: Tensor = weight) -> Tensor:
            return class_features(f, class_masks(f, w))

        def plain(f: Tensor = features, w: Tensor = weight) -> Tensor:
            return (class_masks(f, w)[:, :, None] * f[:, None]).mean(dim=(3, 4))

        assert (ours() - plain()).abs().max() < 1e-4

        def step(form: Callable[[], Tensor]) -> Callable[[], None]:
            return lambda: form().sum().backward()

        a, b, spread = paired(step(ours), step(plain), rounds)
        mine, theirs = peak_mib(step(ours)), peak_mib(step(plain))
        yield Row(
            f"train/recam-k{classes}", f"2×2048×{side}×{side}", a, b, b / a, mine, theirs,
            note=f"memory 1/{theirs / mine:.0f}; {spread}",
        )  # fmt: skip


def _cold_start(device: torch.device) -> None:
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "recam_core", "explain", "chelsea", "--out", out, "--device", str(device)]
        subprocess.run(command, check=True, capture_output=True)
