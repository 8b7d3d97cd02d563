"""mIoU, FP and FN of every kept map at every threshold, the best points, and where the slider stands."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from recam_core.evaluation.store import Curves
from recam_core.evaluation.store.map_names import is_baseline, map_label, refiner_of
from ui.errors.headline import percent
from ui.errors.sides import View, map_colour
from ui.widgets.escaping import as_html, plain

TITLES = {"miou": "mIoU", "fp": "FP: wrongly claimed", "fn": "FN: missed"}


def show_curves(view: View) -> None:
    """Three charts; the two sides are thick, the other maps of their evaluations thin."""
    lines = drawn_maps(view)
    for column, (name, title) in zip(st.columns(3), TITLES.items(), strict=True):
        column.plotly_chart(
            _chart(view, lines, name, title), key=f"errors-curve-{name}", config={"displayModeBar": False}
        )
    best = {plain(side.label): side.curves for side in view.both.values()}
    words = [
        f"{label} {percent(float(c.miou[c.best]))} % at {view.a.store.thresholds[c.best]:.2f}"
        for label, c in best.items()
    ]
    st.caption(
        f"Best mIoU: {', '.join(words)} (the rings). The dotted line is the threshold of the slider. "
        f"A readout with a flat top forgives a badly chosen threshold.{counted_words(view)}"
    )


def counted_words(view: View) -> str:
    """Of how many pictures the curves are, where the two evaluations have not counted the same ones."""
    a, b = (int(side.store.counted.sum()) for side in view.both.values())
    if a == b == len(view.names):
        return ""
    return (
        f" The thick curves and their best points are of the {len(view.names)} pictures that both evaluations have counted; "
        f"the thin ones are of all pictures of theirs: {a} in that of A, {b} in that of B."
    )


def drawn_maps(view: View) -> list[tuple[Curves, str, str, str, int]]:
    """Curves, map, label, colour and width of every line; the sides come last, so that they lie on top."""
    sides = [(side.store, side.name) for side in view.both.values()]
    thin = [
        (
            store.curves(name),
            name,
            map_label(name) + ("" if len({id(s) for s, _ in sides}) == 1 else f" ({store.settings.model})"),
            1,
        )
        for store in dict.fromkeys(store for store, _ in sides)
        for name in store.settings.maps
        if not is_baseline(name) and (store, name) not in sides
    ]
    thick = [(side.curves, side.name, side.label, 3) for side in view.both.values()]
    return [(curves, name, label, map_colour(name), w) for curves, name, label, w in thin + thick]


def _chart(view: View, lines: list[tuple[Curves, str, str, str, int]], figure: str, title: str) -> go.Figure:
    chart = go.Figure()
    thresholds = view.a.store.thresholds
    for curves, name, label, colour, width in lines:
        values = getattr(curves, figure)
        dash = "dash" if refiner_of(name) else "solid"
        if curves is view.b.curves and view.a.colour == colour and bool(refiner_of(view.a.name)) == (dash == "dash"):
            dash = "dot"  # the same map of another evaluation
        chart.add_scatter(
            x=thresholds,
            y=values,
            name=as_html(label),
            mode="lines",
            line={"color": colour, "width": width, "dash": dash},
            hovertemplate="%{x:.2f}: %{y:.1%}",
        )
        if figure == "miou" and width > 1:
            chart.add_scatter(
                x=[thresholds[curves.best]],
                y=[values[curves.best]],
                mode="markers",
                cliponaxis=False,  # a ring at the top is whole
                marker={"symbol": "circle-open", "size": 13, "color": colour, "line": {"width": 3}},
                showlegend=False,
                hovertemplate=f"best of {as_html(label)}: %{{y:.1%}} at %{{x:.2f}}<extra></extra>",
            )
    chart.add_vline(view.threshold, line={"dash": "dot", "color": "#888888"})
    top = max((float(np.nanmax(getattr(curves, figure), initial=0)) for curves, *_ in lines), default=1)
    chart.update_layout(
        height=290,
        margin={"l": 10, "r": 10, "t": 36, "b": 10},
        title={"text": title, "font": {"size": 14}},
        xaxis={"title": "background threshold", "range": [0, 1]},
        yaxis={"tickformat": ".0%", "range": [0, top * 1.05]},
        legend={"orientation": "h", "y": -0.3},
    )
    return chart
