"""Can the picture be nudged so that more of the object lights up? AdvCAM, step by step."""

import streamlit as st

from ui.climb.panel import show_climb, show_method
from ui.widgets.class_choice import walk_this
from ui.widgets.model_card import about_model
from ui.widgets.opening import open_subject
from ui.widgets.terms import READOUT

st.subheader("AdvCAM: can the picture be nudged so that more of the object lights up?", anchor=False)
st.caption(
    "**AdvCAM** nudges the picture, step by step, so that one class scores higher and all others lower, and adds up the maps. "
    f"{READOUT}"
)
subject, evidence, pair = open_subject()
show_climb(subject, pair, evidence)
walk_this()
show_method(evidence)
about_model(pair)
