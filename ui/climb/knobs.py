"""The knobs of a climb: words first, symbol second, the reference's value beside each; kept per model and in the link."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from recam_core import AdvCamOptions, ModelPair, climb_defaults
from recam_core.refiners.advcam.result import grey_levels
from ui.session.choices import carry_over
from ui.session.link import write
from ui.widgets.ladder import as_text, ladder

REFERENCE = AdvCamOptions()
XI = (0.0, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 1.0, 2.0)
XI_PLAIN = (0.0, 0.08, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0)  # times the gradient itself
MU = (0.0, 0.1, 0.3, 1.0, 2.0, 4.0, 7.0, 10.0, 20.0, 50.0, 100.0, 1000.0)
SWITCHES = {
    "step_rule": ("Step rule", {"maximum": "code: ξ · g / max |g|", "plain": "formula: ξ · g"}),
    "result": ("Result", {"accumulated": "code: accumulated", "last": "last map alone"}),
    "regulariser": ("Regulariser", {"raw": "code: raw maps", "normalised": "formula: normalised"}),
}
WHY = {
    "step_rule": "The code divides the gradient g by its largest value and keeps the picture in its own range; the paper's "
    "formula does neither, so its ξ has another unit.",
    "result": "What the download and IoU of the result are taken from. The code adds up the maps of all steps.",
    "regulariser": "The code compares maps in their own units; in the paper's formula each is divided by its own maximum.",
}
SHORT = {  # in links
    "xi": "xi",
    "steps": "steps",
    "mu": "mu",
    "tau": "tau",
    "step_rule": "rule",
    "result": "result",
    "regulariser": "regulariser",
}


def choose_knobs(pair: ModelPair, columns: Sequence[Any], row: Any) -> AdvCamOptions:
    """Draw the knobs in four columns and the switches in a row; raises ``UserError`` for what cannot be climbed with."""
    start = climb_defaults(pair)
    keys = {name: f"climb-{name}-{pair.name}" for name in SHORT}
    _read_link(keys, start)
    plain = st.session_state[keys["step_rule"]] == "plain"
    first, second, third, fourth = columns
    with first:
        xi = ladder(
            "Step size ξ",
            keys["xi"],
            (*(XI_PLAIN if plain else XI), start.xi, REFERENCE.xi),
            "Too small and nothing happens; too large and the picture turns into noise. ξ is in units of the normalised "
            f"picture: the reference's {REFERENCE.xi:g} is {grey_levels(REFERENCE.xi, pair):.1f} grey levels here.",
        )
        levels = f"at most **{grey_levels(xi, pair):.1f} grey levels** of 255"
        st.caption(
            f"A nudge moves a pixel by {'ξ times its gradient' if plain else levels}. Reference:\u00a0{REFERENCE.xi:g}."
        )
    with second:
        steps = st.number_input(
            "Steps T",
            step=1,
            key=keys["steps"],
            persist_state="session",
            help="T maps and T − 1 nudges. T is a number of steps; where μ acts is decided by the mask level τ.",
        )
        st.caption(f"How many maps are made, the ordinary one first. Reference:\u00a0{REFERENCE.steps}.")
    with third:
        mu = ladder(
            "Hold-back μ",
            keys["mu"],
            (*MU, start.mu, REFERENCE.mu),
            "The weight of the regulariser. With 0 the brightest part grows brighter still; very large and nothing may move.",
        )
        st.caption(f"How firmly lit places are held to their first value. Reference:\u00a0{REFERENCE.mu:g}.")
    with fourth:
        tau = st.slider(
            "Mask level τ",
            0.0,
            1.0,
            step=0.05,
            key=keys["tau"],
            persist_state="session",
            help="μ acts in the mask M, where the map exceeds τ of its own peak. τ is a level; the number of steps is T.",
        )
        st.caption(f"Lit is what exceeds this share of the peak. Reference:\u00a0{REFERENCE.tau:g}.")
    with row, st.popover("Paper and code", icon=":material/tune:", help="Switches for where the two differ"):
        switches = {name: _switch(name, keys[name]) for name in SWITCHES}
        with st.container(horizontal=True):
            for label, options in (("This model's values", start), ("The reference's values", REFERENCE)):
                st.button(label, on_click=_set, args=(keys, options), help=_in_words(options))
    values: dict[str, Any] = {"xi": xi, "steps": int(steps or 0), "mu": mu, "tau": tau, **switches}
    for name, value in values.items():
        write(SHORT[name], as_text(value), as_text(getattr(start, name)))
    return AdvCamOptions(**values)


def _switch(name: str, key: str) -> str:
    label, choices = SWITCHES[name]
    chosen = st.segmented_control(
        label,
        list(choices),
        key=key,
        required=True,
        persist_state="session",
        format_func=choices.__getitem__,
        width="stretch",
    )
    st.caption(WHY[name])
    return str(chosen or getattr(REFERENCE, name))


def _set(keys: dict[str, str], options: AdvCamOptions) -> None:
    for name, key in keys.items():
        st.session_state[key] = getattr(options, name)


def _in_words(options: AdvCamOptions) -> str:
    return f"ξ {options.xi:g}, T {options.steps}, μ {options.mu:g}, τ {options.tau:g}, and the code's rules"


def _read_link(keys: dict[str, str], start: AdvCamOptions) -> None:
    """On the first run of a session with this model: what the address says where it makes sense, else the model's values."""
    for name, key in keys.items():
        if key not in st.session_state:
            text = st.query_params.get(SHORT[name])
            st.session_state[key] = getattr(start, name) if text is None else _parsed(name, text, getattr(start, name))
    carry_over(*keys.values())


def _parsed(name: str, text: str, otherwise: Any) -> Any:
    if name in SWITCHES:
        return text if text in SWITCHES[name][1] else otherwise
    try:
        value = int(text) if name == "steps" else float(text)
    except ValueError:
        return otherwise
    if name == "tau":
        return round(value, 2) if 0 <= value <= 1 else otherwise
    return value if abs(value) < 1e6 else otherwise  # also what is no number
