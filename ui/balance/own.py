"""A handful of one's own pictures, each with labels that are chosen or typed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from recam_core import SAMPLES, ModelPair, Picture, UserError
from recam_core.datasets.labelled import label_row
from recam_core.datasets.samples import (
    PHOTO_MODEL,
    SCENE_CLASSES,
    SCENE_MODEL,
    sample_labels,
    sample_model,
    sample_picture,
)
from ui.session import uploads
from ui.widgets.escaping import plain
from ui.widgets.pictures import sample_thumbnail

ROW = 4


@dataclass(frozen=True)
class Own:
    """A picture that can be labelled: ``open`` decodes it, which is left until somebody fits on it."""

    sha256: str
    name: str
    thumbnail: bytes
    given: tuple[str, ...]
    open: Callable[[], Picture]


def choose_own(pair: ModelPair) -> list[tuple[Own, list[str]]]:
    """Draw the pictures with their labels; returns those that have some.

    Raises ``UserError`` where none has, or where the model does not know a label.
    """
    pictures, labels = _pictures(pair), []
    lacks = any(not own.given for own in pictures)  # somebody brought one along; else the maps come first
    with st.expander("Pictures and their labels", icon=":material/label:", expanded=lacks):
        st.caption(
            "Labels say which classes are in a picture, not where. Choose or type them; a picture without labels is left out. "
            "More pictures: upload them in the panel."
        )
        for start in range(0, len(pictures), ROW):
            for column, own in zip(st.columns(ROW), pictures[start : start + ROW], strict=False):
                with column:
                    labels.append(_labels_of(pair, own))
    chosen = [(own, given) for own, given in zip(pictures, labels, strict=True) if given]
    if not chosen:
        raise UserError("No picture has a label yet. Say above which classes a picture shows; one is enough to begin.")
    for own, given in chosen:
        label_row(pair.classes, own.name, given)
    return chosen


def _pictures(pair: ModelPair) -> list[Own]:
    """The uploads of this session, then the samples that suit the model."""
    mine: dict[str, uploads.Upload] = st.session_state.get(uploads.OWN, {})
    pictures = [Own(sha, upload.name, upload.thumbnail, (), upload.open) for sha, upload in mine.items()]
    suited = SCENE_MODEL if pair.classes == SCENE_CLASSES else PHOTO_MODEL
    for name in SAMPLES:
        if sample_model(name) == suited:
            picture = sample_picture(name)
            given = sample_labels(name, pair.classes)
            pictures.append(Own(picture.sha256, name, sample_thumbnail(name), given, partial(sample_picture, name)))
    return pictures


def _labels_of(pair: ModelPair, own: Own) -> list[str]:
    key = f"balance-labels-{own.sha256[:16]}-{pair.name}"
    if key not in st.session_state:
        st.session_state[key] = list(own.given)
    st.image(own.thumbnail, alt=own.name, width="stretch")
    chosen = st.multiselect(
        plain(own.name),
        sorted({*pair.classes, *st.session_state[key]}),
        key=key,
        accept_new_options=True,
        persist_state="session",
        placeholder="which classes?",
    )
    return [str(name).strip() for name in chosen]
