"""Can the picture be nudged so that more of the object lights up? AdvCAM, step by step."""

import streamlit as st

from recam_core import UserError
from ui.climb.choose import walk_this
from ui.climb.panel import show_climb, show_method
from ui.details import about_model, caution
from ui.engine import explain_picture, model_pair
from ui.pictures import plain
from ui.subject import choose_subject

st.subheader("Can the picture be nudged so that more of the object lights up?", anchor=False)

try:
    subject = choose_subject()
    evidence = explain_picture(subject.picture, subject.model, subject.options)
    pair = model_pair(subject.model)
except UserError as error:
    st.error(plain(str(error)), icon=":material/error:")
    st.stop()

if warning := caution(subject, pair):
    st.warning(warning, icon=":material/warning:")

show_climb(subject, pair, evidence)
walk_this()
show_method(evidence)
about_model(pair)
