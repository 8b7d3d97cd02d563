"""How a page of Explore opens: what it is about, what the model says of it, and what to keep in mind."""

from typing import Any

import streamlit as st

from recam_core import Evidence, UserError
from ui.compute.engine import explain_picture, model_pair
from ui.widgets.escaping import plain
from ui.widgets.missing_parts import show_lacking, suggest_bundled
from ui.widgets.model_card import caution
from ui.widgets.presentation import presenting
from ui.widgets.subject import Subject, chosen_subject


def open_subject(*, with_methods: bool = False) -> tuple[Subject, Evidence, Any]:
    """The subject, the evidence and the model pair; where they cannot be had, a sentence says why and the page ends.

    So it does for a model that CAM does not apply to, but on a page ``with_methods``, which shows their maps.
    """
    try:
        subject = chosen_subject()
        evidence = explain_picture(subject.picture, subject.model, subject.options)
        pair = model_pair(subject.model)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
        st.stop()
    if not presenting():
        if warning := caution(subject, pair):
            st.warning(plain(warning), icon=":material/warning:")
        show_lacking(pair)
    if not pair.readouts and not with_methods:
        suggest_bundled(pair, "This page begins with a map that weights are read out as.")
        st.stop()
    for note in evidence.notes:
        st.info(note, icon=":material/memory:")
    return subject, evidence, pair
