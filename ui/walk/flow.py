"""One position of the walk: how close its neighbours are, where its heat goes, and where the heat at it comes from."""

from typing import Any

import cv2
import numpy as np
import plotly.graph_objects as go
import streamlit as st

from recam_core.images.visualise import overlay
from recam_core.records.names import percent
from ui.compute.engine import brief_turn
from ui.walk.runs import Order

WHY = (
    "The two differ because every position takes the weighted mean of its neighbours: one that is walled in, or at the rim, has "
    "few of them and listens to itself, while one in the open listens to many. Weighted by the sums of their affinities they "
    "are the same vector, so one walk gives both."
)


def show_flow(order: Order, spot: dict[str, Any], t: int, palette: str) -> None:
    """Three pictures for the position that was clicked, at the t that is shown."""
    row, column = grid_position(order, spot)
    with brief_turn():
        affinities = order.walk.affinities(row, column)
        flow = order.walk.flow(row, column, t)
    height, width = order.boundary.shape
    here = f"B here {order.boundary[row, column]:.2f}"
    st.markdown(f"**Column {column} of {width}, row {row} of {height}** of the grid; {here}")
    first, second, third = st.columns(3)
    with first:
        st.plotly_chart(_window(affinities, row, column, order.options.radius), key="walk-affinities")
        near = int((affinities > 0.5).sum()) - 1
        of = int((affinities > 0).sum()) - 1
        st.caption(
            f"**Affinity** of its neighbours: 1 − the largest B on the way. {near} of {of} reachable ones are above 0.5."
        )
    with second:
        st.image(_heat(order, flow.comes_from, row, column, palette), alt="Where its heat comes from", width="stretch")
        st.caption(
            f"**Where its heat at t = {t} comes from.** The weights sum to 1; the brightest is {flow.comes_from.max():.2g}. "
            f"Half of them lie on {percent(half_area(flow.comes_from), 1)} of the picture."
        )
    with third:
        st.image(_heat(order, flow.goes_to, row, column, palette), alt="Where its own heat goes", width="stretch")
        st.caption(
            f"**Where its own heat goes by t = {t}.** Its weight in every other position; the brightest is "
            f"{flow.goes_to.max():.2g}, all together {flow.goes_to.sum():.2f}."
        )
    st.caption(WHY)


def grid_position(order: Order, spot: dict[str, Any]) -> tuple[int, int]:
    """Row and column of the grid under a click, which comes as shares of width and height."""
    height, width = order.boundary.shape
    return min(height - 1, int(spot["y"] * height)), min(width - 1, int(spot["x"] * width))


def half_area(weights: np.ndarray) -> float:
    """The smallest share of all positions that holds half of the weight."""
    ordered = np.sort(weights.ravel())[::-1].cumsum()
    half = ordered[-1] * (0.5 - 1e-6)  # what rounding takes from a sum is no position more
    return float(np.searchsorted(ordered, half) + 1) / weights.size


def _heat(order: Order, weights: np.ndarray, row: int, column: int, palette: str) -> np.ndarray:
    """Weights (h, w) over the picture, to their own maximum, with a ring around the position."""
    height, width = order.start.picture.shape[:2]
    values = np.clip(weights / max(float(weights.max()), 1e-12), 0, 1).astype(np.float32)
    large = cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)
    picture = np.ascontiguousarray(overlay(order.start.picture, np.clip(large, 0, 1), palette, 0.75))
    h, w = weights.shape
    centre = (int((column + 0.5) / w * width), int((row + 0.5) / h * height))
    reach = max(4, min(height, width) // 40)
    cv2.circle(picture, centre, reach, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.circle(picture, centre, reach, (255, 255, 255), 1, cv2.LINE_AA)
    return picture


def _window(affinities: np.ndarray, row: int, column: int, radius: int) -> go.Figure:
    reach = radius - 1
    rows = range(max(0, row - reach), min(affinities.shape[0], row + reach + 1))
    columns = range(max(0, column - reach), min(affinities.shape[1], column + reach + 1))
    figure = go.Figure(
        go.Heatmap(
            z=affinities[rows.start : rows.stop, columns.start : columns.stop],
            x=list(columns),
            y=list(rows),
            zmin=0,
            zmax=1,
            colorscale="Viridis",
            xgap=1,
            ygap=1,
            colorbar={"thickness": 10, "len": 0.9, "tickvals": [0, 0.5, 1]},
            hovertemplate="column %{x}, row %{y}: %{z:.2f}<extra></extra>",
        )
    )
    figure.add_scatter(
        x=[column], y=[row], mode="markers", marker={"symbol": "circle-open", "size": 14, "color": "white"},
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.update_layout(
        height=260,
        margin={"l": 6, "r": 6, "t": 6, "b": 6},
        xaxis={"visible": False, "constrain": "domain"},
        yaxis={"visible": False, "autorange": "reversed", "scaleanchor": "x"},
    )
    return figure
