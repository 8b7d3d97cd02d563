"""Can boundaries hold the heat inside the object? IRN's random walk, step by step."""

import streamlit as st

from ui.walk.panel import show_method, show_walk
from ui.widgets.model_card import about_model
from ui.widgets.opening import open_subject
from ui.widgets.terms import READOUT

st.subheader("IRN: can boundaries hold the heat inside the object?", anchor=False)
st.caption(
    "**IRN**’s random walk: the heat of a map moves on to neighbouring positions, step by step, and stops where a boundary lies. "
    f"{READOUT}"
)
subject, evidence, pair = open_subject()
show_walk(subject, pair, evidence)
show_method()
about_model(pair)
