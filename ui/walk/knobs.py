"""What a walk starts from and its knobs: words first, symbol second, the reference's value beside each; all in the link."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from recam_core import ModelPair, RandomWalkOptions, walk_defaults
from recam_core.records import BOUNDARIES
from recam_core.refiners.random_walk.boundary import boundary_sources
from ui.session.choices import carry_over
from ui.session.link import read_choice, write
from ui.widgets.ladder import as_text, ladder

REFERENCE = RandomWalkOptions()
BETAS = (0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0, 40.0)
LAST = (4, 16, 64, 128, 256, 512, 1024)
WIDEST = 12
START = {"map": "map", "climb": "climb"}
BOUNDARY_WORDS = {"learned": "learned", "gradient": "edges"}


def choose_start(can_climb: bool) -> str:
    """The map of the readout itself, or what a climb made of it."""
    if "walk-start" not in st.session_state:
        st.session_state["walk-start"] = read_choice("start", START, "map")
    chosen = st.segmented_control(
        "Start from",
        list(START),
        key="walk-start",
        required=True,
        persist_state="session",
        format_func=START.__getitem__,
        width="stretch",
        help="Heat walks from the map of the chosen readout, or from the one that a finished AdvCAM climb of it left.",
    )
    write("start", str(chosen), "map")
    if chosen == "climb" and not can_climb:
        st.info("There is no finished climb of this picture, class and readout yet; the map itself walks until then.")
        st.page_link("../pages/explore/climb.py", label="Climb it first", icon=":material/landscape:")
        return "map"
    return str(chosen)


def choose_boundary(pair: ModelPair) -> str:
    """Which boundary map holds the heat back; a model without learned ones says how to train them."""
    sources = boundary_sources(pair)
    if st.session_state.get("walk-boundary") not in sources:
        st.session_state["walk-boundary"] = read_choice("boundary", sources, sources[0])
    chosen = st.selectbox(
        "Boundaries B",
        sources,
        key="walk-boundary",
        persist_state="session",
        format_func=BOUNDARY_WORDS.__getitem__,
        help=" · ".join(f"{BOUNDARY_WORDS[name]}: {words}" for name, words in BOUNDARIES.items()),
    )
    write("boundary", str(chosen), sources[0])
    if "learned" not in sources:
        st.caption(
            f"{pair.name} has no learned boundaries. They are trained with `python -m recam_core train-boundary "
            f"--model {pair.name} --dataset …`; until then the picture’s own edges serve."
        )
    return str(chosen)


def choose_knobs(pair: ModelPair, columns: Sequence[Any]) -> RandomWalkOptions:
    """Radius, β and the last t in three columns; raises ``UserError`` where the model's card holds nonsense."""
    best = walk_defaults(pair)
    start = replace(
        best, steps=max(best.steps, REFERENCE.steps)
    )  # a few steps may be best, but one wants to see them all
    keys = {name: f"walk-{name}-{pair.name}" for name in ("radius", "beta", "steps")}
    _read_link(keys, start)
    first, second, third = columns
    with first:
        radius = st.slider(
            "Radius",
            2,
            WIDEST,
            key=keys["radius"],
            persist_state="session",
            help="Positions nearer than this are neighbours. A position is four pixels of the working picture.",
        )
        st.caption(f"How far heat gets in one step. Reference:\u00a0{REFERENCE.radius}.")
    with second:
        beta = ladder(
            "Sharpness β",
            keys["beta"],
            (*BETAS, float(start.beta), float(REFERENCE.beta)),
            "Affinities are raised to β: the larger, the less a weak one counts. With 0 all neighbours are alike and boundaries "
            "hold nothing.",
        )
        st.caption(f"How strictly boundaries hold. Reference:\u00a0{REFERENCE.beta:g}.")
    with third:
        rungs = sorted({*LAST, start.steps})
        if st.session_state.get(keys["steps"]) not in rungs:
            st.session_state[keys["steps"]] = min(rungs, key=lambda t: abs(t - st.session_state[keys["steps"]]))
        steps = st.select_slider(
            "Steps t, up to",
            rungs,
            key=keys["steps"],
            persist_state="session",
            format_func=steps_in_words,
            help="Every t up to this one is a frame of the player. The reference's exp_times = 8 are eight squarings of its "
            "matrix: 2⁸ = 256 steps.",
        )
        measured = f" Best measured with this model: t\u00a0=\u00a0{best.steps}." if "walk" in pair.card else ""
        st.caption(f"Reference:\u00a0{steps_in_words(REFERENCE.steps)}, not 8.{measured}")
    options = RandomWalkOptions(int(radius), float(beta), int(steps))
    for name, short in (("radius", "radius"), ("beta", "beta"), ("steps", "last")):
        write(short, as_text(getattr(options, name)), as_text(getattr(start, name)))
    return options


def steps_in_words(t: int) -> str:
    """256 as 256 = 2⁸."""
    if t > 1 and t & (t - 1) == 0:
        return f"{t} = 2{str(t.bit_length() - 1).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    return str(t)


def _read_link(keys: dict[str, str], start: RandomWalkOptions) -> None:
    """On the first run with this model: what the address says where it makes sense, else the model's values."""
    limits: dict[str, tuple[str, Callable[[float], bool]]] = {
        "radius": ("radius", lambda value: value in range(2, WIDEST + 1)),
        "beta": ("beta", lambda value: 0 <= value <= 1000),
        "steps": ("last", lambda value: value in (*LAST, start.steps)),
    }
    for name, (short, allowed) in limits.items():
        if keys[name] in st.session_state:
            continue
        value = getattr(start, name)
        try:
            number = float(st.query_params.get(short, "nan"))
        except ValueError:
            number = float("nan")
        st.session_state[keys[name]] = type(value)(number) if allowed(number) else value
    carry_over(*keys.values())
