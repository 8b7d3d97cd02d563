"""A handful of one's own pictures, each with labels that are chosen or typed."""

from typing import Any

import streamlit as st

from recam_core import SAMPLES, SCENE_CLASSES, Picture, UserError, read_sample, sample_labels, sample_model
from ui import uploads
from ui.pictures import plain, thumbnail

ROW = 4


def choose_own(pair: Any) -> tuple[list[Picture], dict[str, list[str]]]:
    """Draw the pictures with their labels; returns those that have some. Raises ``UserError`` where none has."""
    own: dict[str, Picture] = dict(st.session_state.get(uploads.OWN, {}))
    suited = "scenes" if pair.classes == SCENE_CLASSES else "photos"
    samples = {name: read_sample(name)[0] for name in SAMPLES if sample_model(name) == suited}
    pictures: dict[str, tuple[Picture, tuple[str, ...]]] = {sha: (picture, ()) for sha, picture in own.items()}
    pictures |= {picture.sha256: (picture, sample_labels(name)) for name, picture in samples.items()}
    labels: dict[str, list[str]] = {}
    with st.expander("Pictures and their labels", icon=":material/label:", expanded=True):
        st.caption(
            "Labels say which classes are in a picture, not where. Choose or type them; a picture without labels is "
            "left out. More pictures: upload them on the left."
        )
        items = list(pictures.items())
        for start in range(0, len(items), ROW):
            for column, (sha, (picture, given)) in zip(st.columns(ROW), items[start : start + ROW], strict=False):
                with column:
                    labels[sha] = _labels_of(pair, picture, [name for name in given if name in pair.classes])
    chosen = [picture for sha, (picture, _) in pictures.items() if labels[sha]]
    if not chosen:
        raise UserError("No picture has a label yet. Say above which classes a picture shows; one is enough to begin.")
    return chosen, {picture.sha256: labels[picture.sha256] for picture in chosen}


def _labels_of(pair: Any, picture: Picture, given: list[str]) -> list[str]:
    key = f"balance-labels-{picture.sha256[:16]}-{pair.name}"
    if key not in st.session_state:
        st.session_state[key] = given
    st.image(thumbnail(picture.pixels, 240), alt=picture.name, width="stretch")
    chosen = st.multiselect(
        plain(picture.name),
        sorted({*pair.classes, *st.session_state[key]}),
        key=key,
        accept_new_options=True,
        persist_state="session",
        placeholder="which classes?",
    )
    return [str(name).strip() for name in chosen]
