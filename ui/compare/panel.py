"""The heart of the Compare page: which classes, the heat view, the bundle and the link."""

from dataclasses import fields
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np
import streamlit as st

from recam_core import DisplayOptions, Evidence, ModelPair, default_classes, evidence_bundle, make_manifest, zip_bytes
from ui.compare.details import show_curves, show_pick
from ui.compare.maps import Shown, rates_at, shown_maps
from ui.components.heatview import heat_view
from ui.compute import payloads
from ui.compute.engine import brief_turn
from ui.session.link import address, heat_settings, write, write_heat_settings
from ui.session.uploads import keeps_uploads
from ui.widgets.class_choice import MAX_CLASSES
from ui.widgets.escaping import plain
from ui.widgets.missing_parts import probability_words, softmax_hint
from ui.widgets.subject import Subject, linked_classes
from ui.widgets.truth import known_truth


def choose_classes(evidence: Evidence, subject: Subject) -> list[str]:
    """Which classes to explain: the predicted ones at first, any other on request."""
    order = np.argsort(-evidence.scores, kind="stable")
    ranked = [evidence.classes[k] for k in order]
    scores = dict(zip(evidence.classes, evidence.scores, strict=True))
    key = f"classes-{subject.picture.sha256[:16]}-{subject.model}"
    if key not in st.session_state:
        asked = linked_classes(subject)
        linked = [name for name in asked if name in scores]
        if unknown := [name[:40] for name in asked if name not in scores]:
            st.warning(
                f"The link asks for {plain(', '.join(unknown))}, which the model {plain(subject.model)} does not know.",
                icon=":material/link_off:",
            )
        st.session_state[key] = (linked or default_classes(evidence))[:MAX_CLASSES]
    chosen = st.multiselect(
        f"Classes to explain, with their {probability_words(evidence)}",
        ranked,
        key=key,
        max_selections=MAX_CLASSES,
        format_func=lambda name: f"{name} {scores[name]:.2f}",
        placeholder="Choose at least one class",
        persist_state="session",
        help="The probability is the one that the model’s classifier gives (FC1, after ReCAM training where there was one). "
        "Classes that it did not predict can be chosen too: in weak supervision the labels of a picture are given. At most four.",
    )
    if not chosen:
        st.info("Choose at least one class above; the most probable is shown until then.")
        chosen = ranked[:1]
    write("classes", ",".join(chosen))
    if hint := softmax_hint(evidence):
        st.caption(hint)
    if evidence.scores.max() <= 0.5:
        st.caption(
            f"The model is not sure of any class here (the most probable is {ranked[0]}, {scores[ranked[0]]:.2f}), "
            "so read these maps with care."
        )
    return chosen


@st.fragment
def show_evidence(subject: Subject, pair: ModelPair, evidence: Evidence, classes: list[str]) -> None:
    """The maps and what belongs to them; a click or a settled slider reruns only this part."""
    ids = pair.class_ids(classes)
    truth, known, truth_key = known_truth(subject, evidence, classes, ids)
    evidence_key = (subject.picture.sha256, pair.sha256, evidence.options)
    name = subject.picture.name  # part of the key: the same file may have another name at another person's
    look = partial(shown_maps, (evidence_key, tuple(classes), truth_key, name), evidence, classes, name, truth, known)
    shown = look()
    settings = st.session_state.get("heat_settings") or heat_settings()  # another page's address does not have them
    view = heat_view(payloads.put(shown.payload), key="heat", initial=settings)
    st.session_state["heat_settings"] = settings = settings | (view.settings or {})
    write_heat_settings(settings)
    if view.pick:
        st.session_state["picked"] = (subject.picture.sha256, view.pick)
    show_pick(subject, shown.results, settings["scale"])
    link = address()  # here, because the bundle is made outside of the script, where nobody knows the address
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Evidence bundle",
            # asked for anew, because Streamlit keeps this function as long as the session, also of somebody who left
            lambda: _bundle(subject, pair, evidence, look(), ids, settings | {"link": link}),
            on_click="ignore",
            file_name=f"recam-{subject.name[:24]}.zip",
            mime="application/zip",
            icon=":material/download:",
            help="Overlays and masks as PNG, raw maps as .npz, and a manifest with every setting, the model's hash and versions.",
        )
        with st.popover("Link to this view", icon=":material/link:"):
            st.caption(
                "Picture, model, classes, settings and threshold are all in the address. "
                + (
                    "Uploaded pictures are found again as long as this server keeps them in memory."
                    if keeps_uploads()
                    else "This server does not keep uploads: who opens the link is asked for the picture."
                )
            )
            st.code(link, language=None, wrap_lines=True)
    with st.expander("Numbers and curves", icon=":material/show_chart:"):
        show_curves(shown, settings)


def _bundle(
    subject: Subject, pair: ModelPair, evidence: Evidence, shown: Shown, ids: list[int], settings: dict[str, Any]
) -> bytes:
    """Everything on the screen as an archive; the manifest also says which mask was used and what it gave."""
    display = DisplayOptions(**{field.name: settings[field.name] for field in fields(DisplayOptions)})
    described = make_manifest(subject.picture, pair, evidence) | {"link": settings["link"], "view": settings["mode"]}
    if subject.mask is not None:
        described["mask"] = {
            "labels_sha256": sha256(subject.mask.tobytes()).hexdigest(),  # of the decoded label values
            "kind": "object or not" if subject.mask_binary else "label values",
            "at_threshold": rates_at(shown, display.scale, display.threshold),
        }
    with brief_turn():
        files = evidence_bundle(shown.results, class_ids=ids, display=display, manifest=described, truth=shown.truth)
    return zip_bytes(files)
