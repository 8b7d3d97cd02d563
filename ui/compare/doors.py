"""What to do next on the Compare page: a picture of one's own, the lesson, where the model fails."""

from typing import Any

import streamlit as st

from recam_core import UserError
from recam_core.datasets.samples import PHOTO_MODEL
from ui.session import uploads
from ui.widgets.escaping import plain
from ui.widgets.evaluate_this import evaluate_this
from ui.widgets.pictures import TYPES, select_picture
from ui.widgets.subject import Subject

LESSON = "../pages/learn/why.py"
DROPPED, REFUSED = "compare-dropped", "compare-refused"  # in the session: how often files came, and what was refused


def doors(subject: Subject) -> None:
    """Three doors in a row; the first takes files."""
    key = f"drop-{st.session_state.setdefault(DROPPED, 0)}"  # a new one each time, so that no list of files stays
    st.file_uploader(
        "Upload photos",
        type=TYPES,
        accept_multiple_files=True,
        key=key,
        max_upload_size=20,
        label_visibility="collapsed",
        width=170,
        on_change=_take_in,
        args=(key,),
    )
    if st.session_state.pop("compare-taken", False):
        st.rerun()  # the whole page: it has another subject
    if st.button(
        "Take the lesson", icon=":material/school:", help="Why a classifier lights up only a part, in eight steps"
    ):
        st.switch_page(LESSON)
    if st.button(
        "See where it fails", icon=":material/troubleshoot:", help="Evaluate this model, and look at its worst pictures"
    ):
        evaluate_this(subject.model)


def show_refused() -> None:
    """One sentence for each file that was refused."""
    for sentence in st.session_state.pop(REFUSED, []):
        st.error(plain(sentence), icon=":material/block:")


def _take_in(key: str) -> None:
    """Decode what came; the last good picture becomes the subject."""
    files: list[Any] = st.session_state[key] or []
    refused = []
    for file in files:
        try:
            picture = uploads.take_in(st.session_state, file.name, file.getvalue())
            select_picture(picture.sha256, PHOTO_MODEL)
        except UserError as error:
            refused.append(str(error))
    st.session_state[REFUSED] = refused
    st.session_state[DROPPED] += 1
    st.session_state["compare-taken"] = True
