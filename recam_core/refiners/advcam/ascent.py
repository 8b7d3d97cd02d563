"""AdvCAM on tensors: one forward and one backward pass a step, by gradients of the picture alone (Lee et al., arXiv 2103.08896).

The head is linear on pooled features, so the map needs no backward pass of its own, no hooks, and leaves nothing in the model.
Letters as in ``equations``: n climbs (one a class), V views, K classes, D channels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from recam_core.networks.model import CamModel
from recam_core.records import AdvCamOptions
from recam_core.refiners.advcam.equations import climb_step, grad_cam, held_difference, hold_mask, merged, pooled_scores
from recam_core.system.device import autocast


@dataclass(frozen=True, eq=False)
class Ascent:
    """What n climbs saw at step t, as tensors on the model's device; everything belongs to the views ``x``."""

    t: int
    x: Tensor  # (n, V, 3, H, W) normalised
    map: Tensor  # (n, h, w)
    hold_mask: Tensor  # (n, h, w) bool
    score: Tensor  # (n,) y_k
    others: Tensor  # (n,) Σ_{j≠k} y_j
    regulariser: Tensor  # (n,)
    objective: Tensor  # (n,)
    gradient: Tensor | None  # (n, V, 3, H, W) of the objective; None at the last step, which goes nowhere


def ascend(
    model: CamModel,
    views: Tensor,
    class_ids: Sequence[int],
    readout: str,
    options: AdvCamOptions,
    *,
    batch: int | None = None,
    half: bool = True,
) -> Iterator[Ascent]:
    """Climb with normalised ``views`` (V, 3, H, W), once for each class, ``batch`` classes at a time.

    As golden part 6; ``half`` allows autocast on CUDA. Nothing of the model is changed, and no graph outlives a step.
    """
    # A consumer's inference mode must not reach what takes part in a gradient, nor a mode of ours the consumer.
    with torch.inference_mode(False), torch.no_grad():
        x = views.detach().clone().expand(len(class_ids), *views.shape).contiguous()
        ids = torch.tensor(class_ids, device=views.device)
    first: Tensor | None = None
    for t in range(options.steps):
        parts: list[Ascent] = []
        for start in range(0, len(ids), batch or len(ids)):
            some = slice(start, start + (batch or len(ids)))
            parts.append(
                look(model, x[some], ids[some], readout, options, t, None if first is None else first[some], half)
            )
        state = _joined(parts)
        first = state.map if first is None else first
        yield state
        if state.gradient is not None:
            with torch.inference_mode(False), torch.no_grad():
                x = climb_step(x, state.gradient, options.xi, options.step_rule)


def look(
    model: CamModel,
    x: Tensor,
    ids: Tensor,
    readout: str,
    options: AdvCamOptions,
    t: int,
    first: Tensor | None,
    half: bool,
) -> Ascent:
    """Maps, objective and gradient of some climbs at x (n, V, 3, H, W), one forward and one backward pass.

    ``ids`` (n,) are their classes, ``first`` (n, h, w) their maps of step 0, or None where this is it.
    """
    last = t == options.steps - 1
    with torch.inference_mode(False), torch.set_grad_enabled(not last):
        x = x.detach().requires_grad_(not last)
        with autocast(x.device, training=True) if half else torch.autocast(x.device.type, enabled=False):
            features = model.features(x.flatten(0, 1))  # (n·V, D, h, w)
        features = features.float()  # the readouts themselves are not rounded
        y = pooled_scores(features, model.classifier_weights()).unflatten(0, x.shape[:2]).sum(dim=1)  # (n, K)
        score = y.gather(1, ids[:, None])[:, 0]
        others = y.sum(dim=1) - score
        weights = model.class_weights(readout)[ids]  # (n, D)
        evidence = torch.einsum("nd,nvdhw->nvhw", weights, features.unflatten(0, x.shape[:2]))
        regions = merged(grad_cam(evidence, weights))  # (n, h, w)
        mask = hold_mask(regions.detach(), options.tau)
        start = regions.detach() if first is None else first
        regulariser = held_difference(regions, start, mask, options.regulariser)
        objective = score - others - options.mu * regulariser
        gradient = None if last else torch.autograd.grad(objective.sum(), x)[0]
    return Ascent(
        t=t,
        x=x.detach(),
        map=regions.detach(),
        hold_mask=mask,
        score=score.detach(),
        others=others.detach(),
        regulariser=regulariser.detach(),
        objective=objective.detach(),
        gradient=gradient,
    )


def _joined(parts: list[Ascent]) -> Ascent:
    if len(parts) == 1:
        return parts[0]

    gradients = [part.gradient for part in parts if part.gradient is not None]
    with torch.inference_mode(False):
        columns = {
            name: torch.cat([getattr(part, name) for part in parts])
            for name in ("x", "map", "hold_mask", "score", "others", "regulariser", "objective")
        }
        return Ascent(parts[0].t, **columns, gradient=torch.cat(gradients) if gradients else None)
