"""The background threshold that suits a model: measured, from its card, else that of the reference code.

Every repository of this field has its own, because a readout, a data set and a refinement move it.
"""

from recam_core.networks.pair import ModelPair
from recam_core.records import HeatmapOptions, UserError

SEED = 0.21  # the reference's for seeds on VOC
WALKED = 0.28  # the reference's after the walk on VOC
VIEWS = {1: ("one scale", "single scale"), 4: ("four scales", "4 scales")}  # as scores in a card name them


def seed_threshold(pair: ModelPair, readout: str, view: HeatmapOptions | None = None) -> tuple[float, str]:
    """The threshold of a readout's own maps and where it comes from: the model's scores for this view, else 0.21."""
    ends = VIEWS.get(len((view or HeatmapOptions()).scales), ())
    scores = pair.card.get("scores", {})
    for where, measured in scores.items() if isinstance(scores, dict) else ():
        row = measured.get("readouts", {}).get(readout, {}) if isinstance(measured, dict) else {}
        if where.endswith(ends) and _is_share(row.get("threshold")):
            return round(row["threshold"], 4), f"of the model's scores: {where}"
    return SEED, "the reference's for seeds"


def walk_threshold(pair: ModelPair) -> tuple[float, str]:
    """The threshold after the walk and where it comes from: the model's card (``walk``), else 0.28."""
    tuned = pair.card.get("walk", {})
    threshold = tuned.get("threshold") if isinstance(tuned, dict) else tuned
    if threshold is None:
        return WALKED, "the reference's after the walk"
    if not _is_share(threshold):
        raise UserError(f"The card of {pair.name} holds no usable threshold after the walk; got {threshold!r}.")
    return float(threshold), "of the model's card"


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
