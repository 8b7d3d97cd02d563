"""What stands below and beside the heat view: exact values, curves, the method in words, the model's card."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from recam_core import (
    READOUT_LABELS,
    READOUTS,
    SCENE_CLASSES,
    CamResult,
    Evidence,
    device_name,
    sample_model,
    scaled_maps,
)
from ui.compare.maps import Shown
from ui.models.words import imported_words
from ui.widgets.escaping import as_html, plain
from ui.widgets.subject import Subject

SCALE_WORDS = {"each": "each map's own maximum", "together": "the readout's largest maximum"}
METHODS = {
    "cam": "**CAM**: $w$ of the network before any ReCAM, trained with binary cross-entropy (BCE) alone.",
    "w": "**w**: the same layer after training on with BCE + λ · SCE (softmax cross-entropy).",
    "wprime": "**w′**: the second classifier, which saw features masked by each class's own CAM.",
    "sum": "**w⊕w′**, **w⊗w′**: both weights added, or multiplied element by element.",
}
SOFTMAX_METHOD = "**CAM**: $w$ of the classifier, trained with softmax cross-entropy; its bias has no place in a map."
NUMBERS = {1: "one map", 4: "four maps", 5: "five maps"}
LINES = {"cam": "#808694", "w": "#4477aa", "wprime": "#ccbb44", "sum": "#228833", "product": "#aa3377"}


def show_pick(subject: Subject, results: Sequence[CamResult], scale: str) -> None:
    """The exact values at the position that was clicked, on the scale that is chosen."""
    sha, pick = st.session_state.get("picked", ("", None))
    if sha != subject.picture.sha256 or pick is None:
        return
    height, width = results[0].picture.shape[:2]
    x, y = min(width - 1, int(pick["x"] * width)), min(height - 1, int(pick["y"] * height))
    st.caption(
        f"At x {x}, y {y}: share of {SCALE_WORDS[scale]}, and the raw evidence in the units of the readout (in brackets)."
    )
    cells = {
        READOUT_LABELS[r.readout]: [
            f"{m[y, x]:.3f}  ({w[y, x]:.3g})" for m, w in zip(scaled_maps(r, scale), r.raw, strict=True)
        ]
        for r in results
    }
    st.dataframe(
        {"class": results[0].classes} | cells,
        hide_index=True,
        width="stretch",
    )


def show_curves(shown: Shown, settings: dict[str, Any]) -> None:
    """What lies above every threshold, per class: IoU where the truth is known, else the covered share."""
    for i, name in enumerate(shown.results[0].classes):
        rows = shown.curves[settings["scale"]]
        iou = [None if curves.iou is None or np.isnan(curves.iou[i]).all() else curves.iou[i] for curves in rows]
        measured = any(values is not None for values in iou)
        what = "IoU of {} with the true mask" if measured else "share of the picture above the threshold, {}"
        figure = go.Figure()
        for result, curves, overlap in zip(shown.results, rows, iou, strict=True):
            values = overlap if overlap is not None else curves.covered[i]
            figure.add_scatter(
                x=np.linspace(0, 1, len(values)),
                y=values,
                name=READOUT_LABELS[result.readout],
                mode="lines",
                line={"color": LINES[result.readout], "width": 2},
                hovertemplate="threshold %{x:.2f}: %{y:.0%}",
            )
        figure.add_vline(settings["threshold"], line={"dash": "dot", "color": "#888888"})
        figure.update_layout(
            height=280,
            margin={"l": 10, "r": 10, "t": 36, "b": 10},
            title={"text": what.format(as_html(name)), "font": {"size": 14}},
            xaxis={"title": "background threshold", "range": [0, 1]},
            yaxis={"tickformat": ".0%", "rangemode": "tozero"},
            legend={"orientation": "h", "y": -0.35},
        )
        st.plotly_chart(figure, key=f"curve-{i}", config={"displayModeBar": False})
    st.caption("The dotted line is the threshold chosen above.")


def caution(subject: Subject, pair: Any) -> str:
    """What to keep in mind before reading these maps: the model's own warning, or that the picture is not of its world."""
    drawn = sample_model(subject.name) == "scenes" or "drawn scene" in subject.picture.notes
    if pair.classes == SCENE_CLASSES and not drawn:
        return "This model has seen drawn scenes only; on any other picture its maps mean little. Choose photos on the left."
    return str(pair.card.get("warning") or "")


def show_method(pair: Any, evidence: Evidence) -> None:
    """How the maps were computed: formulas, settings, time; and what a heatmap does not say."""
    with st.expander("How this was computed", icon=":material/functions:"):
        left, right = st.columns(2)
        with left:
            count = len(evidence.scale_maps)
            networks = "Two networks" if count == len(READOUTS) else "One network"
            st.markdown(
                f"{networks} looked at the picture. Each map is a weighted sum of the network's features $f(x)$, "
                "with the negative part removed, divided by its own maximum:"
            )
            st.latex(
                r"M_k(x) = \mathrm{ReLU}\big(w_k^{\top} f(x)\big) \,/\, \max_x \mathrm{ReLU}\big(w_k^{\top} f(x)\big)"
            )
            methods = METHODS | ({"cam": SOFTMAX_METHOD} if evidence.activation == "softmax" else {})
            st.markdown("\n".join(f"- {methods[name]}" for name in evidence.scale_maps if name in methods))
        with right:
            options = evidence.options
            scales = ", ".join(f"{s:g}" for s in options.scales)
            mirror = "with" if options.flip else "without"
            height, width = evidence.picture.shape[:2]
            st.markdown(
                f"- working size {width} × {height} pixels\n- scales {scales}; {mirror} the mirror image\n"
                f"- {evidence.backbone_passes} backbone {'pass' if evidence.backbone_passes == 1 else 'passes'} "
                f"for {NUMBERS[count]} of "
                f"{len(evidence.classes)} classes\n"
                f"- {evidence.seconds:.2f} s on {device_name(pair.recam.device)}"
            )
            st.markdown(
                "A heatmap shows where this network finds evidence for a class under this classifier. It does not say "
                "what the network understands, and a map of a class that is not in the picture is divided by its own "
                "maximum too."
            )


def show_time(evidence: Evidence) -> None:
    """Which device worked and for how long, in a corner."""
    st.caption(
        f"{evidence.device} · {evidence.seconds:.2f} s",
        text_alignment="right",
        help="The device that computed these maps, and how long that took. Threshold, colours and "
        "classes change without computing again.",
    )


def about_model(pair: Any) -> None:
    """The model's card in short: data, training, scores."""
    card = pair.card
    training, scores = card.get("training", {}), card.get("scores", {})
    with st.popover("About this model", icon=":material/info:"):
        st.markdown(
            f"**{plain(pair.name)}** · {len(pair.classes)} classes · {pair.backbone} · sha256 `{pair.sha256[:12]}…`"
        )
        if about := card.get("about"):
            st.markdown(plain(about))
        if made := imported_words(card):
            st.caption(plain(made))
        if {"stage1_epochs", "stage2_epochs", "recam_weight", "seed"} <= set(training):
            st.caption(
                f"Stage 1: {training['stage1_epochs']} epochs of BCE. Stage 2: {training['stage2_epochs']} epochs of "
                f"BCE + {training['recam_weight']:g} · SCE. Seed {training['seed']}."
            )
        for where, measured in scores.items():
            show_scores(where, measured)
        if "measured" in card.get("walk", {}):
            show_walk(card["walk"])
        if any("seeds" in measured for measured in scores.values()):
            st.caption(
                "mIoU, FP and FN are those of these weights where nothing else is said. Over CAM: mIoU points gained, with the "
                "95 % interval of drawing the pictures again; an interval that contains 0 is no proof of a gain. The control is "
                "w after the same training without the softmax loss."
            )


def show_scores(where: str, measured: dict[str, Any]) -> None:
    """One table of a card: what was measured, on what, and how."""
    how = measured.get("how", "each readout at its best threshold")
    if seeds := measured.get("seeds"):
        how += f"; over CAM: {f'mean of {seeds} trainings' if seeds > 1 else 'one training'}"
    st.caption(f"Measured on {measured.get('pictures', 'some')} pictures of {plain(where)}, {plain(how)}:")
    rows = []
    for name, row in measured["readouts"].items():
        cells = {
            "readout": READOUT_LABELS.get(name, "control: λ = 0"),
            "mIoU": _percent(row.get("miou")),
            "at": f"{row['threshold']:.2f}",
            "FP": _percent(row.get("fp")),
            "FN": _percent(row.get("fn")),
        }
        if gain := row.get("over_cam"):
            bounds = " … ".join(f"{100 * gain[key]:+.1f}" for key in ("low", "high"))
            cells["over CAM"] = "–" if name == "cam" else f"{100 * gain['mean']:+.1f} ({bounds})"
        rows.append(cells)
    st.dataframe(rows, hide_index=True)


def show_walk(walk: dict[str, Any]) -> None:
    """What the random walk made of the maps: with the reference's settings, and with those chosen on other pictures."""
    st.caption(
        f"mIoU before and after the random walk with this model's own boundaries, {walk['pictures']} pictures of "
        f"{plain(walk['split'])}, one scale; in brackets the gain with its 95 % interval:"
    )
    titles = {"reference": "walk of the reference", "chosen": "walk chosen elsewhere"}
    st.dataframe(
        [
            {"readout": READOUT_LABELS[name], "before": _percent(row["before"])}
            | {title: f"{_percent(row[kind]['miou'])} ({_gain(row[kind]['gain'])})" for kind, title in titles.items()}
            for name, row in walk["measured"].items()
        ],
        hide_index=True,
    )


def _gain(gain: dict[str, float]) -> str:
    return f"{100 * gain['mean']:+.1f}: " + " … ".join(f"{100 * gain[key]:+.1f}" for key in ("low", "high"))


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.1f}"
