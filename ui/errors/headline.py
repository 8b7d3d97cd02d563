"""The headline: figures of both sides, the change, and how far the choice of pictures could move it."""

import numpy as np
import streamlit as st

from recam_core.evaluation.bootstrap import gain_of_areas
from ui.errors.sides import View
from ui.widgets.escaping import plain

FEW = 20  # with fewer pictures an interval over pictures says more than is known


def show_headline(view: View) -> None:
    """A sentence first, then the figures; each side also at the threshold that suits it best."""
    gain = bootstrap(view)
    best = {letter: side.curves.best for letter, side in view.both.items()}
    fair = bootstrap(view, best["A"], best["B"])
    few = len(view.names) < FEW
    at = {letter: f"{view.a.store.thresholds[index]:.2f}" for letter, index in best.items()}
    st.markdown(
        f"{gain_words(view.a.label, view.b.label, view.threshold, gain, len(view.names))} Each at its own best threshold "
        f"({plain(view.a.label)} {at['A']}, {plain(view.b.label)} {at['B']}): **{_points(fair, few)}**.",
        help="Compare at the best thresholds where the maps of one side are brighter throughout. That flatters both "
        "a little, because threshold and figures come from the same pictures.",
    )
    totals = {letter: view.areas(letter).total() for letter in view.both}
    rows = (("mIoU", "miou", False), ("Wrong (FP)", "fp", True), ("Missed (FN)", "fn", True))
    with st.container(key="errors-headline"):
        columns = st.columns(3)
    for column, (words, name, less) in zip(columns, rows, strict=True):
        a, b = (float(np.asarray(totals[letter][name])) for letter in "AB")
        column.metric(
            f"{words}, %",
            f"{percent(a)} → {percent(b)}",
            f"{100 * (b - a):+.1f} points",
            delta_color="inverse" if less else "normal",
            help="Of all pictures together: mIoU is the mean over background and classes; FP and FN are shares of "
            "the union of map and object, means over classes, so that IoU + FP + FN = 100 % for each class.",
        )


def bootstrap(view: View, a: int | None = None, b: int | None = None) -> dict[str, float]:
    """mIoU of B over A with its 95 % interval over pictures, at the page's threshold or at two others."""
    ours, theirs = view.areas("B", b), view.areas("A", a)
    return gain_of_areas([ours], [theirs])


def gain_words(a: str, b: str, threshold: float, gain: dict[str, float], pictures: int) -> str:
    """What the change is, and whether it can be told from chance."""
    mean, low, high = (100 * gain[key] for key in ("mean", "low", "high"))
    start = f"At the threshold {threshold:.2f}, **{plain(b)}** scores **{signed(mean)} points** of mIoU"
    start += f" against **{plain(a)}**"
    where = f"{pictures} pictures"
    if pictures < 2:
        return f"{start}; a single picture says nothing about others."
    if mean == low == high == 0:
        return f"{start}: on these {where} the two are the same."
    if pictures < FEW:
        return f"{start}; {where} are too few for an interval."
    interval = f"95 % bootstrap interval over the {where}: {signed(low)} … {signed(high)}"
    if low <= 0 <= high:
        return f"{start} ({interval}): the interval contains 0, so this is **no proof of a {'gain' if mean > 0 else 'loss'}**."
    return f"{start} ({interval}): the interval does not contain 0, a **{'gain' if mean > 0 else 'loss'}**."


def signed(points: float) -> str:
    """A change in points with its sign and one digit."""
    return f"{points:+.1f}".replace("-", "−")


def percent(value: float) -> str:
    """A fraction as percent with one digit; a dash where it is not defined."""
    return "–" if np.isnan(value) else f"{100 * value:.1f}"


def _points(gain: dict[str, float], few: bool) -> str:
    mean, low, high = (100 * gain[key] for key in ("mean", "low", "high"))
    return f"{signed(mean)} points" + ("" if few else f" ({signed(low)} … {signed(high)})")
