"""AdvCAM as a stream of events: nudge a picture so that a class scores higher, and add up the maps on the way.

Lee et al., CVPR 2021, arXiv 2103.08896; the arithmetic of a step is in ``equations`` and ``ascent``.
"""

import contextlib
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from recam_core.images.pictures import MIN_SIDE, working_picture
from recam_core.networks.model import CamModel
from recam_core.networks.pair import ModelPair
from recam_core.records import AdvCamOptions, HeatmapOptions, RefineStep, UserError
from recam_core.refiners.advcam.ascent import Ascent, ascend
from recam_core.refiners.advcam.equations import steps_at

# Of all views of the classes that climb together on a CPU, where nothing reports a lack of memory before it is too late.
BATCH_PIXELS = 1_500_000
SMALLER = 0.75  # the next scale to try where the device's memory does not suffice


def climb(
    picture: np.ndarray,
    pair: ModelPair,
    classes: Sequence[str],
    options: AdvCamOptions,
    readout: str = "w",
    view: HeatmapOptions | None = None,
) -> Generator[RefineStep, None, None]:
    """Climb with a picture (H, W, 3) uint8, once for each class, scale after scale; every step of every scale is an event.

    AdvCAM (Lee et al., CVPR 2021, arXiv 2103.08896): x ← x + ξ ∇ₓ L with L = y_k − Σ_{j≠k} y_j − μ ‖M ⊗ |map_t − map_0|‖₁, y as
    in equation 4, and the arithmetic of its code, whose step is named ``climb`` as well (`equations`; golden part 6). y comes
    from FC1 of the network that the readout belongs to, the map from the readout's weights. Where a device's memory does not
    suffice, fewer classes climb at a time, then a smaller scale is taken, and the next event says so. Closing the iterator
    stops the climb. Raises ``UserError`` at once for what cannot be climbed, and later when values stop being finite.

    ```python
    pair, (picture, mask) = recam.load_pair("scenes"), recam.read_sample("scene-fish-boat")
    options = dataclasses.replace(recam.climb_defaults(pair), steps=4)
    for step in recam.climb(picture.pixels, pair, ["fish"], options):
        print(step)
    ```
    """
    view = view or HeatmapOptions()
    pair.check_readouts([readout])
    if not classes:
        raise UserError(f"Name at least one class to climb for, for example {pair.classes[0]}.")
    picture = working_picture(picture, view.long_side)
    ids = pair.class_ids(classes)
    return _every_scale(_Task(picture, pair, tuple(classes), ids, options, readout, view))


@dataclass(frozen=True, eq=False)
class _Task:
    """What was asked for, at the working size and checked."""

    picture: np.ndarray
    pair: ModelPair
    classes: tuple[str, ...]
    ids: list[int]
    options: AdvCamOptions
    readout: str
    view: HeatmapOptions


def _every_scale(task: _Task) -> Generator[RefineStep, None, None]:
    model = task.pair.network(task.readout)
    with contextlib.suppress(torch.OutOfMemoryError):  # the copy only saves time
        model = model.folded()
    for index, wanted in enumerate(task.view.scales):
        options = replace(task.options, steps=steps_at(task.options.steps, wanted, task.view.scales))
        scale, batch = wanted, _batch(task, wanted)
        notes: tuple[str, ...] = ()
        if options != task.options:
            notes = (f"T is {options.steps} at this scale, as in the reference",)
        while True:
            try:
                yield from _one_scale(task, model, options, index, scale, batch, notes)
                break
            except torch.OutOfMemoryError:
                pass  # left at once, so that nothing of the failed try is still held during the next one
            torch.cuda.empty_cache()
            scale, batch, notes = _less(task, scale, batch)


def _one_scale(
    task: _Task, model: CamModel, options: AdvCamOptions, index: int, scale: float, batch: int, notes: tuple[str, ...]
) -> Generator[RefineStep, None, None]:
    before = time.perf_counter()
    x = model.preprocess(task.picture, scale)[0]  # (3, H, W)
    views = torch.stack([x, x.flip(-1)]) if task.view.flip else x[None]
    peak, total = np.zeros(0), np.zeros(0)
    for ascent in ascend(model, views, task.ids, task.readout, options, batch=batch):
        _check_finite(ascent, options, task.pair)
        maps = ascent.map.cpu().numpy()
        if ascent.t == 0:
            peak, total, notes = maps.max(axis=(1, 2)), maps, notes + _first_notes(task, maps)
        else:
            total = total + maps
        yield RefineStep(
            t=ascent.t,
            steps=options.steps,
            scale=scale,
            scale_index=index,
            readout=task.readout,
            classes=task.classes,
            map=maps,
            accumulated=total,
            hold_mask=ascent.hold_mask.cpu().numpy(),
            change=_grey_levels(ascent.x[:, 0] - x, model),
            score=ascent.score.cpu().numpy(),
            others=ascent.others.cpu().numpy(),
            regulariser=ascent.regulariser.cpu().numpy(),
            objective=ascent.objective.cpu().numpy(),
            first_peak=peak,
            seconds=time.perf_counter() - before,
            notes=notes,
        )
        before, notes = time.perf_counter(), ()


def _grey_levels(change: Tensor, model: CamModel) -> np.ndarray:
    """Differences of normalised pictures (n, 3, H, W) as (n, H, W, 3) float16 in grey levels of 255."""
    levels = (change * model.std * 255).clamp(-6e4, 6e4)  # what half precision can hold
    return levels.half().permute(0, 2, 3, 1).contiguous().cpu().numpy()


def _first_notes(task: _Task, maps: np.ndarray) -> tuple[str, ...]:
    notes = []
    empty = [name for name, peak in zip(task.classes, maps.max(axis=(1, 2)), strict=True) if peak == 0]
    if empty:
        notes.append(f"{', '.join(empty)}: no positive evidence to start from")
    if task.options.xi == 0 and task.options.steps > 1:
        notes.append("ξ is 0, so the picture stays as it is")
    if len(task.pair.classes) == 1:
        notes.append("the model has one class, so there are no others to hold down")
    return tuple(notes)


def _batch(task: _Task, scale: float) -> int:
    """How many classes climb together at first: all on a graphics card, on a CPU what fits a bound."""
    if task.pair.network(task.readout).device.type != "cpu":
        return len(task.ids)
    pixels = task.picture.shape[0] * task.picture.shape[1] * scale**2 * (2 if task.view.flip else 1)
    return max(1, min(len(task.ids), int(BATCH_PIXELS / pixels)))


def _less(task: _Task, scale: float, batch: int) -> tuple[float, int, tuple[str, ...]]:
    """What to try when the memory did not suffice: fewer classes at a time, then a smaller scale."""
    device = task.pair.network(task.readout).device
    if batch > 1:
        batch = -(-batch // 2)
        return scale, batch, (f"the memory of {device} does not suffice for more than {batch} at a time; started over",)
    scale *= SMALLER
    if min(task.picture.shape[:2]) * scale < MIN_SIDE:
        raise UserError(f"The memory of {device} does not suffice even for a small picture; free some, or use the CPU.")
    return scale, 1, (f"the memory of {device} does not suffice; started over at the smaller scale {scale:.2f}",)


def _check_finite(ascent: Ascent, options: AdvCamOptions, pair: ModelPair) -> None:
    """Stop a run that left the finite numbers, naming the knob that took it there."""
    answers = torch.stack([ascent.score, ascent.others, ascent.map.sum(dim=(1, 2))])
    if torch.isfinite(answers).all():
        moves = [ascent.objective] if ascent.gradient is None else [ascent.objective, ascent.gradient]
        if not all(torch.isfinite(values).all() for values in moves):
            raise UserError(
                f"The climb left the finite numbers at step {ascent.t + 1}: the regulariser weighs too much. "
                f"Lower μ (now {options.mu:g})."
            )
    elif ascent.t == 0:
        raise UserError(
            f"The model {pair.name} gives values that are not finite for this picture; its weights are broken."
        )
    else:
        raise UserError(
            f"The climb left the finite numbers at step {ascent.t + 1}: the steps are too large. Lower ξ (now {options.xi:g})."
        )
