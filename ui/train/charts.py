"""Curves of a training: losses, scores, learning rate; of one run, or of several over each other."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from recam_core.networks.readouts import READOUTS
from recam_core.records import CAM, TrainConfig
from ui.train.history import History, Steps, drawn, smoothed
from ui.widgets.escaping import as_html

COLOURS = ("#4477aa", "#c2571a", "#228833", "#aa3377", "#3aa0c0", "#bb9a22")  # of runs beside one another
DASHES = ("solid", "dash", "dot", "dashdot")
BCE, SCE, AP = "#4477aa", "#c2571a", "#808694"
HEIGHT = 230
Runs = Sequence[tuple[str, History, TrainConfig]]  # what each is called, what it said, what it was asked for


def first_epoch(stage: int, config: TrainConfig) -> int:
    """How many epochs come before a stage's first one: none before stage 2 where stage 1 was taken from another model."""
    return 0 if stage == 1 or config.stage1 else config.stage1_epochs


def epochs_of(steps: Steps, stage: int, config: TrainConfig) -> np.ndarray:
    """Where each step lies, in epochs through both stages, (S,)."""
    epochs = config.stage1_epochs if stage == 1 else config.stage2_epochs
    return first_epoch(stage, config) + steps.step / max(1, steps.total) * epochs


def loss_chart(runs: Runs, loss: str) -> go.Figure:
    """BCE or SCE over the epochs: every step faintly where there is one run, and smoothed."""
    figure = go.Figure()
    for number, (name, history, config) in enumerate(runs):
        several = len(runs) > 1
        colour = COLOURS[number % len(COLOURS)] if several else {"bce": BCE, "sce": SCE}[loss]
        for stage, steps in history.stages.items():
            if loss == "sce" and stage == 1:
                continue  # not trained there
            values = getattr(steps, loss)
            shown, x = drawn(len(values)), epochs_of(steps, stage, config)
            if not several:
                line = {"color": colour, "width": 1}
                _line(figure, x[shown], values[shown], "each step", line=line, opacity=0.4, hoverinfo="skip")
            mean = smoothed(values, steps.total)
            line = {"color": colour, "width": 2.5, "dash": dash(number)}
            _line(figure, x[shown], mean[shown], name, line=line, legendgroup=name)
    return _laid_out(figure, {"bce": "BCE", "sce": "SCE"}[loss], runs, legend=len(runs) > 1)


def ap_chart(runs: Runs) -> go.Figure:
    """mAP of FC1 after every epoch."""
    figure = go.Figure()
    for number, (name, history, config) in enumerate(runs):
        known = [done for done in history.validated if done.mean_ap is not None]
        y = [100 * (done.mean_ap or 0) for done in known]
        colour = COLOURS[number % len(COLOURS)] if len(runs) > 1 else AP
        _points(figure, known, config, y, name, colour, dash(number))
    return _laid_out(figure, "mAP of FC1, %", runs, legend=len(runs) > 1)


def seed_chart(runs: Runs, readout: str = "") -> go.Figure:
    """Seed mIoU after every epoch: of one run all readouts; of several that of CAM in stage 1, then that of ``readout``."""
    figure = go.Figure()
    for number, (name, history, config) in enumerate(runs):
        if len(runs) > 1:
            pairs = [(done, done.miou.get(CAM if done.stage == 1 else readout)) for done in history.validated]
            _seeds(figure, pairs, config, name, COLOURS[number % len(COLOURS)], dash(number))
            continue
        for one in READOUTS:
            pairs = [(done, done.miou.get(one)) for done in history.validated]
            _seeds(figure, pairs, config, READOUTS[one].label, READOUTS[one].colour)
    title = f"seed mIoU, %: CAM, then {READOUTS[readout].label}" if readout else "seed mIoU, %"
    return _laid_out(figure, title, runs, legend=True)


def dash(number: int) -> str:
    """How the line of a run is drawn, so that the first one shows through where others lie on it."""
    return DASHES[number % len(DASHES)]


def _seeds(figure: go.Figure, pairs: Any, config: TrainConfig, name: str, colour: str, dashed: str = DASHES[0]) -> None:
    known = [(done, value) for done, value in pairs if isinstance(value, int | float)]
    if known:
        y = [100 * value for _, value in known]
        _points(figure, [done for done, _ in known], config, y, name, colour, dashed)


def _points(
    figure: go.Figure, known: Any, config: TrainConfig, y: Sequence[float], name: str, colour: str, dashed: str
) -> None:
    x = [first_epoch(done.stage, config) + done.epoch + 1 for done in known]
    _line(
        figure, x, y, name, mode="lines+markers", line={"color": colour, "width": 2, "dash": dashed}, marker={"size": 6}
    )


def rate_chart(runs: Runs) -> go.Figure:
    """The backbone's learning rate."""
    figure = go.Figure()
    for number, (name, history, config) in enumerate(runs):
        for stage, steps in history.stages.items():
            shown, x = drawn(len(steps.rate)), epochs_of(steps, stage, config)
            line = {"color": COLOURS[number % len(COLOURS)], "width": 2, "dash": dash(number)}
            _line(figure, x[shown], steps.rate[shown], name, line=line, legendgroup=name)
    return _laid_out(figure, "learning rate of the backbone", runs, legend=len(runs) > 1)


def terms_chart(steps: Sequence[Mapping[str, Any]]) -> go.Figure:
    """The three terms of a boundary training over its steps."""
    figure = go.Figure()
    words = {"positive": "same label", "negative": "two labels", "displacement": "displacement"}
    for colour, (term, label) in zip(COLOURS, words.items(), strict=False):
        values = np.array([float(step[term]) for step in steps], float)
        shown = drawn(len(values))
        smooth = smoothed(values, len(values))
        _line(figure, shown + 1, smooth[shown], label, line={"color": colour, "width": 2})
    return _laid_out(figure, "loss of boundary branches", (), legend=True)


def _line(figure: go.Figure, x: Any, y: Any, name: str, **how: Any) -> None:
    shown = {trace.name for trace in figure.data}
    figure.add_scatter(
        x=list(x), y=list(y), name=as_html(name), showlegend=as_html(name) not in shown, **({"mode": "lines"} | how)
    )


def _show_stages(figure: go.Figure, runs: Runs) -> None:
    """A line where stage 2 begins, where all runs agree on it."""
    epochs = {first_epoch(2, config) for _, history, config in runs if 2 in history.stages}
    if len(epochs) == 1 and (start := epochs.pop()):
        line = {"dash": "dot", "color": "#888888", "width": 1}
        figure.add_vline(
            start, line=line, annotation={"text": "stage 2", "font": {"size": 11}, "y": 0, "yanchor": "bottom"}
        )


def _laid_out(figure: go.Figure, title: str, runs: Runs, *, legend: bool) -> go.Figure:
    """Axes that keep their place from the first step on: all epochs, and room for legends of several runs below."""
    _show_stages(figure, runs)
    below = len(runs) > 1
    last = max((first_epoch(2, config) + config.stage2_epochs for _, _, config in runs), default=0)
    legend_place: dict[str, Any] = {"y": 1, "yanchor": "bottom", "x": 1, "xanchor": "right", "orientation": "h"}
    if below:
        legend_place = {"y": -0.32, "orientation": "h"}
    figure.update_layout(
        height=HEIGHT + 60 * below,
        margin={"l": 10, "r": 10, "t": 34, "b": 10},
        title={"text": title, "font": {"size": 14}, "x": 0, "y": 0.98},
        xaxis={"title": {"text": "epoch" if runs else "step", "standoff": 4}, "range": [0, last] if last else None},
        yaxis={"rangemode": "tozero", "exponentformat": "power"},
        legend=legend_place,
        showlegend=legend,
        uirevision="kept",  # what somebody zoomed into stays while points come
    )
    if not any(len(trace.x) for trace in figure.data):
        figure.update_yaxes(range=[0, 1], showticklabels=False)
    return figure
