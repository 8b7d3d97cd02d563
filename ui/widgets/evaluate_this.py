"""From another page to Errors: to a model's evaluation, or with the model in the form of a new one."""

from contextlib import suppress

import streamlit as st

from recam_core import UserError, known_models, read_header
from recam_core.datasets.class_names import COCO_CLASSES, VOC_CLASSES
from recam_core.datasets.samples import SCENE_CLASSES

ERRORS = "../pages/lab/errors.py"
ASKED = "new-asked"  # in the session: what somebody came from another page for
LOOK, FORM = "look", "form"  # at an evaluation of the model where there is one; at the form
KINDS = {VOC_CLASSES: "voc", COCO_CLASSES: "coco", SCENE_CLASSES: "scenes"}


def evaluate_this(model: str) -> None:
    """Open Errors with the model in its form."""
    _go(model, FORM)


def see_failures(model: str) -> None:
    """Open Errors at the newest evaluation of the model, or with the model in its form where there is none."""
    _go(model, LOOK)


def _go(model: str, wanted: str) -> None:
    st.session_state["new-model"], st.session_state[ASKED] = model, wanted
    with suppress(UserError, KeyError):  # the form says what is wrong with it
        classes = tuple(read_header(known_models()[model])["classes"])
        st.session_state["new-kind"] = KINDS.get(classes, "folder")
    st.switch_page(ERRORS)
