"""mIoU over λ: of the live fits, and of full training as it was measured; the same axes, so that both can be told apart."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from recam_core import Refit
from recam_core.networks.readouts import READOUTS
from recam_core.records import CAM
from ui.balance.words import untrained
from ui.widgets.ladder import as_text

Curve = Mapping[str, Sequence[tuple[float, float]]]  # readout → (λ, mIoU)


def fitted_curve(fits: Sequence[Refit]) -> Curve:
    """The points of live fits, by readout; readouts that mean nothing have none."""
    points: dict[str, list[tuple[float, float]]] = {name: [] for name in READOUTS}
    for fit in sorted((fit for fit in fits if fit.scores), key=lambda fit: fit.config.recam_weight):
        for name in points:
            if name not in untrained(fit.config):
                points[name].append((fit.config.recam_weight, fit.scores[name].miou))
    return points


def trained_curve(study: Mapping[str, Any]) -> Curve:
    """The points of full training from a result file, by readout."""
    return {
        name: [(float(row["name"]), row[name]["miou"]) for row in study["rows"] if row.get(name)] for name in READOUTS
    }


def lambda_chart(
    curve: Curve, rungs: Sequence[float], now: float | None, bounds: tuple[float, float] | None
) -> go.Figure:
    """mIoU over λ; the places of λ are evenly spaced, so that 0 has one too. ``now`` is the λ of the maps above."""
    figure = go.Figure()
    for name, points in curve.items():
        if not points:
            continue
        figure.add_scatter(
            x=[as_text(weight) for weight, _ in points],
            y=[100 * miou for _, miou in points],
            name=READOUTS[name].label,
            mode="lines" if name == CAM else "lines+markers",
            line={"color": READOUTS[name].colour, "width": 2, "dash": "dash" if name == CAM else "solid"},
            marker={"size": 7},
            hovertemplate="λ = %{x}: %{y:.1f}",
        )
    if now is not None:
        figure.add_vline(rungs.index(now), line={"dash": "dot", "color": "#888888"})
    low, high = bounds or (None, None)
    figure.update_layout(
        height=300,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={
            "title": "λ",
            "type": "category",
            "categoryorder": "array",
            "categoryarray": [as_text(rung) for rung in rungs],
            "range": [-0.4, len(rungs) - 0.6],
        },
        yaxis={"title": "mIoU, %", "range": None if low is None else [low, high]},
        legend={"orientation": "h", "y": -0.3},
    )
    return figure


def common_bounds(*curves: Curve) -> tuple[float, float] | None:
    """Limits of an axis that holds all the points, in percent."""
    values = [100 * miou for curve in curves for points in curve.values() for _, miou in points]
    if not values:
        return None
    room = max(1.0, 0.08 * (max(values) - min(values)))
    return min(values) - room, max(values) + room
