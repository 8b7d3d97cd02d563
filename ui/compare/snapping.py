"""How maps snap to the edges of the picture: PAMR, iteration after iteration, in the player."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from recam_core import CamResult, Evidence, ModelPair, read_out
from recam_core.cam.methods import is_method, map_title
from recam_core.cam.methods.results import method_results
from recam_core.images.visualise import jpeg_bytes
from recam_core.records import EMPTY_TEXT
from recam_core.refiners.pamr.refiner import PamrOptions, snapping
from ui.components.heatview.maps import labelled
from ui.components.player import DEFAULTS, player, stream_store
from ui.components.player.frame import Frame, heat_layer, shares, shares_chart
from ui.components.player.frame_stream import FrameStream
from ui.compute.engine import EVIDENCE

RUN = "snapping-run"


@dataclass(frozen=True, eq=False)
class Snapping:
    """A run of PAMR that is shown, and the ``key`` of what it was made of."""

    key: Any
    stream: FrameStream


def show_snapping(
    key: Any,
    evidence: Evidence,
    pair: ModelPair,
    classes: Sequence[str],
    names: Sequence[str],
    settings: dict[str, Any],
    truth: np.ndarray | None,
) -> None:
    """One map of one class before, between and after its iterations; made when somebody asks. ``truth`` is as for curves."""
    left, right = st.columns(2)
    with left:
        name = str(st.selectbox("Map", names, key="snapping-map", format_func=map_title))
    with right:
        chosen = str(st.selectbox("Class", classes, key="snapping-class"))
    own = None if truth is None else truth[classes.index(chosen)][None]
    asked, run = (key, name, chosen, own is None), st.session_state.get(RUN)
    if run is None or run.key != asked:
        if not st.button("Show the iterations", icon=":material/play_arrow:"):
            return
        if run is not None:
            run.stream.stop()
        run = Snapping(asked, _start(evidence, pair, name, chosen, own))
        st.session_state[RUN] = run
    stream_store.put(run.stream)  # in case others' runs took its place
    painted = {field: settings[field] for field in DEFAULTS if field in settings}
    player([run.stream], key="snapping", initial=painted | {"speed": 2})


def _start(evidence: Evidence, pair: ModelPair, name: str, chosen: str, truth: np.ndarray | None) -> FrameStream:
    def start() -> CamResult:
        return (
            method_results(evidence, pair, [name], [chosen])[0]
            if is_method(name)
            else read_out(evidence, name, [chosen])
        )

    about = _about(evidence, f"{labelled(name, chosen)}, snapped to edges", truth is not None)
    options = PamrOptions()
    stream = FrameStream(about, jpeg_bytes(evidence.picture, 85), options.iterations + 1)
    stream.start(lambda: _frames(start, pair, options, truth), EVIDENCE.queue)
    return stream


def _frames(
    start: Callable[[], CamResult], pair: ModelPair, options: PamrOptions, truth: np.ndarray | None
) -> Generator[Frame]:
    for t, result in enumerate(snapping(start(), options, pair.recam.device)):
        layer, curves = heat_layer(np.minimum(result.grid[0], 1), 1.0), shares(result, truth)
        is_first = t == 0
        yield Frame(
            label=f"iteration {t}",
            layers={"start": layer, "map": layer} if is_first else {"map": layer},
            values={},
            curves={"map": curves, "start": curves} if is_first else {"map": curves},
            first=is_first,
        )


def _about(evidence: Evidence, title: str, has_truth: bool) -> dict[str, Any]:
    """What the player is told: panels, the chart and the title."""
    height, width = evidence.picture.shape[:2]
    empty = {"empty": EMPTY_TEXT}
    unit = "divided by its own maximum"
    return {
        "title": title,
        "many": "maps",
        "settings": [["iterations", str(PamrOptions().iterations)]],
        "picture": {"width": width, "height": height, "name": "picture", "type": "image/jpeg"},
        "panels": [
            {
                "layer": "start",
                "kind": "heat",
                "label": "before",
                "title": "t = 0",
                "help": "The map as it is.",
                **empty,
            },
            {"layer": "map", "kind": "heat", "label": "snapped", "title": unit, "help": "After t iterations.", **empty},
            {
                "layer": "map",
                "kind": "above",
                "label": "mask",
                "title": "above the threshold",
                "help": "Where the map exceeds the threshold after t iterations.",
                "empty": "",
            },
        ],
        "charts": [
            shares_chart(
                has_truth,
                {"map": ("snapped", "after t iterations"), "start": ("before", "the map as it is")},
                step="t",
                first=0,
            )
        ],
    }
