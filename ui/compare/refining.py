"""How a refiner changes a map, step after step, in the player."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import streamlit as st

from recam_core import REFINERS, CamResult, Evidence, ModelPair, Subject, WalkStep, read_out
from recam_core.cam.methods import is_method, map_row, map_title
from recam_core.cam.methods.results import method_results
from recam_core.images.visualise import jpeg_bytes
from recam_core.records import EMPTY_TEXT
from recam_core.refiners.subject import with_raw
from ui.components.heatview.maps import labelled
from ui.components.player import DEFAULTS, player, stream_store
from ui.components.player.frame import Frame, heat_layer, shares, shares_chart
from ui.components.player.frame_stream import FrameStream
from ui.compute.engine import EVIDENCE

RUN = "refining-run"


@dataclass(frozen=True, eq=False)
class Refining:
    """A run of a refiner that is shown, and the ``key`` of what it was made of."""

    key: Any
    stream: FrameStream


def show_refining(
    refiner: str,
    key: Any,
    evidence: Evidence,
    pair: ModelPair,
    classes: Sequence[str],
    names: Sequence[str],
    settings: dict[str, Any],
    truth: np.ndarray | None,
) -> None:
    """One map of one class before, between and after its steps; made when somebody asks. ``truth`` is as for curves."""
    left, right = st.columns(2)
    with left:
        name = str(st.selectbox("Map", names, key="refining-map", format_func=map_title))
    with right:
        chosen = str(st.selectbox("Class", classes, key="refining-class"))
    own = None if truth is None else truth[classes.index(chosen)][None]
    wanted, run = (key, refiner, name, chosen, own is None), st.session_state.get(RUN)
    if run is None or run.key != wanted:
        if not st.button("Show the steps", icon=":material/play_arrow:"):
            return
        if run is not None:
            run.stream.stop()
        run = Refining(wanted, _start(refiner, evidence, pair, name, chosen, own))
        st.session_state[RUN] = run
    stream_store.put(run.stream)  # in case others' runs took its place
    painted = {field: settings[field] for field in DEFAULTS if field in settings}
    player([run.stream], key="refining", initial=painted | {"speed": 2})


def _start(
    refiner: str, evidence: Evidence, pair: ModelPair, name: str, chosen: str, truth: np.ndarray | None
) -> FrameStream:
    options = REFINERS[refiner].defaults(pair)
    title = f"{labelled(name, chosen)}, {REFINERS[refiner].label}"
    stream = FrameStream(
        _about(evidence, name, title, asdict(options), truth is not None), jpeg_bytes(evidence.picture, 85), 1
    )

    def frames() -> Generator[Frame]:
        before = (
            method_results(evidence, pair, [name], [chosen])[0]
            if is_method(name)
            else read_out(evidence, name, [chosen])
        )
        subject = Subject(pair, evidence, (chosen,), (name,), (before,))
        for step in REFINERS[refiner].steps(subject, options):
            if isinstance(step, WalkStep):
                stream.total = step.steps + 1
                yield _frame(before, step, truth, first=not stream.made)

    stream.start(frames, EVIDENCE.queue)
    return stream


def _frame(before: CamResult, step: WalkStep, truth: np.ndarray | None, *, first: bool) -> Frame:
    """The map after a step, and with the first one the map as it was."""
    results = {"map": with_raw(before, step.maps)} | ({"start": before} if first else {})
    return Frame(
        label=f"step {step.t}",
        layers={key: heat_layer(np.minimum(result.grid[0], 1), 1.0) for key, result in results.items()},
        values={},
        curves={key: shares(result, truth) for key, result in results.items()},
        first=first,
    )


def _about(evidence: Evidence, name: str, title: str, options: Mapping[str, Any], has_truth: bool) -> dict[str, Any]:
    """What the player is told of the map ``name``: panels, the chart and the title."""
    height, width = evidence.picture.shape[:2]
    empty = {"empty": EMPTY_TEXT}
    unit = "divided by its own maximum"
    return {
        "title": title,
        "many": "maps",
        "settings": [[name, str(value)] for name, value in options.items()],
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
            {"layer": "map", "kind": "heat", "label": "refined", "title": unit, "help": "After t steps.", **empty},
            {
                "layer": "map",
                "kind": "above",
                "label": "mask",
                "title": "above the threshold",
                "help": "Where the map exceeds the threshold after t steps.",
                "empty": "",
            },
        ],
        "charts": [
            shares_chart(
                has_truth,
                map_row(name).colour,
                {"map": ("refined", "after t steps"), "start": ("before", "the map as it is")},
                step="t",
                first=0,
            )
        ],
    }
