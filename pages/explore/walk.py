"""Can boundaries hold the heat inside the object? IRN's random walk, step by step."""

import streamlit as st

from recam_core import UserError
from ui.details import about_model, caution
from ui.engine import explain_picture, model_pair
from ui.pictures import plain
from ui.subject import choose_subject
from ui.walk.panel import show_method, show_walk

st.subheader("Can boundaries hold the heat inside the object?", anchor=False)

try:
    subject = choose_subject()
    evidence = explain_picture(subject.picture, subject.model, subject.options)
    pair = model_pair(subject.model)
except UserError as error:
    st.error(plain(str(error)), icon=":material/error:")
    st.stop()

if warning := caution(subject, pair):
    st.warning(warning, icon=":material/warning:")

show_walk(subject, pair, evidence)
show_method()
about_model(pair)
