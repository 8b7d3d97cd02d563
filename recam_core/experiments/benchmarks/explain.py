"""Explaining: readouts, the backbone's pass and its floor, scales, where the time goes, and a cold start."""

import copy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from recam_core.cam.pipeline import default_classes, gather_evidence, read_out
from recam_core.checkpoints.pair_file import load_pair
from recam_core.datasets.samples import sample_picture
from recam_core.experiments.benchmarks.measure import SHAPE, Row, matrix_rate, paired, peak_mib, timed
from recam_core.networks.model import CamModel, build_model
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import READOUTS, recam_readouts
from recam_core.records import MULTI_SCALE, HeatmapOptions
from recam_core.system.device import autocast, exact


def explain_rows(device: torch.device, model: str = "photos") -> Iterator[Row]:
    """Explaining one picture with the pair as the app keeps it: readouts, backbone, scales, where the time goes, a cold start."""
    unfolded = load_pair(model, device)
    pair = unfolded.folded()
    picture = sample_picture("coffee").pixels[: SHAPE[0], : SHAPE[1]]
    shape = f"{SHAPE[1]}×{SHAPE[0]}, flip"
    yield _readouts(pair, picture, shape)
    yield _more_readouts(pair, picture, shape, recam_readouts(), "explain/four-to-one")
    yield _more_readouts(pair, picture, shape, tuple(READOUTS), "explain/five-to-one")
    yield backbone_row("explain/backbone", model, unfolded.recam, picture, shape)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        resnet = build_model("resnet50_s16", "cam", 20).to(device).requires_grad_(False)
    yield backbone_row("explain/backbone-resnet50", "ResNet-50, random weights", resnet, picture, shape, rounds=5)
    yield timed("explain/single", shape, lambda: gather_evidence(picture, pair, HeatmapOptions()), "all five readouts")
    several = HeatmapOptions(scales=MULTI_SCALE)
    yield timed("explain/msf", shape, lambda: gather_evidence(picture, pair, several), "four scales, five readouts", 3)
    yield parts_row(pair, picture, shape)
    yield timed(
        "explain/cold-start",
        shape,
        lambda: _cold_start(device),
        "a new process: imports, model, picture, bundle on disk",
        3,
    )


def _readouts(pair: ModelPair, picture: Any, shape: str) -> Row:
    options = HeatmapOptions()

    def ours() -> Any:
        return gather_evidence(picture, pair, options, recam_readouts()).scale_maps

    def plain() -> Any:
        return {r: gather_evidence(picture, pair, options, (r,)).scale_maps[r] for r in recam_readouts()}

    mine, theirs = ours(), plain()
    assert all(abs(mine[r][0] - theirs[r][0]).max() < 1e-3 for r in recam_readouts())
    a, b, spread = paired(ours, plain)
    note = f"four readouts in one pass / in four; {spread}"
    return Row("explain/readouts", shape, a, b, b / a, peak_mib(ours), peak_mib(plain), note=note)


def _more_readouts(pair: ModelPair, picture: Any, shape: str, readouts: tuple[str, ...], name: str) -> Row:
    options = HeatmapOptions()

    def ours() -> Any:
        return gather_evidence(picture, pair, options, readouts)

    def one() -> Any:
        return gather_evidence(picture, pair, options, ("w",))

    a, b, spread = paired(ours, one)
    note = f"{len(readouts)} readouts cost {a / b:.2f}× one; {spread}"
    return Row(name, shape, a, b, b / a, peak_mib(ours), peak_mib(one), note=note)


def backbone_row(name: str, title: str, model: CamModel, picture: Any, shape: str, rounds: int = 7) -> Row:
    """A pass over picture and mirror image as the app does it, against NCHW without folding; and the floor of its products."""
    x = model.preprocess(picture)
    x = torch.cat([x, x.flip(-1)])
    ours_net, plain_net = (
        model.folded(),
        copy.deepcopy(model.get_submodule("backbone")).to(memory_format=torch.contiguous_format),
    )

    def ours() -> Any:
        with torch.inference_mode():
            return ours_net.features(x)

    def plain() -> Any:
        with torch.inference_mode():
            return plain_net(x)

    with exact():
        mine, theirs = ours(), plain()
    assert (mine - theirs).norm() < 1e-3 * theirs.norm(), "the two forms differ"
    with torch.inference_mode(), FlopCounterMode(display=False) as flops:
        plain_net(x)
    with autocast(model.device):  # as a card looks
        a, b, spread = paired(ours, plain, rounds)
        floor = flops.get_total_flops() / matrix_rate(model.device)
    note = (
        f"{title}; channels-last and folded / NCHW; {flops.get_total_flops() / 1e9:.1f} GFLOP, {a / floor:.2f}× the matrix "
        f"floor; {spread}"
    )
    return Row(name, shape, a, b, b / a, peak_mib(ours), peak_mib(plain), floor_s=floor, note=note)


def parts_row(pair: ModelPair, picture: Any, shape: str) -> Row:
    """Where the time of one picture goes: both networks' passes, and what is before and after them, each waited for."""
    evidence = gather_evidence(picture, pair, HeatmapOptions())
    classes = default_classes(evidence)
    nets = (pair.cam, pair.recam)
    x = pair.recam.preprocess(picture)
    x = torch.cat([x, x.flip(-1)])

    def features() -> Any:
        with torch.inference_mode(), autocast(pair.recam.device):
            return [net.features(x) for net in nets]

    grids = [values.float() for values in features()]
    parts: dict[str, Callable[[], Any]] = {
        "picture to the device": lambda: [net.preprocess(picture) for net in nets],
        "backbones": features,
        "readouts": lambda: [net.maps(f, net.readouts) for net, f in zip(nets, grids, strict=True)],
        "maps at picture size": lambda: [read_out(evidence, name, classes) for name in READOUTS],
    }
    seconds = {name: timed("", "", call, "").ours_s for name, call in parts.items()}
    total = sum(seconds.values())
    shares = ", ".join(f"{name} {part / total:.0%}" for name, part in seconds.items())
    return Row("explain/parts", shape, total, note=f"five readouts, {len(classes)} classes: {shares}")


def _cold_start(device: torch.device) -> None:
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "recam_core", "explain", "chelsea", "--out", out, "--device", str(device)]
        subprocess.run(command, check=True, capture_output=True)
