"""Paired timings: our form against the plain form of the same arithmetic, in one process, alternating.

Forms that must agree are checked equal first.

Speed claims are ratios of medians from one run; a time alone says more about the machine than about the code.
"""

import copy
import statistics
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from recam_core.losses import class_features, class_masks
from recam_core.model import CamModel
from recam_core.pipeline import gather_evidence
from recam_core.records import MULTI_SCALE, READOUTS, RECAM_READOUTS, HeatmapOptions
from recam_core.samples import read_sample
from recam_core.shelf import load_pair

SHAPE = (375, 500)  # a VOC picture


@dataclass(frozen=True)
class Row:
    """One comparison: medians in seconds, ``ratio`` = plain / ours, peak memory in MiB; None where it does not apply."""

    name: str
    shape: str
    ours_s: float
    plain_s: float | None = None
    ratio: float | None = None
    ours_mib: float | None = None
    plain_mib: float | None = None
    floor_s: float | None = None
    note: str = ""


def paired(ours: Callable[[], Any], plain: Callable[[], Any], rounds: int = 7) -> tuple[float, float, str]:
    """Median seconds of both after a warm-up, measured in turns, and the spread of ours in words."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 1):
        for call, kept in zip((ours, plain), times, strict=True):
            start = time.perf_counter()
            call()
            for card in range(torch.cuda.device_count()):
                torch.cuda.synchronize(card)
            if turn > 0:
                kept.append(time.perf_counter() - start)
    mine, theirs = (statistics.median(kept) for kept in times)
    return (
        mine,
        theirs,
        f"ours {min(times[0]):.3f}–{max(times[0]):.3f} s, other {min(times[1]):.3f}–{max(times[1]):.3f} s",
    )


class LiveTensors(TorchDispatchMode):
    """Counts the bytes of all tensors that were made inside and still live; ``peak`` is the most at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for leaf in tree_leaves((args, kwargs)):
            self._count(leaf, new=False)  # an input that was not made here was there before
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            self._count(leaf, new=True)
        return result

    def _count(self, leaf: Any, new: bool) -> None:
        if not isinstance(leaf, Tensor) or leaf.untyped_storage()._cdata in self._seen:
            return
        storage = leaf.untyped_storage()
        size = storage.nbytes() if new else 0
        self._seen.add(storage._cdata)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, storage._cdata, size)

    def _forget(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.now -= size


def peak_mib(call: Callable[[], Any]) -> float:
    """Most MiB of tensors that a call holds at a time, beyond what was there before."""
    with LiveTensors() as live:
        call()
    return live.peak / 2**20


def matrix_rate(device: torch.device, side: int = 2048) -> float:
    """Floating-point operations per second of a float32 matrix product, measured here and now."""
    a = torch.rand(side, side, device=device)
    seconds, _, _ = paired(lambda: a @ a, lambda: None, rounds=5)
    return 2 * side**3 / seconds


def explain_rows(device: torch.device, model: str = "photos") -> Iterator[Row]:
    """Explaining one picture: readouts, backbone, scales, class features, and a cold start."""
    pair = load_pair(model, device)
    picture = read_sample("coffee")[0].pixels[: SHAPE[0], : SHAPE[1]]
    shape = f"{SHAPE[1]}×{SHAPE[0]}, flip"
    yield _readouts(pair, picture, shape)
    yield _more_readouts(pair, picture, shape, RECAM_READOUTS, "explain/four-to-one")
    yield _more_readouts(pair, picture, shape, READOUTS, "explain/five-to-one")
    yield _backbone(pair.recam, picture, shape)
    yield _timed("explain/single", shape, lambda: gather_evidence(picture, pair, HeatmapOptions()), "all five readouts")
    several = HeatmapOptions(scales=MULTI_SCALE)
    yield _timed("explain/msf", shape, lambda: gather_evidence(picture, pair, several), "four scales, five readouts", 3)
    yield from class_feature_rows(device)
    yield _timed(
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


def _timed(name: str, shape: str, call: Callable[[], Any], note: str, rounds: int = 5) -> Row:
    seconds, _, spread = paired(call, lambda: None, rounds)
    return Row(name, shape, seconds, note=f"{note}; {spread.split(', other')[0]}")


def _cold_start(device: torch.device) -> None:
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "recam_core", "explain", "chelsea", "--out", out, "--device", str(device)]
        subprocess.run(command, check=True, capture_output=True)


BENCHMARKS: dict[str, Callable[[torch.device], Iterator[Row]]] = {"explain": explain_rows, "train": class_feature_rows}
