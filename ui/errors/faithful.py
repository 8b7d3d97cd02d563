"""Insertion and deletion curves of the opened picture: does the class's own logit hang on what a map marks?"""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from recam_core import ModelPair, UserError
from recam_core.cam.methods import map_network, map_row
from recam_core.cam.methods.results import network_of
from recam_core.evaluation.faithfulness import CurveStep, LogitCurves, logit_curves
from recam_core.evaluation.store.map_names import is_baseline, map_label, readout_of
from recam_core.networks.readouts import NETWORKS
from recam_core.system.cache import Cache
from ui.compute import engine
from ui.errors.maps import pair_of, results_of
from ui.errors.sides import View
from ui.errors.state import key
from ui.widgets.escaping import as_html, plain

STAGES = dict(zip(NETWORKS, ("stage 1", "stage 2"), strict=True))
CACHE_SIZE = 8  # pictures and classes whose curves a session remembers


def show_faithful(view: View, position: int) -> None:
    """On request: one picture, one class, every kept map; can be stopped."""
    store, number = view.a.store, int(view.a.numbers[position])
    with st.expander("Insertion and deletion", icon=":material/stacked_line_chart:"):
        st.caption(
            "Deletion: the pixels that a map marks most are painted over first; the faster the class's logit falls, the better. "
            "Insertion: they come back first into a blurred picture; the faster it rises, the better. "
            "Each map is judged by the network that it is read out of; where a model has two, compare areas within a network."
        )
        ids = store.entries[number].ids
        k = st.selectbox(
            "Class", ids, format_func=lambda k: view.classes[k], key=f"faithful-class-{view.names[position]}"
        )
        cache: Cache[tuple[dict[str, LogitCurves], dict[str, str]]] = st.session_state.setdefault(
            key("logits"), Cache(CACHE_SIZE)
        )
        place = (str(store.folder), number, k)
        judged = cache.get(place)
        if judged is None:
            if not st.button("Compute the curves", icon=":material/play_arrow:", key="faithful-start"):
                return
            try:
                cache.put(place, _compute(view, position, int(k)))
            except UserError as error:
                st.error(plain(str(error)))
                return
            st.rerun()
        _draw(*judged, view.classes[int(k)])


def judges(pair: ModelPair, names: Sequence[str]) -> dict[str, str]:
    """Which stage's network judges each map; nothing where a model has one network, which was trained in no stages of ours."""
    if len(pair.networks) < len(NETWORKS):
        return {}
    return {name: STAGES[map_network(readout_of(name))] for name in names}


def _compute(view: View, position: int, k: int) -> tuple[dict[str, LogitCurves], dict[str, str]]:
    """Curves of every kept map, and their judges, in batched passes with progress.

    A click on anything else stops them, as a rerun ends this script at its next word.
    """
    store, number = view.a.store, int(view.a.numbers[position])
    names = tuple(name for name in store.settings.maps if not is_baseline(name))
    results = results_of(store, number, names)
    pair = pair_of(store)
    row = store.entries[number].ids.index(k)
    maps = {name: result.maps[row] for name, result in zip(names, results, strict=True)}
    models = {name: network_of(pair, readout_of(name)) for name in names}
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.empty()
        st.button("Stop", icon=":material/stop_circle:", key="faithful-stop")
    curves: dict[str, LogitCurves] | None = None
    events = logit_curves(models, results[0].picture, maps, k)
    while curves is None:
        with engine.EVIDENCE.queue.take():  # a turn a batch: others get theirs in between
            event = next(events)
        if isinstance(event, CurveStep):
            bar.progress(event.done / event.total, f"{event.done} of {event.total} changed pictures")
        else:
            curves = event
    place.empty()
    return curves, judges(pair, names)


def _draw(curves: dict[str, LogitCurves], stages: dict[str, str], name: str) -> None:
    columns = st.columns(2)
    for column, kind, better in zip(columns, ("deletion", "insertion"), ("lower", "higher"), strict=True):
        chart = go.Figure()
        for map_name, lines in curves.items():
            values = getattr(lines, kind)
            chart.add_scatter(
                x=np.linspace(0, 1, len(values)),
                y=values,
                name=map_label(map_name),
                mode="lines",
                line={
                    "color": map_row(readout_of(map_name)).colour,
                    "width": 2,
                    "dash": "dash" if "-" in map_name else "solid",
                },
                hovertemplate="%{x:.0%} of the pixels: logit %{y:.2f}",
            )
        chart.update_layout(
            height=280,
            margin={"l": 10, "r": 10, "t": 36, "b": 10},
            title={"text": f"{kind}: logit of {as_html(name)} ({better} is better)", "font": {"size": 14}},
            xaxis={"title": "share of the pixels", "tickformat": ".0%"},
            legend={"orientation": "h", "y": -0.35},
        )
        column.plotly_chart(chart, key=f"faithful-{kind}", config={"displayModeBar": False})
    st.dataframe(
        [
            {
                "map": map_label(map_name),
                **({"judged by": stages[map_name]} if stages else {}),
                "deletion, area": f"{lines.areas[0]:.2f}",
                "insertion, area": f"{lines.areas[1]:.2f}",
            }
            for map_name, lines in curves.items()
        ],
        hide_index=True,
    )
