"""When does ReCAM help? The map over three knobs of the scenes, as it was measured; a click opens a point."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from recam_core import CamResult, Evidence, HeatmapOptions, UserError, class_curves, read_out
from recam_core.experiments.findings import read_study
from recam_core.experiments.study.when_maps import WhenMaps, when_picture
from recam_core.networks.readouts import READOUTS, readout_label, recam_readouts
from recam_core.records import SCALE_NAMES
from ui.components.heatview import heat_view
from ui.components.heatview.maps import heat_payload
from ui.compute import payloads
from ui.compute.engine import brief_turn
from ui.session.link import heat_settings
from ui.widgets.escaping import plain
from ui.widgets.truth import class_truth

PART = "scenes-when"
TITLES = {"body_contrast": "the body’s pattern", "radius": "objects", "together": "classes occur together"}
WORDS = {
    "body_contrast": ("quiet", "as bundled", "loud"),
    "radius": ("small", "as bundled", "large"),
    "together": ("never on purpose", "as bundled", "often"),
}
ORANGE_TO_PURPLE = [[0.0, "#b35806"], [0.25, "#f1a340"], [0.5, "#f7f7f7"], [0.75, "#998ec3"], [1.0, "#542788"]]


@st.fragment
def show_when() -> None:
    """The chart of gains, and below it the point that was clicked."""
    st.markdown("#### When does ReCAM help?", anchors=False)
    study = read_study(PART)
    if study is None:
        st.info(f"This was not measured here yet: run python -m recam_core study {PART}.", icon=":material/info:")
        return
    st.markdown(
        "The drawn scenes have knobs. Three of them, three values each: how quiet the **body** is against the telling "
        "parts, how large **objects** are, and how often classes that are easily mistaken **occur together**. At each of "
        "the 27 points a small network was trained anew. Colour is what ReCAM gains or loses."
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        readout = str(
            st.segmented_control(
                "Readout",
                [name for name in recam_readouts() if name in study["readouts"]],
                default="w",
                required=True,
                key="when-readout",
                format_func=readout_label,
            )
        )
        names = [f"{weight:g}" for weight in study["lambdas"]]
        weight = str(
            st.segmented_control(
                "λ", names, default=names[0], required=True, key="when-lambda", help="The paper’s two: 0.1 and 1."
            )
        )
        over = str(
            st.segmented_control(
                "Compared with",
                ["over_cam", "over_control"],
                default="over_cam",
                required=True,
                key="when-over",
                format_func={"over_cam": "CAM", "over_control": "the control"}.__getitem__,
                help="CAM is the network before stage 2. The control is w after the same stage 2 without the softmax loss: what "
                "exceeds CAM but not the control cannot be credited to SCE.",
            )
        )
    chart = st.plotly_chart(
        gain_chart(study, readout, weight, over),
        key="when-chart",
        on_select="rerun",
        selection_mode="points",
        config={"displayModeBar": False},
    )
    st.markdown(summary(study, readout, weight, over))
    st.caption(
        f"`{study['command']}`, {study['date']}, {study['device']}, one seed; {study['sizes']['train']} scenes of "
        f"{study['side']} × {study['side']} pixels, thresholds from {study['sizes']['val']} others, scored on "
        f"{study['sizes']['test']}. All trainings and figures of a point took at most "
        f"{max(row['processor_seconds'] for row in study['rows']):.0f} s of one processor core. Bold: the 95 % bootstrap "
        "interval over the pictures does not contain 0; what training again would change is not in it. Click a square to "
        "open it."
    )
    points = chart.selection.points if chart else []
    number = int(points[0]["customdata"][0]) if points else _middle(study)
    _show_point(study, study["rows"][number], weight, readout)


def _middle(study: Mapping[str, Any]) -> int:
    return next(i for i, row in enumerate(study["rows"]) if _place(study, row) == (1, 1, 1))


def _place(study: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[int, ...]:
    """Which of its three values every knob has at a point."""
    return tuple(study["knobs"][name].index(row["knobs"][name]) for name in study["knobs"])


def gain_chart(study: Mapping[str, Any], readout: str, weight: str, over: str) -> go.Figure:
    """Three squares of nine points, one an object size; colour and number are the gain in points of mIoU."""
    rows = study["rows"]
    gains = [row["readouts"][weight][readout][over] for row in rows]
    places = [_place(study, row) for row in rows]
    largest = max(1.0, *(abs(100 * gain["mean"]) for gain in gains))
    sure = [gain["low"] > 0 or gain["high"] < 0 for gain in gains]
    figure = go.Figure(
        go.Scatter(
            x=[4 * size + together for _, size, together in places],
            y=[body for body, _, _ in places],
            mode="markers+text",
            marker={
                "symbol": "square",
                "size": 52,
                "color": [100 * gain["mean"] for gain in gains],
                "colorscale": ORANGE_TO_PURPLE,
                "cmin": -largest,
                "cmax": largest,
                "line": {"width": 1, "color": "#999999"},
                "colorbar": {"title": {"text": "points"}, "thickness": 12},
            },
            text=[
                f"<b>{_signed(gain)}</b>" if certain else _signed(gain)
                for gain, certain in zip(gains, sure, strict=True)
            ],
            textfont={"color": ["#ffffff" if abs(100 * gain["mean"]) > 0.7 * largest else "#1d2330" for gain in gains]},
            customdata=[[i] for i in range(len(rows))],
            hovertext=[_hover(study, row, weight, readout, gain) for row, gain in zip(rows, gains, strict=True)],
            hoverinfo="text",
        )
    )
    ticks = [4 * size + together for size in range(3) for together in range(3)]
    figure.update_layout(
        height=330,
        margin={"l": 10, "r": 10, "t": 34, "b": 10},
        xaxis={
            "title": TITLES["together"],
            "tickvals": ticks,
            "ticktext": [*("never", "as bundled", "often")] * 3,
            "range": [-0.6, 10.6],
            "showgrid": False,
            "zeroline": False,
        },
        yaxis={
            "title": TITLES["body_contrast"],
            "tickvals": [0, 1, 2],
            "ticktext": WORDS["body_contrast"],
            "range": [-0.6, 2.6],
            "showgrid": False,
            "zeroline": False,
        },
        dragmode=False,
        clickmode="event+select",
    )
    for size, words in enumerate(WORDS["radius"]):
        figure.add_annotation(x=4 * size + 1, y=1.1, yref="paper", text=f"{TITLES['radius']}: {words}", showarrow=False)
    return figure


def _signed(gain: Mapping[str, float]) -> str:
    return f"{100 * gain['mean']:+.1f}".replace("-", "−")


def _hover(
    study: Mapping[str, Any], row: Mapping[str, Any], weight: str, readout: str, gain: Mapping[str, float]
) -> str:
    figures = row["readouts"][weight]
    low, high = (f"{100 * gain[key]:+.1f}".replace("-", "−") for key in ("low", "high"))
    return (
        f"{_words(study, row)}<br>CAM {100 * figures['cam']['miou']:.1f}, {READOUTS[readout].label} "
        f"{100 * figures[readout]['miou']:.1f} mIoU<br>{_signed(gain)} ({low} … {high})"
    )


def _words(study: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    places = _place(study, row)
    return ", ".join(f"{TITLES[name]} {WORDS[name][place]}" for name, place in zip(study["knobs"], places, strict=True))


def summary(study: Mapping[str, Any], readout: str, weight: str, over: str) -> str:
    """How often it gains and how often it loses, in one sentence, with the extremes."""
    gains = [row["readouts"][weight][readout][over] for row in study["rows"]]
    up, down = sum(gain["low"] > 0 for gain in gains), sum(gain["high"] < 0 for gain in gains)
    best, worst = (pick(gains, key=lambda gain: float(gain["mean"])) for pick in (max, min))
    other = "CAM" if over == "over_cam" else "the control"
    return (
        f"Against {other}, **{READOUTS[readout].label}** with λ = {weight} gains at {up} of {len(gains)} points, "
        f"loses at {down}, and at {len(gains) - up - down} the interval contains 0; from {_signed(worst)} to "
        f"{_signed(best)} points."
    )


def _show_point(study: Mapping[str, Any], row: Mapping[str, Any], weight: str, readout: str) -> None:
    st.markdown(f"**The point**: {_words(study, row)}; λ = {weight}")
    shown = range(len(row["maps"][weight]))
    chosen = st.segmented_control(
        "Test picture", shown, default=0, required=True, key="when-picture", format_func=lambda i: f"{i + 1}"
    )
    i = int(chosen or 0)
    try:
        _show_maps(when_picture(study, row, weight, i), study["readouts"], f"{study['split']} {i + 1}")
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
    st.caption("Of the maps only the shape was kept, so their peaks are all about 1 here.")
    st.dataframe(_numbers(row["readouts"][weight]), hide_index=True)
    st.caption(
        f"mIoU, FP and FN in percent on {study['sizes'][study['split']]} scenes; in brackets the 95 % interval. BCE in the "
        f"last epoch of stage 1 was {row['bce']:.2f}; a classifier that always gave the share of each class would have "
        f"{row['bce_of_chance']:.2f}."
    )


def _show_maps(stored: WhenMaps, readouts: Sequence[str], name: str) -> None:
    evidence = Evidence(
        picture=stored.picture,
        classes=stored.classes,
        scores=stored.scores,
        scale_maps={readout: (maps,) for readout, maps in zip(readouts, stored.maps, strict=True)},
        options=HeatmapOptions(),
        device="",
        seconds=0.0,
        backbone_passes=0,
    )
    truth, known = class_truth(stored.mask, stored.picture.shape[:2], stored.labels)
    with brief_turn():
        results: list[CamResult] = [read_out(evidence, readout, list(stored.classes)) for readout in readouts]
        curves = {scale: [class_curves(result, truth, scale, known) for result in results] for scale in SCALE_NAMES}
    heat_view(
        payloads.put(heat_payload(results, curves, name, truth)),
        key="when-heat",
        initial=st.session_state.get("heat_settings") or heat_settings(),
    )


def _numbers(table: Mapping[str, Any]) -> Sequence[dict[str, str]]:
    rows = []
    for name, figures in table.items():
        gain = figures["over_cam"]
        low, high = (f"{100 * gain[key]:+.1f}".replace("-", "−") for key in ("low", "high"))
        rows.append(
            {
                "readout": READOUTS[name].label if name in READOUTS else "control: λ = 0",
                **{title: f"{100 * figures[key]:.1f}" for title, key in (("mIoU", "miou"), ("FP", "fp"), ("FN", "fn"))},
                "over CAM": "–" if name == "cam" else f"{_signed(gain)} ({low} … {high})",
            }
        )
    return rows
