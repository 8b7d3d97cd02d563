"""Models without all readouts: what is missing and where it can be trained, and a bundled model for pages that need it."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from recam_core import READOUTS, Evidence, sample_model
from recam_core.records import CAM, PROBABILITY
from ui.pictures import PICTURE, plain

TRAIN = "[Train page](/train)"


def show_lacking(pair: Any) -> None:
    """A calm banner on the pages of Explore: which readouts there are, why, and what would give the others."""
    if pair.readouts == READOUTS:
        return
    if pair.readouts == (CAM,):
        text = (
            f"The model {plain(pair.name)} has one classifier (FC1) and shows **CAM** alone. ReCAM’s four readouts need a second "
            f"one (FC2), which learns from features under each class’s own CAM. It can be trained on this model: {TRAIN}."
        )
    else:
        text = (
            f"The model {plain(pair.name)} came without a network that was trained with BCE alone, so **CAM is missing** and "
            "nothing stands beside ReCAM’s four readouts to compare them with. Import it together with its CAM network to see "
            "both."
        )
    st.info(text, icon=":material/info:")


def suggest_bundled(pair: Any, needs: str) -> None:
    """On a page that the model cannot serve: what the page needs, and a way to a bundled model that has it."""
    st.info(
        f"{needs} The model {plain(pair.name)} has {' and '.join(_words(pair.readouts))}"
        f"{f'; FC2 can be trained on it: {TRAIN}' if pair.readouts == (CAM,) else ''}.",
        icon=":material/info:",
    )
    model = sample_model(st.session_state[PICTURE])
    st.button(
        f"Look with the bundled model {model}",
        icon=":material/swap_horiz:",
        on_click=_take,
        args=(model,),
        key="suggested",
    )


def probability_words(evidence: Evidence) -> str:
    """What scores are called: softmax ones by that name."""
    return PROBABILITY[evidence.activation]


def softmax_hint(evidence: Evidence) -> str:
    """What a reader of softmax probabilities must know; empty for others."""
    if evidence.activation != "softmax":
        return ""
    return (
        f"Softmax probabilities sum to 1 over all {len(evidence.classes)} classes, so several classes cannot all be likely: "
        "a low one does not mean that the class is not there."
    )


def _words(readouts: Sequence[str]) -> list[str]:
    return ["CAM alone"] if tuple(readouts) == (CAM,) else ["ReCAM’s readouts", "no CAM"]


def _take(model: str) -> None:
    st.session_state["model"] = model
