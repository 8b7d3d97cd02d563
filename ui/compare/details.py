"""What stands below and beside the heat view: exact values, curves, the method in words, time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from recam_core import CamResult, Evidence, ModelPair
from recam_core.cam.methods import map_row, map_title
from recam_core.cam.scales import scaled_maps
from recam_core.networks.readouts import READOUTS
from recam_core.records import CAM
from recam_core.system.device import device_name
from ui.compare.maps import Shown
from ui.widgets.escaping import as_html
from ui.widgets.subject import Subject
from ui.widgets.unfolding import unfolds

SCALE_WORDS = {"each": "each map's own maximum", "together": "the readout's largest maximum"}
SOFTMAX_METHOD = "$w$ of the classifier, trained with softmax cross-entropy; its bias has no place in a map."
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


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
        map_title(r.readout): [
            f"{m[y, x]:.3f}  ({w[y, x]:.3g})" for m, w in zip(scaled_maps(r, scale), r.raw, strict=True)
        ]
        for r in results
    }
    st.dataframe(
        {"class": results[0].classes} | cells,
        hide_index=True,
        width="stretch",
    )


@unfolds("Curves", ":material/show_chart:")
def show_curves(shown: Shown, settings: dict[str, Any]) -> None:
    """Curves over the threshold, per class, and where maps are cut: IoU where the truth is known, else the covered share."""
    same, cuts = settings["rule"] == "same", shown.cuts(settings)
    for i, name in enumerate(shown.results[0].classes):
        rows = shown.curves[settings["scale"] if same else "each"]
        iou = [None if curves.iou is None or np.isnan(curves.iou[i]).all() else curves.iou[i] for curves in rows]
        measured = any(values is not None for values in iou)
        what = "IoU of {} with the true mask" if measured else "share of the picture above the threshold, {}"
        figure = go.Figure()
        for result, curves, overlap in zip(shown.results, rows, iou, strict=True):
            values = overlap if overlap is not None else curves.covered[i]
            figure.add_scatter(
                x=np.linspace(0, 1, len(values)),
                y=values,
                name=map_title(result.readout),
                mode="lines",
                line={"color": map_row(result.readout).colour, "width": 2},
                hovertemplate="threshold %{x:.2f}: %{y:.0%}",
            )
            if not same:
                figure.add_scatter(
                    x=[cuts[result.readout][i]],
                    y=[values[round(100 * cuts[result.readout][i])]],
                    mode="markers",
                    marker={
                        "symbol": "circle-open",
                        "size": 11,
                        "color": map_row(result.readout).colour,
                        "line": {"width": 3},
                    },
                    cliponaxis=False,
                    showlegend=False,
                    hovertemplate=f"{map_title(result.readout)} is cut at %{{x:.2f}}: %{{y:.0%}}<extra></extra>",
                )
        if same:
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
    st.caption("The dotted line is the threshold chosen above." if same else "The rings are where the maps are cut.")


@unfolds("How this was computed", ":material/functions:")
def show_method(pair: ModelPair, evidence: Evidence) -> None:
    """How the maps were computed: formulas, settings, time; and what a heatmap does not say."""
    left, right = st.columns(2)
    with left:
        count = len(evidence.scale_maps)
        networks = "Two networks" if len(pair.networks) == 2 else "One network"
        st.markdown(
            f"{networks} looked at the picture. Each map is a weighted sum of the network's features $f(x)$, "
            "with the negative part removed, divided by its own maximum:"
        )
        st.latex(r"M_k(x) = \mathrm{ReLU}\big(w_k^{\top} f(x)\big) \,/\, \max_x \mathrm{ReLU}\big(w_k^{\top} f(x)\big)")
        methods = {name: READOUTS[name].help for name in evidence.scale_maps}
        if evidence.activation == "softmax" and CAM in methods:
            methods[CAM] = SOFTMAX_METHOD
        st.markdown("\n".join(f"- **{READOUTS[name].label}**: {method}" for name, method in methods.items()))
    with right:
        options = evidence.options
        scales = ", ".join(f"{s:g}" for s in options.scales)
        mirror = "with" if options.flip else "without"
        height, width = evidence.picture.shape[:2]
        st.markdown(
            f"- working size {width} × {height} pixels\n- scales {scales}; {mirror} the mirror image\n"
            f"- {evidence.backbone_passes} backbone {'pass' if evidence.backbone_passes == 1 else 'passes'} "
            f"for {NUMBERS[count] if count < len(NUMBERS) else count} {'map' if count == 1 else 'maps'} of "
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
        help="The device that computed these maps, and how long that took. Threshold, colours and "
        "classes change without computing again.",
    )
