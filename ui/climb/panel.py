"""The heart of the Climb page: knobs with a preview, start and stop, the player, two kept runs, downloads."""

from typing import Any

import streamlit as st

from recam_core import AdvCamOptions, Evidence, ModelPair, UserError
from ui.climb.files import show_downloads
from ui.climb.knobs import choose_knobs
from ui.climb.runs import Order, Run, run_settings
from ui.climb.session import SHOW, drop, forget_another_subject, keep, preview, runs, start, stop
from ui.components.heatview import DEFAULTS as HEAT_DEFAULTS
from ui.components.player import DEFAULTS, player, stream_store
from ui.session.climbs import CLIMB, PREVIEW, SLOTS
from ui.session.link import NAMES, address, heat_settings, write_heat_settings
from ui.widgets.class_choice import choose_class, choose_readout
from ui.widgets.escaping import plain
from ui.widgets.subject import Subject
from ui.widgets.truth import known_truth
from ui.widgets.unfolding import unfolds


@st.fragment
def show_climb(subject: Subject, pair: ModelPair, evidence: Evidence) -> None:
    """Everything below the subject; class, knobs, buttons and the player rerun only this part."""
    with st.container(key="climb-knobs"):
        who, *knobs = st.columns([1.25, 1, 1, 1, 1], gap="medium")
    with who:
        name, readout = choose_class(evidence, subject), choose_readout(evidence)
    truth, _, truth_key = known_truth(subject, evidence, [name], pair.class_ids([name]))
    row = st.container(horizontal=True, vertical_alignment="center")
    try:
        options = choose_knobs(pair, knobs, row)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    order = Order(subject.picture, pair, evidence, name, readout, options, truth, truth_key)
    forget_another_subject(order)
    preview(order)
    with row:
        shown = _buttons(order)
    settings = _settings()
    for run in shown:
        stream_store.put(run.stream)  # in case others' runs took its place
    view = player([run.stream for run in shown], key="climb", initial=settings)
    if view.settings:
        settings = settings | view.settings
        st.session_state["player_settings"] = settings
        st.session_state["heat_settings"] = _heat(settings)
    write_heat_settings(HEAT_DEFAULTS | {name: settings[name] for name in NAMES if name in settings})
    _below([run for run in shown if run.steps], settings)


def _settings() -> dict[str, Any]:
    """How the player paints: as the heat view does where both can, so that pages look alike."""
    painted = st.session_state.setdefault("heat_settings", heat_settings())
    own = st.session_state.get("player_settings", {})
    return DEFAULTS | own | {name: painted[name] for name in painted if name in DEFAULTS}


def _heat(settings: dict[str, Any]) -> dict[str, Any]:
    return st.session_state["heat_settings"] | {name: settings[name] for name in settings if name in HEAT_DEFAULTS}


def _buttons(order: Order) -> list[Run]:
    """Start, stop, keep, and which runs are shown: one, or two side by side."""
    run, steps = runs().get(CLIMB), order.options.steps
    goes = run is not None and run.stream.running
    st.button(
        f"Start the climb: {steps} steps" if steps > 1 else "Make the ordinary map",
        type="primary",
        icon=":material/landscape:",
        on_click=start,
        args=(order,),
        key="climb-start",
    )
    st.button(
        "Stop",
        icon=":material/stop:",
        on_click=stop,
        disabled=not goes,
        key="climb-stop",
        help="What is there stays and can be saved and downloaded.",
    )
    is_kept = any(runs().get(name) is run for name in SLOTS)
    st.button(
        "Save this run",
        icon=":material/bookmark_add:",
        on_click=keep,
        disabled=run is None or goes or is_kept or not run.steps,
        key="climb-keep",
        help="Two runs can be saved and looked at side by side, whatever you climb afterwards.",
    )
    names = [name for name in (PREVIEW, CLIMB, *SLOTS) if name in runs()]
    now = [name for name in st.session_state.get(SHOW, []) if name in names][:2]
    st.session_state[SHOW] = now or [CLIMB if CLIMB in names else names[0]]
    if len(names) > 1:
        st.segmented_control(
            "Show one run, or two side by side",
            names,
            selection_mode="multi",
            key=SHOW,
            persist_state="session",
            format_func=_run_words,
            label_visibility="collapsed",
            help="Choose two to see them side by side.",
        )
    if any(name in runs() for name in SLOTS):
        st.button("Forget", type="tertiary", on_click=drop, key="climb-drop", help="Forget the saved runs")
    return [runs()[name] for name in names if name in (st.session_state[SHOW] or names[:1])][:2]


def _run_words(name: str) -> str:
    if name in (PREVIEW, CLIMB):
        return name
    run = runs()[name]
    return f"{name}: ξ {run.order.options.xi:g}, μ {run.order.options.mu:g}"


def _below(shown: list[Run], settings: dict[str, Any]) -> None:
    """The link, and downloads of what is shown, once it does not move any more."""
    link = address()
    for number, run in enumerate(shown):
        if run.is_preview or run.stream.running:
            continue
        if len(shown) > 1:
            st.caption(", ".join(f"{name} {value}" for name, value in run_settings(run.order.options, run.order.pair)))
        show_downloads(run, settings, link, f"climb-file-{number}")
    with st.popover("Link to this view", icon=":material/link:"):
        st.caption(
            "Picture, model, class, readout, knobs and threshold are all in the address; whoever opens it presses Start to "
            "see the same climb."
        )
        st.code(link, language=None, wrap_lines=True)


@unfolds("How this is computed", ":material/functions:")
def show_method(evidence: Evidence) -> None:
    """How a climb is computed, in formulas with the symbols of the knobs."""
    reference = AdvCamOptions()
    left, right = st.columns(2)
    with left:
        st.markdown(
            "Each step nudges the picture $x$ along the gradient of an objective, as AdvCAM does "
            "(Lee et al., CVPR 2021):"
        )
        st.latex(r"x^{t} = x^{t-1} + \xi \, \nabla_x \mathcal{L}, \qquad M = 1\!\left[A_k(x^{t-1}) > \tau\right]")
        st.latex(
            r"\mathcal{L} = y_k - \sum_{j \neq k} y_j - \mu \left\lVert M \otimes |A_k(x^{t-1}) - A_k(x^0)| \right\rVert_1"
        )
    with right:
        st.markdown(
            "- **ξ** is the step size, **T** counts the steps; **μ** weighs what holds back, **τ** says where\n"
            "- **$y_k$** is the mean of the positive part of $A_k$ over the picture, in the readout's own units (with the "
            "mirror image: that of both together); it is not the logit, which counts evidence against the class too\n"
            "- the maps $A_k$ of all steps are added up\n"
            f"- the reference uses T = {reference.steps}, ξ = {reference.xi:g}, μ = {reference.mu:g}, "
            f"τ = {reference.tau:g}, with another network; ξ is in units of the normalised picture\n"
            "- the model is not changed by any of this: only the picture is"
        )
        if len(evidence.options.scales) > 1:
            st.markdown("- each scale climbs by itself, one after another; their maps are added")
