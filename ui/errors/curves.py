"""mIoU, FP and FN of every kept map at every threshold, the best points, and where the slider stands."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from recam_core import WALKED, Store, is_baseline, map_label
from ui.details import LINES
from ui.errors.headline import percent
from ui.errors.sides import View

TITLES = {"miou": "mIoU", "fp": "FP: wrongly claimed", "fn": "FN: missed"}


def show_curves(view: View) -> None:
    """Three charts; the two sides are thick, the other maps of their evaluations thin."""
    lines = drawn_maps(view)
    for column, (name, title) in zip(st.columns(3), TITLES.items(), strict=True):
        column.plotly_chart(
            _chart(view, lines, name, title), key=f"errors-curve-{name}", config={"displayModeBar": False}
        )
    best = {side.label: side.store.curves(side.name) for side in view.both.values()}
    words = [
        f"{label} {percent(float(c.miou[c.best]))} % at {view.a.store.thresholds[c.best]:.2f}"
        for label, c in best.items()
    ]
    st.caption(
        f"Best mIoU: {', '.join(words)} (the rings). The dotted line is the threshold of the slider. A readout with a flat top "
        "forgives a badly chosen threshold."
    )


def drawn_maps(view: View) -> list[tuple[Store, str, str, str, int]]:
    """Store, map, label, colour and width of every line; the sides come last, so that they lie on top."""
    sides = [(side.store, side.name) for side in view.both.values()]
    thin = [
        (
            store,
            name,
            map_label(name) + ("" if len({id(s) for s, _ in sides}) == 1 else f" ({store.settings.model})"),
            1,
        )
        for store in dict.fromkeys(store for store, _ in sides)
        for name in store.settings.maps
        if not is_baseline(name) and (store, name) not in sides
    ]
    thick = [(side.store, side.name, side.label, 3) for side in view.both.values()]
    return [
        (store, name, label, LINES.get(name.removesuffix(WALKED), "#808694"), w)
        for store, name, label, w in thin + thick
    ]


def _chart(view: View, lines: list[tuple[Store, str, str, str, int]], figure: str, title: str) -> go.Figure:
    chart = go.Figure()
    thresholds = view.a.store.thresholds
    for store, name, label, colour, width in lines:
        curves = store.curves(name)
        values = getattr(curves, figure)
        dash = "dash" if name.endswith(WALKED) else "solid"
        chart.add_scatter(
            x=thresholds,
            y=values,
            name=label,
            mode="lines",
            line={"color": colour, "width": width, "dash": dash},
            opacity=1 if width > 1 else 0.7,
            hovertemplate="%{x:.2f}: %{y:.1%}",
        )
        if figure == "miou" and width > 1:
            chart.add_scatter(
                x=[thresholds[curves.best]],
                y=[values[curves.best]],
                mode="markers",
                marker={"symbol": "circle-open", "size": 13, "color": colour, "line": {"width": 3}},
                showlegend=False,
                hovertemplate=f"best of {label}: %{{y:.1%}} at %{{x:.2f}}<extra></extra>",
            )
    chart.add_vline(view.threshold, line={"dash": "dot", "color": "#888888"})
    top = max((float(np.nanmax(getattr(s.curves(n), figure), initial=0)) for s, n, *_ in lines), default=1)
    chart.update_layout(
        height=290,
        margin={"l": 10, "r": 10, "t": 36, "b": 10},
        title={"text": title, "font": {"size": 14}},
        xaxis={"title": "background threshold", "range": [0, 1]},
        yaxis={"tickformat": ".0%", "range": [0, top * 1.05]},
        legend={"orientation": "h", "y": -0.3},
    )
    return chart
