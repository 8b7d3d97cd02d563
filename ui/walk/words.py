"""What a walk did, in sentences; each stands on measured numbers and says them."""

from collections.abc import Mapping, Sequence
from typing import Any

from recam_core.records.names import percent

Shares = Mapping[str, Sequence[Any]]  # "covered", and "iou" where the truth is known: a value per threshold


def what_happened(begin: Shares, walk: Sequence[Shares], t: int, threshold: float) -> list[str]:
    """What lies above the threshold before the walk and after ``t`` steps; ``walk[t]`` are the shares at each t."""
    level = round(100 * threshold)
    before, after = begin["covered"][level], walk[t]["covered"][level]
    compared = f"{_moved(before, after)} of the picture, against the map before the walk"
    sentences = [f"By t = {t} the area above {threshold:.2f} {compared}."]
    if "iou" not in begin or begin["iou"][level] is None:
        return sentences
    before = begin["iou"][level]
    iou = [shares["iou"][level] or 0.0 for shares in walk]
    best = max(range(len(iou)), key=iou.__getitem__)
    sentence = f"IoU with the true mask {_moved(before, iou[t])}"
    if max(iou) <= before:
        return [*sentences, f"{sentence}: at this threshold no t is better than no walk."]
    if best == t:
        return [*sentences, f"{sentence}, the best of all t."]
    return [*sentences, f"{sentence}; it is best at t = {best}, with {percent(iou[best])}."]


def _moved(before: float, after: float) -> str:
    if round(100 * before) == round(100 * after):
        return f"stayed at {percent(after)}"
    return f"{'rose' if after > before else 'fell'} from {percent(before)} to {percent(after)}"
