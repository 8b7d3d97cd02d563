"""The heart of the Compare page: which classes, the heat view, and where to go from there."""

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from recam_core import REFINERS, Evidence, ModelPair, UserError, default_classes
from ui.compare.details import show_curves, show_pick
from ui.compare.doors import UPLOADER, doors
from ui.compare.files import save_buttons
from ui.compare.link import view_settings, write_view
from ui.compare.maps import Shown, shown_maps
from ui.compare.more_maps import FIRST, MoreMaps, agreed_to, choose_more, results_with
from ui.compare.refining import show_refining
from ui.components.heatview import heat_view
from ui.compute import payloads
from ui.session.link import address, write
from ui.session.uploads import keeps_uploads
from ui.widgets.class_choice import MAX_CLASSES
from ui.widgets.escaping import plain
from ui.widgets.missing_parts import probability_words, softmax_hint
from ui.widgets.subject import Subject, linked_classes
from ui.widgets.terms import BCE, READOUT, SCE
from ui.widgets.truth import known_truth

CLAIM = "A classifier lights up the part that tells the class. ReCAM trains it on, to light up the object."
STYLE = Path(__file__).with_name("compare.css")


def show_claim() -> None:
    """What the page is about, in one line."""
    st.html(STYLE)
    st.markdown(f"##### {CLAIM}", anchors=False)


def choose_classes(evidence: Evidence, subject: Subject) -> list[str]:
    """Which classes to explain: the predicted ones at first, any other on request."""
    order = np.argsort(-evidence.scores, kind="stable")
    ranked = [evidence.classes[k] for k in order]
    scores = dict(zip(evidence.classes, evidence.scores, strict=True))
    key = f"classes-{subject.picture.sha256[:16]}-{subject.model}"
    if key not in st.session_state:
        names = linked_classes(subject)
        linked = [name for name in names if name in scores]
        if unknown := [name[:40] for name in names if name not in scores]:
            st.warning(
                f"The link asks for {plain(', '.join(unknown))}, which the model {plain(subject.model)} does not know.",
                icon=":material/link_off:",
            )
        st.session_state[key] = (linked or default_classes(evidence))[:MAX_CLASSES]
    chosen = st.multiselect(
        "What is in the picture?",
        ranked,
        key=key,
        max_selections=MAX_CLASSES,
        format_func=lambda name: f"{name} {scores[name]:.2f}",
        placeholder="Choose at least one class",
        persist_state="session",
        help=f"Classes with their {probability_words(evidence)}, which the model’s classifier gives (FC1, after ReCAM "
        "training where there was one). Those that deserve belief are chosen at first. Others can be added: in weak "
        "supervision the labels of a picture are given. At most four.",
    )
    if not chosen:
        st.info("Choose at least one class above; the most probable is shown until then.")
        chosen = ranked[:1]
    write("classes", ",".join(chosen))
    if hint := softmax_hint(evidence):
        st.caption(hint)
    if evidence.scores.max() <= evidence.preselect:
        st.caption(
            f"No class deserves belief here: the most probable is {plain(ranked[0])}, {scores[ranked[0]]:.2f}, and this model is "
            f"believed above {evidence.preselect:.2f}. Say above what is in the picture."
        )
    return chosen


@st.fragment
def show_evidence(subject: Subject, pair: ModelPair, evidence: Evidence, classes: list[str]) -> None:
    """The maps and what belongs to them; a click or a settled slider reruns only this part."""
    ids = pair.class_ids(classes)
    truth, known, truth_key = known_truth(subject, evidence, classes, ids)
    evidence_key = (subject.picture.sha256, pair.sha256, evidence.options)
    name = subject.picture.name  # part of the key: the same file may have another name at another person's
    view_key = (evidence_key, tuple(classes))
    maps, buttons = st.container(), st.container(horizontal=True, vertical_alignment="center", gap="small")
    with buttons:
        doors(subject)
        more = choose_more(pair)
    with maps:
        more = agreed_to(more, view_key, pair, evidence, classes)

        def look() -> Shown:
            made = results_with(more, view_key, pair, evidence, classes)
            return shown_maps(
                (*view_key, truth_key, name, more), evidence, pair, classes, name, truth, known, made, more.refiner
            )

        try:
            shown = look()
        except UserError as error:  # of a method
            st.error(plain(str(error)), icon=":material/error:")
            more = MoreMaps(() if pair.readouts else FIRST, more.refiner)
            shown = look()
        settings = _show_heat(subject, shown)
    with buttons:
        save_buttons(subject, pair, evidence, look, ids, settings, link := address())
        with st.popover("Link to this view", icon=":material/link:"):
            st.caption(
                "Picture, model, classes, settings and thresholds are all in the address. "
                + (
                    "Uploaded pictures are found again as long as this server keeps them in memory."
                    if keeps_uploads()
                    else "This server does not keep uploads: who opens the link is asked for the picture."
                )
            )
            st.code(link, language=None, wrap_lines=True)
    st.caption(f"{READOUT} {BCE} {SCE}")
    show_curves(shown, settings)
    if more.refiner:
        with st.expander(f"Step by step: {REFINERS[more.refiner].label}", icon=":material/animation:"):
            names = [result.readout for result in shown.results]
            show_refining(more.refiner, view_key, evidence, pair, classes, names, settings, truth)


def _show_heat(subject: Subject, shown: Shown) -> dict[str, Any]:
    """The heat view and what was clicked in it; its settings."""
    settings = st.session_state.get("heat_settings") or view_settings()  # another page's address does not have them
    view = heat_view(payloads.put(shown.payload), key="heat", initial=settings, large=True, uploader=UPLOADER)
    st.session_state["heat_settings"] = settings = settings | (view.settings or {})
    write_view(settings)
    if view.pick:
        st.session_state["picked"] = (subject.picture.sha256, view.pick)
    show_pick(subject, shown.results, settings["scale"])
    return settings
