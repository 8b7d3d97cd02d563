"""Can boundaries hold the heat inside the object? IRN's random walk, step by step."""

import streamlit as st

from ui.walk.panel import show_method, show_walk
from ui.widgets.model_card import about_model
from ui.widgets.opening import open_subject

st.subheader("IRN: can boundaries hold the heat inside the object?", anchor=False)
subject, evidence, pair = open_subject()
show_walk(subject, pair, evidence)
show_method()
about_model(pair)
