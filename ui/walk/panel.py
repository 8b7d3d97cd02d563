"""The heart of the Walk page: knobs, the player, one position's heat, labels and files."""

from typing import Any

import numpy as np
import streamlit as st

from recam_core import (
    CamResult,
    Evidence,
    ModelPair,
    RandomWalkOptions,
    UserError,
    boundary_map,
    climbed_evidence,
    default_classes,
    read_out,
    walk_defaults,
)
from ui.components.heatview import DEFAULTS as HEAT_DEFAULTS
from ui.components.player import DEFAULTS, player, stream_store
from ui.compute import engine
from ui.session.climbs import Climb, finished_climb
from ui.session.link import NAMES, address, heat_settings, write_heat_settings
from ui.walk.flow import show_flow
from ui.walk.knobs import choose_boundary, choose_knobs, choose_start
from ui.walk.labels import show_labels
from ui.walk.runs import Order, Run, start_walk
from ui.walk.words import what_happened
from ui.widgets.class_choice import MAX_CLASSES, choose_class, choose_readout, classes_key
from ui.widgets.escaping import plain
from ui.widgets.subject import Subject, linked_classes
from ui.widgets.truth import known_truth
from ui.widgets.unfolding import unfolds

RUN, SETTINGS, PICKED = "walk-run", "walk-settings", "walk-picked"
HELP = "Heat of this class walks. The other classes of the Compare page walk too and compete with it in the labels."
READOUT_HELP = "Heat starts from the map that these weights read out."
BOUNDARIES: engine.TurnCache[np.ndarray] = engine.TurnCache(
    32 * 2**20, lambda boundary: boundary.nbytes, engine.EVIDENCE.queue
)


@st.fragment
def show_walk(subject: Subject, pair: ModelPair, evidence: Evidence) -> None:
    """Everything below the subject; class, knobs and the player rerun only this part."""
    with st.container(key="walk-knobs"):
        who, *knobs = st.columns([1.25, 1, 1, 1, 1], gap="medium")
    with who:
        _settle_classes(subject, evidence)
        name = choose_class(evidence, subject, HELP, with_others=True)
        readout = choose_readout(evidence, help=READOUT_HELP)
    truth, _, truth_key = known_truth(subject, evidence, [name], pair.class_ids([name]))
    try:
        with knobs[0]:
            source = choose_boundary(pair)
        options = choose_knobs(pair, knobs[1:])
        climb = finished_climb((subject.picture.sha256, pair.sha256, name, readout), evidence)
        with knobs[0]:
            origin = choose_start(climb is not None)
        who_walks = _start(subject, evidence, name, readout, climb if origin == "climb" else None)
        boundary = boundaries(subject, pair, evidence, source)
        order = Order(subject.picture, pair, *who_walks, boundary, source, options, truth, truth_key, evidence.options)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    run = _run(order)
    settings = _settings()
    stream_store.put(run.stream)  # in case others' runs took its place
    best = min(walk_defaults(pair).steps, options.steps)
    view = player([run.stream], key="walk", initial=settings, listens=("at", "picked"), rest=best)
    if view.settings:
        settings = settings | view.settings
        st.session_state[SETTINGS] = settings
        painted = st.session_state["heat_settings"]
        st.session_state["heat_settings"] = painted | {n: settings[n] for n in settings if n in HEAT_DEFAULTS}
    write_heat_settings(HEAT_DEFAULTS | {name: settings[name] for name in NAMES if name in settings})
    if view.picked:
        st.session_state[PICKED] = (subject.picture.sha256, view.picked)
    if run.stream.running or not run.shares:
        st.caption("Labels and files come when the walk has ended; a click on a map then shows where its heat goes.")
        return
    t = min(best, len(run.shares) - 1)
    if view.at and view.at["id"] == run.stream.id:
        t = min(int(view.at["index"]), len(run.shares) - 1)
    _below(run, subject, evidence, t, settings)


def _settle_classes(subject: Subject, evidence: Evidence) -> None:
    """The classes that walk are those of the Compare page; who comes here first finds what Compare would begin with."""
    if not st.session_state.get(classes_key(subject)):
        linked = [name for name in linked_classes(subject) if name in evidence.classes]
        st.session_state[classes_key(subject)] = (linked or default_classes(evidence))[:MAX_CLASSES]


def _start(subject: Subject, evidence: Evidence, name: str, readout: str, climb: Climb | None) -> tuple[CamResult, str]:
    """The start maps, the class that is looked at first and those that compete with it, and where they come from."""
    classes, origin = [name], "map"
    if climb is None:
        chosen = st.session_state[classes_key(subject)]
        classes = [name, *(other for other in chosen if other != name)][:MAX_CLASSES]
    else:
        evidence = climbed_evidence(climb.order.before, climb.steps, climb.order.options.result)
        origin = f"climb {climb.stream.id[:8]}"
    with engine.brief_turn():
        return read_out(evidence, readout, classes), origin


def boundaries(subject: Subject, pair: ModelPair, evidence: Evidence, source: str) -> np.ndarray:
    """The boundary map of the picture, from memory where somebody asked before."""
    key = (subject.picture.sha256, pair.sha256, evidence.options.long_side, source)
    return BOUNDARIES.get(key, lambda: boundary_map(pair, evidence.picture, source))


def _run(order: Order) -> Run:
    """The walk that is asked for: the one that is there, or a new one in its place."""
    before: Run | None = st.session_state.get(RUN)
    if before is not None and before.order.key == order.key:
        return before
    if before is not None:
        before.stream.stop()
    run = start_walk(order, engine.EVIDENCE.queue)
    st.session_state[RUN] = run
    return run


def _settings() -> dict[str, Any]:
    """How the player paints: as the heat view does where both can; a walk is played faster than a climb."""
    painted = st.session_state.setdefault("heat_settings", heat_settings())
    own = st.session_state.get(SETTINGS, {"speed": 32})
    return DEFAULTS | own | {name: painted[name] for name in painted if name in DEFAULTS}


def _below(run: Run, subject: Subject, evidence: Evidence, t: int, settings: dict[str, Any]) -> None:
    """What happened, the position that was clicked, labels and the link; once the walk has ended."""
    sentences = what_happened(run.begin, run.shares, t, settings["threshold"])
    st.markdown(" ".join(sentences))
    sha, spot = st.session_state.get(PICKED, ("", None))
    if spot and sha == subject.picture.sha256:
        show_flow(run.order, spot, t, settings["palette"])
    else:
        st.caption(
            "Click a position in one of the maps to see its neighbours, and where its heat goes to and comes from."
        )
    link = address()
    show_labels(run.order, subject, evidence, t, settings, link)
    with st.popover("Link to this view", icon=":material/link:"):
        st.caption("Picture, model, class, readout, boundaries, knobs and threshold are all in the address.")
        st.code(link, language=None, wrap_lines=True)


@unfolds("How this is computed", ":material/functions:")
def show_method() -> None:
    """How a walk is computed, in formulas with the symbols of the knobs."""
    reference = RandomWalkOptions()
    left, right = st.columns(2)
    with left:
        st.markdown("Heat walks between neighbours, as in IRN (Ahn et al., CVPR 2019):")
        st.latex(
            r"a_{ij} = 1 - \max_{k \in \Pi_{ij}} B_k, \qquad T_{ij} = a_{ij}^{\beta} \Big/ \sum_{j'} a_{ij'}^{\beta}"
        )
        st.latex(r"\mathrm{vec}(M_t) = T^{\,t} \cdot \mathrm{vec}\big(M \odot (1 - B)\big)")
    with right:
        st.markdown(
            "- $\\Pi_{ij}$ is the line between two positions; one bright $B$ on it keeps them apart\n"
            "- every step replaces a value by the weighted mean of its neighbours; a constant map stays as it is\n"
            "- learned boundaries come from this model’s own seeds: nothing should part one label, something two; nobody "
            "drew a mask\n"
            f"- the reference: radius {reference.radius}, β = {reference.beta:g}, t = {reference.steps} = 2⁸\n"
            "- the grid has a position every four pixels; $T$ is sparse and never squared"
        )
