"""What a climb leaves: evidence that is read out like any other, and the settings a model climbs with."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recam_core.networks.pair import ModelPair
from recam_core.records import AdvCamOptions, Evidence, RefineStep, UserError

REFERENCE_STD = (0.229, 0.224, 0.225)  # what a picture is divided by in the reference


def climb_defaults(pair: ModelPair) -> AdvCamOptions:
    """The settings that suit a model: those of its card (``climb``) where it has some, else the reference's in grey levels.

    ξ is in units of the normalised picture, so the same ξ is another number of grey levels for a network that divides
    by another standard deviation: without tuned settings ξ is that of the same grey levels. Raises ``UserError`` where the
    card's cannot be used.
    """
    options = AdvCamOptions()
    options = replace(options, xi=round(options.xi * float(np.mean(REFERENCE_STD)) / _mean_std(pair), 4))
    tuned = pair.card.get("climb", {})
    numbers = [tuned.get(name, getattr(options, name)) for name in ("xi", "mu")] if isinstance(tuned, dict) else []
    if not numbers or not all(isinstance(number, int | float) for number in numbers):
        raise UserError(f"The card of {pair.name} holds no usable climb settings: expected xi and mu; got {tuned!r}.")
    return replace(options, xi=numbers[0], mu=numbers[1])


def grey_levels(xi: float, pair: ModelPair) -> float:
    """ξ as a number of grey levels of 255: the most that one step by the reference's rule changes a pixel."""
    return xi * _mean_std(pair) * 255


def _mean_std(pair: ModelPair) -> float:
    return float(pair.cam.std.mean())


def valid_steps(steps: Sequence[RefineStep]) -> list[RefineStep]:
    """The steps that count: where a scale was started over (memory ran out), what it gave before is left out."""
    shown: list[RefineStep] = []
    for step in steps:
        if step.t == 0:
            shown = [earlier for earlier in shown if earlier.scale_index != step.scale_index]
        shown.append(step)
    return shown


def climbed_evidence(before: Evidence, steps: Sequence[RefineStep], result: str = "accumulated") -> Evidence:
    """The maps of a climb, as far as it came, as evidence of its classes: for ``read_out``, curves and bundles.

    ``before`` is the evidence of the same picture and view; of ``steps`` the last one of each scale counts, so one step
    alone gives the climb as it stood then; ``result`` is ``AdvCamOptions.result``. Several scales are added as they are, as
    in the reference. Raises ``UserError`` where there is no step yet.
    """
    last = {step.scale_index: step for step in steps}
    if not last:
        raise UserError("The climb has no step yet; let it make at least one.")
    first = next(iter(last.values()))
    ids = [before.classes.index(name) for name in first.classes]
    maps = tuple(step.accumulated if result == "accumulated" else step.map for step in last.values())
    return replace(
        before,
        classes=first.classes,
        scores=before.scores[ids],
        scale_maps={first.readout: maps},
        seconds=before.seconds + sum(step.seconds for step in steps),
        backbone_passes=before.backbone_passes + len(steps),
    )
