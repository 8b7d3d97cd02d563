"""What to do next on the Compare page: pictures of one's own, the lesson, where the model fails."""

from typing import Any

import streamlit as st

from recam_core import UserError
from recam_core.datasets.samples import PHOTO_MODEL
from ui.session import uploads
from ui.widgets.escaping import plain
from ui.widgets.evaluate_this import see_failures
from ui.widgets.pictures import BESIDE, PICTURE, PICTURES, TYPES, select_picture
from ui.widgets.subject import Subject

LESSON = "../pages/learn/why.py"
UPLOADER = '[class*="st-key-drop-"] input[type=file]'  # where the browser finds the first door
TAKEN, TIMES, REFUSED = (
    "compare-taken",
    "compare-drops",
    "compare-refused",
)  # in the session: what came, how often, and what not


def doors(subject: Subject) -> None:
    """Three doors in a row."""
    upload_door()
    if st.button(
        "Take the lesson", icon=":material/school:", help="Why a classifier lights up only a part, in eight steps"
    ):
        st.switch_page(LESSON)
    if st.button(
        "See where it fails",
        icon=":material/troubleshoot:",
        help="The worst pictures of this model, once it was evaluated",
    ):
        see_failures(subject.model)


def upload_door() -> None:
    """An uploader in the place of a button: one picture becomes the subject, several stand below one another."""
    key = f"drop-{st.session_state.setdefault(TIMES, 0)}"  # a new one each time, so that no list of files stays
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
    if st.session_state.pop(TAKEN, False):
        st.rerun()  # the whole page: it has another subject


def show_refused(subject: Subject) -> None:
    """One sentence for each file that was refused, until another picture is chosen or other files come."""
    name, sentences = st.session_state.get(REFUSED, ("", []))
    for sentence in sentences if name == subject.name else []:
        st.error(plain(sentence), icon=":material/block:")


def _take_in(key: str) -> None:
    """Decode what came; the last good picture becomes the subject, beside others it joins the grid."""
    files: list[Any] = st.session_state[key] or []
    together: list[str] = st.session_state.get(PICTURES, [])
    refused, taken = [], []
    for file in files:
        try:
            picture = uploads.take_in(st.session_state, file.name, file.getvalue())
            select_picture(picture.sha256, PHOTO_MODEL)
            taken.append(picture.sha256)
        except UserError as error:
            refused.append(str(error))
    if together or len(taken) > 1:
        st.session_state[PICTURES] = list(dict.fromkeys([*together, *taken]))
        st.session_state[BESIDE] = st.session_state[PICTURE]
    st.session_state[REFUSED] = (st.session_state[PICTURE], refused)
    st.session_state[TIMES] += 1
    st.session_state[TAKEN] = True
