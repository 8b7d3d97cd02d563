"""Class by class: what each side gets right, what it claims wrongly and misses, and who takes whose pixels."""

from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from ui.errors.gallery import ANY, show_cell
from ui.errors.headline import percent, signed
from ui.errors.sides import View
from ui.errors.state import choose, remembered, tell
from ui.widgets.escaping import as_html, plain

TABLE, MATRIX = "errors-class-table", "errors-confusion"
CELL = 34  # pixels a label takes in the matrix
SHOWN = 20  # labels of a confusion matrix at first: those with most confused pixels


def show_classes(view: View) -> None:
    """Table and chart of every class that occurs, and the confusion matrix; a click leads to the pictures."""
    rows = class_rows(view)
    st.markdown(_class_words(view, rows))
    left, right = st.columns([3, 2])
    with left:
        st.caption("Select a class to see its pictures. All figures in percent, at the threshold of the slider.")
        st.dataframe(
            [{name: value for name, value in row.items() if name != "label"} for row in rows],
            hide_index=True,
            on_select=partial(_show_class, [row["class"] for row in rows]),
            selection_mode="single-row",
            key=TABLE,
            height=min(35 * (len(rows) + 1) + 3, 600),
            column_config={
                name: st.column_config.NumberColumn(format="%.1f") for name in rows[0] if name not in ("class", "label")
            },
        )
    with right:
        st.plotly_chart(_bars(view, rows), key="errors-class-bars", config={"displayModeBar": False})
    st.caption(
        "IoU, FP (wrongly claimed) and FN (missed) are shares of the union of map and object and add up to 100 %.  "
        "Over-activation is FP / (TP + FP): which part of what the map claims is wrong."
    )
    _confusion(view)


def class_rows(view: View) -> list[dict[str, Any]]:
    """A row a class that occurs: IoU of both and the change, FP, FN and over-activation of both; percent, None undefined."""
    totals = [view.areas(letter).total() for letter in "AB"]
    share = view.areas("A").truth.sum(axis=0)
    rows = []
    for k in range(1, len(view.labels)):
        if all(np.isnan(np.asarray(total["iou"])[k]) for total in totals):
            continue
        iou = [_percent(total, "iou", k) for total in totals]
        row = {"label": k, "class": view.labels[k], "pixels %": round(100 * share[k] / max(share.sum(), 1), 2)}
        change = None if iou[0] is None or iou[1] is None else round(iou[1] - iou[0], 2)
        row |= {"IoU A": iou[0], "IoU B": iou[1], "B − A": change}
        for words, name in (("FP", "class_fp"), ("FN", "class_fn"), ("over", "over")):
            row |= {f"{words} {letter}": _percent(total, name, k) for letter, total in zip("AB", totals, strict=True)}
        rows.append(row)
    return rows


def _percent(total: dict[str, Any], name: str, k: int) -> float | None:
    value = float(np.asarray(total[name])[k])
    return None if np.isnan(value) else round(100 * value, 2)


def _class_words(view: View, rows: list[dict[str, Any]]) -> str:
    changed = sorted((row for row in rows if row["B − A"] is not None), key=lambda row: row["B − A"])
    if not changed:
        return "No class is found by both sides."
    worst, best = changed[0], changed[-1]
    if worst["B − A"] == best["B − A"] == 0:
        return "The two sides are the same on every class."
    hurt = (
        f"loses most on **{plain(worst['class'])}** ({signed(worst['B − A'])} points)"
        if worst["B − A"] < 0
        else "loses on no class"
    )
    helped = (
        f"gains most on **{plain(best['class'])}** ({signed(best['B − A'])} points)"
        if best["B − A"] > 0
        else "gains on no class"
    )
    return f"**{plain(view.b.label)}** {helped} and {hurt}, of {len(rows)} classes."


def _bars(view: View, rows: list[dict[str, Any]]) -> go.Figure:
    chart = go.Figure()
    is_twin = view.a.colour == view.b.colour
    ordered = sorted(rows, key=lambda row: row["IoU B"] or 0)[-SHOWN:]
    for name, side in (("IoU B", view.b), ("IoU A", view.a)):
        chart.add_bar(
            y=[as_html(row["class"]) for row in ordered],
            x=[row[name] for row in ordered],
            name=as_html(side.label),
            orientation="h",
            marker={"color": side.colour, "pattern": {"shape": "/" if side is view.b and is_twin else ""}},
            hovertemplate="%{y}: %{x:.1f} %",
        )
    chart.update_layout(
        height=max(260, 34 * len(ordered) + 90),
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        title={"text": "IoU, %", "font": {"size": 14}},
        legend={"orientation": "h", "y": -0.12, "traceorder": "reversed"},
        bargap=0.25,
    )
    return chart


def _confusion(view: View) -> None:
    """Who takes whose pixels: rows are the truth, columns what the map says, in percent of the row."""
    st.markdown("##### Who takes whose pixels?", anchors=False)
    letters = {letter: f"{letter} · {plain(side.label)}" for letter, side in view.both.items()}
    letter = st.segmented_control(
        "Side", list(letters), key=remembered("side", letters, "B"), format_func=letters.__getitem__, required=True
    )
    tell("side", "B")
    matrix = view.both[str(letter)].confusion(view.index)
    labels, hidden = confused_labels(matrix)
    if not labels:
        st.caption("Nothing was counted.")
        return
    st.markdown(confusion_words(matrix, view.labels))
    with st.container(key="errors-matrix"):
        st.plotly_chart(
            _squares(matrix, labels, view.labels),
            key=MATRIX,
            on_select=partial(_show_square, view.labels),
            selection_mode="points",
            width=150 + CELL * len(labels),
            config={"displayModeBar": False},
        )
    more = f" The {len(labels)} labels with most confused pixels of {len(labels) + hidden}." if hidden else ""
    st.caption(f"Percent of the true label's pixels. Click a square to see the pictures in which that happens.{more}")


def _show_class(names: list[str]) -> None:
    """A row of the table was selected: have the gallery show that class."""
    rows = st.session_state[TABLE].selection.rows
    if rows:
        show = {"of": names[rows[0]], "true": ANY, "called": ANY, "part": "pictures", "page": 1, "open": None}
        for name, value in show.items():
            choose(name, value)


def _show_square(labels: tuple[str, ...]) -> None:
    """A square of the matrix was clicked: have the gallery show where that happens."""
    points = st.session_state[MATRIX].selection.points
    if points:
        true, called = points[0]["customdata"][:2]
        show_cell(labels[int(true)], labels[int(called)])


def confused_labels(matrix: np.ndarray, most: int = SHOWN) -> tuple[list[int], int]:
    """Labels to draw, in their order, and how many that occur are left out: those with fewest confused pixels."""
    there = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
    confused = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    ranked = sorted(there, key=lambda k: (k != 0, -confused[k]))[:most]
    return sorted(int(k) for k in ranked), len(there) - len(ranked)


def confusion_words(matrix: np.ndarray, labels: tuple[str, ...]) -> str:
    """The largest theft between two classes, and what background takes and gives, in a sentence."""
    truth = np.maximum(matrix.sum(axis=1), 1)
    between = matrix.astype(float).copy()
    np.fill_diagonal(between, 0)
    between[0] = between[:, 0] = 0
    wrong, missed = matrix[0, 1:].sum() / truth[0], matrix[1:, 0].sum() / max(matrix[1:].sum(), 1)
    words = f"{percent(wrong)} % of the background is called an object, {percent(missed)} % of the objects background"
    if between.max() == 0:
        return f"{words}; no class takes pixels of another."
    t, p = np.unravel_index(between.argmax(), between.shape)
    taken = percent(between[t, p] / truth[t])
    return f"{words}; most pixels between classes: **{plain(labels[p])}** takes {taken} % of **{plain(labels[t])}**."


def _squares(matrix: np.ndarray, labels: list[int], names: tuple[str, ...]) -> go.Figure:
    rows = [
        (t, p, matrix[t, p], matrix[t, p] / max(matrix[t].sum(), 1)) for t in labels for p in labels if matrix[t, p]
    ]
    chart = go.Figure(
        go.Scatter(
            x=[names[p] for _, p, _, _ in rows],
            y=[names[t] for t, _, _, _ in rows],
            mode="markers+text",
            text=[f"{100 * share:.0f}" for *_, share in rows],
            textfont={"size": 10, "color": ["#ffffff" if share > 0.55 else "#222222" for *_, share in rows]},
            customdata=[(t, p, pixels, share) for t, p, pixels, share in rows],
            marker={
                "symbol": "square",
                "size": 22,  # also fits a phone, where nine labels have 22 pixels each
                "color": [share for *_, share in rows],
                "colorscale": "Blues",
                "cmin": 0,
                "cmax": 1,
                "line": {"width": 1, "color": "#b8bcc8"},
            },
            hovertemplate="truth %{y}, called %{x}: %{customdata[3]:.1%} of its pixels (%{customdata[2]:,})<extra></extra>",
        )
    )
    order = [names[k] for k in labels]
    chart.update_layout(
        height=140 + CELL * len(labels),
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={
            "title": "the map says",
            "categoryorder": "array",
            "categoryarray": order,
            "side": "top",
            "tickangle": -45,
        },
        yaxis={"title": "truth", "categoryorder": "array", "categoryarray": order[::-1]},
        dragmode=False,
    )
    return chart
