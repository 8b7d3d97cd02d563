"""The background threshold that suits a model: measured, from its card, else that of the reference code.

Every repository of this field has its own, because a readout, a data set and a refinement move it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from recam_core.networks.readouts import recam_readouts
from recam_core.records import HeatmapOptions, UserError

if TYPE_CHECKING:
    from recam_core.networks.pair import ModelPair

RULES = ("measured", "same", "area", "otsu")  # where maps are cut: each at its own, all at one, at one share, by Otsu
SEED = 0.21  # the reference's for seeds on VOC
WALKED = 0.28  # the reference's after the walk on VOC
VIEWS = {1: ("one scale", "single scale"), 4: ("four scales", "4 scales")}  # as scores in a card name them


def seed_threshold(pair: "ModelPair", readout: str, view: HeatmapOptions | None = None) -> tuple[float, str]:
    """The threshold of a readout's own maps and where it comes from: the model's scores for this view, else 0.21."""
    for where, rows in _measurements(pair, view).items():
        threshold = rows.get(readout, {}).get("threshold")
        if _is_share(threshold):
            return round(threshold, 4), f"of the model's scores: {where}"
    return SEED, "the reference's for seeds"


def best_readout(pair: "ModelPair", view: HeatmapOptions | None = None) -> str:
    """The readout of ReCAM's network with the highest seed mIoU of the model's scores, for this view where there are any.

    Without scores the first one that the model has; CAM where it has no other, "" where CAM does not apply to it.
    """
    offered = [name for name in recam_readouts() if name in pair.readouts] or list(pair.readouts)
    for rows in [*_measurements(pair, view).values(), *_measurements(pair).values()]:
        measured = {name: rows.get(name, {}).get("miou") for name in offered}
        if scores := {name: miou for name, miou in measured.items() if _is_share(miou)}:
            return max(scores, key=lambda name: scores[name])
    return offered[0] if offered else ""


def otsu_threshold(values: np.ndarray) -> float:
    """Otsu's threshold of a map in [0, 1], which parts its values into the two tightest groups; two digits.

    (Otsu 1979, IEEE Trans. SMC 9(1).)
    """
    level, _ = cv2.threshold(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    return round(level / 255, 2)


def area_threshold(covered: np.ndarray, share: float) -> float:
    """The lowest of the thresholds 0, 1/(T-1) … 1 above which at most a ``share`` of the picture lies; ``covered`` is (T,)."""
    return float(np.argmax(covered <= share + 1e-9)) / (len(covered) - 1)


def walk_threshold(pair: "ModelPair", readout: str) -> tuple[float, str]:
    """A readout's threshold after the walk and where it comes from.

    That of the model's card (``walk``) for this readout, else the one that the card has for all, else 0.28. Raises
    ``UserError`` where the card's is no number from 0 to 1.
    """
    card = pair.card.get("walk", {})
    tuned = card if isinstance(card, dict) else {"threshold": card}
    each = tuned.get("thresholds", {})
    threshold = each.get(readout, tuned.get("threshold")) if isinstance(each, dict) else each
    if threshold is None:
        return WALKED, "the reference's after the walk"
    if not _is_share(threshold):
        raise UserError(f"The card of {pair.name} holds no usable threshold after the walk; got {threshold!r}.")
    return float(threshold), "of the model's card"


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _measurements(pair: "ModelPair", view: HeatmapOptions | None = None) -> dict[str, Mapping[str, Any]]:
    """Rows of readouts of those of the model's scores that were measured with as many scales."""
    ends = VIEWS.get(len((view or HeatmapOptions()).scales), ())
    scores = pair.card.get("scores", {})
    return {
        where: measured["readouts"]
        for where, measured in (scores.items() if isinstance(scores, dict) else ())
        if ends and where.endswith(ends) and isinstance(measured, dict) and isinstance(measured.get("readouts"), dict)
    }
