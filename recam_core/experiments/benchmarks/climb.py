"""Climbing: a step of ResNet-50 against the plain form with hooks and two backward passes, and a whole climb of ``photos``."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from recam_core.checkpoints.pair_file import load_pair
from recam_core.datasets.samples import sample_picture
from recam_core.experiments.benchmarks.measure import SHAPE, Row, paired, peak_mib, timed
from recam_core.networks.model import CamModel, build_model
from recam_core.records import AdvCamOptions, HeatmapOptions
from recam_core.refiners.advcam.ascent import ascend, look
from recam_core.refiners.advcam.climb import climb
from recam_core.refiners.advcam.equations import climb_step
from recam_core.refiners.advcam.result import climb_defaults
from recam_core.system.device import exact

CLASS = 15  # any will do: the weights are random


def climb_rows(device: torch.device, model: str = "photos") -> Iterator[Row]:
    """One step of ResNet-50, with and without autocast where there is such, and a whole climb of a bundled model."""
    picture = sample_picture("coffee").pixels[: SHAPE[0], : SHAPE[1]]
    shape = f"{SHAPE[1]}×{SHAPE[0]}, flip"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        resnet = build_model("resnet50_s16", "cam", 20).to(device).requires_grad_(False)
    yield step_row(resnet, picture, shape)
    if device.type == "cuda":
        yield _autocast_row(resnet, picture, shape)
    pair = load_pair(model, device).folded()
    options = climb_defaults(pair)

    def whole() -> None:
        for _ in climb(picture, pair, ["cup"], options, "w", HeatmapOptions()):
            pass

    def first() -> None:
        next(climb(picture, pair, ["cup"], options, "w", HeatmapOptions()))

    yield timed(f"climb/{model}", shape, whole, f"{options.steps} steps, one class, one scale", 3)
    yield timed("climb/first-frame", shape, first, f"{model}, the first step alone", 5)


def step_row(model: CamModel, picture: np.ndarray, shape: str, rounds: int = 5) -> Row:
    """One forward and one backward pass, against one forward and two backward passes with hooks; checked equal first."""
    x, first = _a_step_away(model, picture)
    folded = model.folded()
    with exact():
        mine, theirs = our_step(folded, x, first), plain_step(model, x, first)
    # as a whole: where a ReLU or a maximum is at a tie, rounding decides, and single pixels move otherwise
    assert (mine - theirs).norm() < 0.02 * (theirs - x).norm(), "the two forms differ"
    ours, plain = partial(our_step, folded, x, first), partial(plain_step, model, x, first)
    a, b, spread = paired(ours, plain, rounds)
    note = (
        "ResNet-50; one backward pass and folded batch normalisation / two backward passes and hooks; no parameter gradients "
        f"in either; {spread}"
    )
    return Row("climb/step", shape, a, b, b / a, peak_mib(ours), peak_mib(plain), note=note)


def _autocast_row(model: CamModel, picture: np.ndarray, shape: str) -> Row:
    x, first = _a_step_away(model, picture)
    model = model.folded()
    a, b, spread = paired(partial(our_step, model, x, first, half=True), partial(our_step, model, x, first), 9)
    note = f"with autocast {1 / a:.1f} steps a second / without {1 / b:.1f}; {spread}"
    return Row("climb/autocast", shape, a, b, b / a, note=note)


def _a_step_away(model: CamModel, picture: np.ndarray) -> tuple[Tensor, Tensor]:
    """Views (1, 2, 3, H, W) that left the picture, so that the regulariser weighs, and the map of the picture itself."""
    x = model.preprocess(picture)[0]
    steps = list(ascend(model, torch.stack([x, x.flip(-1)]), [CLASS], "cam", AdvCamOptions(steps=2), half=False))
    return steps[1].x, steps[0].map


def our_step(model: CamModel, x: Tensor, first: Tensor, half: bool = False) -> Tensor:
    """The next views by our form, (1, 2, 3, H, W)."""
    options, ids = AdvCamOptions(), torch.tensor([CLASS], device=x.device)
    state = look(model, x, ids, "cam", options, 1, first, half)
    assert state.gradient is not None
    return climb_step(x, state.gradient, options.xi, options.step_rule)


def _keep(captured: dict[str, Tensor], gradients: Any) -> None:
    captured["gradient"] = gradients[0]


def plain_step(model: CamModel, x: Tensor, first: Tensor) -> Tensor:
    """The next views by the form of the reference: Grad-CAM by hooks and a backward pass of its own, then the objective's."""
    captured: dict[str, Tensor] = {}
    backbone = model.get_submodule("backbone")
    hooks = [
        backbone.register_forward_hook(lambda module, given, result: captured.update(features=result)),
        backbone.register_full_backward_hook(lambda module, given, result: _keep(captured, result)),
    ]
    options, weight = AdvCamOptions(), model.classifier_weights()
    pair = x[0].detach().requires_grad_()  # (2, 3, H, W)
    maps = F.conv2d(model.features(pair), weight[:, :, None, None])  # (2, K, h, w)
    maps[:, CLASS].relu().sum().backward(retain_graph=True)
    assert pair.grad is not None
    gradient = captured["gradient"]  # (2, D, h, w)
    channels = gradient.sum(dim=(2, 3), keepdim=True) / ((gradient > 0).sum() + 1e-12)
    cams = (channels * captured["features"]).sum(dim=1).relu()  # (2, h, w)
    regions = cams[0] + cams[1].flip(-1)
    hold_mask = (regions / regions.max() > options.tau).detach()
    y = maps.relu().mean(dim=(2, 3)).sum(dim=0)  # (K,)
    objective = 2 * y[CLASS] - y.sum() - options.mu * ((regions - first[0]).abs() * hold_mask).sum()
    pair.grad.zero_()
    objective.backward()
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        moved = pair + options.xi * pair.grad / (pair.grad.abs().max() + 1e-12)
        return moved.clamp(pair.min(), pair.max())[None]
