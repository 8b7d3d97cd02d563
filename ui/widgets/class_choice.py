"""Which class climbs and with which readout; both belong to the subject that travels through the pages."""

from typing import Literal

import numpy as np
import streamlit as st

from recam_core import Evidence, default_classes
from ui.components.heatview.maps import readout_words
from ui.session.choices import carry_over
from ui.session.link import read_choice, write
from ui.widgets.escaping import plain
from ui.widgets.missing_parts import probability_words, softmax_hint
from ui.widgets.subject import Subject, linked_classes

MAX_CLASSES = 4
READOUT = "readout"
DEFAULT_READOUT = "w"
WEIGHTS = "The map comes from the weights of this readout, the scores y from FC1 of the network it belongs to."


def classes_key(subject: Subject) -> str:
    """Where the session keeps the classes that are explained on Compare."""
    return f"classes-{subject.picture.sha256[:16]}-{subject.model}"


def climb_class_key(subject: Subject) -> str:
    """Where the session keeps the class that climbs."""
    return f"climb-class-{subject.picture.sha256[:16]}-{subject.model}"


CLIMB, WALK = "../pages/explore/climb.py", "../pages/explore/walk.py"
PAGES = {  # page → button, icon, and what it is for
    CLIMB: (
        "Climb this",
        "landscape",
        "See which nudges light up more of it, step by step, with the class and the readout chosen beside",
    ),
    WALK: (
        "Walk this",
        "route",
        "See how far its heat spreads until boundaries stop it, with the class and the readout chosen beside",
    ),
}
CLIMB_HELP = "The picture is nudged so that this class scores higher and all others lower."


def choose_class(evidence: Evidence, subject: Subject, help: str = CLIMB_HELP, with_others: bool = False) -> str:
    """One class, the most probable ones first; at first the one that the link or the Compare page names.

    ``with_others``: the link names the other classes of the Compare page behind it.
    """
    order = np.argsort(-evidence.scores, kind="stable")
    ranked = [evidence.classes[k] for k in order]
    scores = dict(zip(evidence.classes, evidence.scores, strict=True))
    key = climb_class_key(subject)
    if st.session_state.get(key) not in scores:
        named = [*linked_classes(subject), *st.session_state.get(classes_key(subject), [])]
        if unknown := [name[:40] for name in linked_classes(subject) if name not in scores]:
            st.warning(
                f"The link asks for {plain(', '.join(unknown))}, which the model {plain(subject.model)} does not know.",
                icon=":material/link_off:",
            )
        st.session_state[key] = next((name for name in named if name in scores), default_classes(evidence)[0])
    carry_over(key)
    chosen = st.selectbox(
        f"Class, with its {probability_words(evidence)}",
        ranked,
        key=key,
        persist_state="session",
        format_func=lambda name: f"{name} {scores[name]:.2f}",
        on_change=_tell_compare,
        args=(subject,),
        help=f"{help} {softmax_hint(evidence)}".strip(),
    )
    others = st.session_state.get(classes_key(subject), []) if with_others else []
    write("classes", ",".join([str(chosen), *(other for other in others if other != chosen)]))
    return str(chosen)


def _tell_compare(subject: Subject) -> None:
    """The class that climbs stands first on the Compare page too."""
    name, classes = st.session_state[climb_class_key(subject)], st.session_state.get(classes_key(subject), [])
    st.session_state[classes_key(subject)] = [name, *(other for other in classes if other != name)][:MAX_CLASSES]


def choose_readout(evidence: Evidence, label: Literal["visible", "collapsed"] = "visible", help: str = WEIGHTS) -> str:
    """The readout whose map is refined: one of those that the model has."""
    offered = list(evidence.scale_maps)
    default = DEFAULT_READOUT if DEFAULT_READOUT in offered else offered[0]
    if st.session_state.get(READOUT) not in offered:
        st.session_state[READOUT] = read_choice(READOUT, offered, default)
    carry_over(READOUT)
    chosen = st.selectbox(
        "Readout",
        offered,
        key=READOUT,
        persist_state="session",
        format_func=lambda name: " · ".join(readout_words(name, evidence.activation)[:2]),
        label_visibility=label,
        help=help,
    )
    write(READOUT, str(chosen), default)
    return str(chosen)


def refine_this(subject: Subject, evidence: Evidence, classes: list[str]) -> None:
    """On another page: ways to Climb and Walk with the same subject."""
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = {
            page: st.button(label, icon=f":material/{icon}:", help=words)
            for page, (label, icon, words) in PAGES.items()
        }
        with st.container(width=180):
            name = st.selectbox("Class to refine", classes, key="climb-which", label_visibility="collapsed")
        with st.container(width=220):
            choose_readout(evidence, "collapsed")
    for page in (page for page, is_pressed in pressed.items() if is_pressed):
        st.session_state[climb_class_key(subject)] = name
        st.switch_page(page)


def walk_this() -> None:
    """On the Climb page: a way to Walk, which has the same class and readout."""
    st.page_link(WALK, label="Walk this", icon=":material/route:", help=PAGES[WALK][2])
