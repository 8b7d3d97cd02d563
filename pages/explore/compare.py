"""Where does the model look? CAM beside ReCAM w, w′, w⊕w′, w⊗w′, on one picture."""

import streamlit as st

from recam_core import UserError
from ui.climb.choose import refine_this
from ui.compare import choose_classes, show_evidence
from ui.details import about_model, caution, show_method, show_time
from ui.engine import explain_picture, model_pair
from ui.pictures import plain
from ui.subject import choose_subject

title, time = st.columns([3, 1], vertical_alignment="bottom")
title.subheader("Where does the model look?", anchor=False)

try:
    subject = choose_subject()
    evidence = explain_picture(subject.picture, subject.model, subject.options)
    pair = model_pair(subject.model)
except UserError as error:
    st.error(plain(str(error)), icon=":material/error:")
    st.stop()

with time:
    show_time(evidence)

if warning := caution(subject, pair):
    st.warning(warning, icon=":material/warning:")

classes = choose_classes(evidence, subject)
show_evidence(subject, pair, evidence, classes)
refine_this(subject, classes)
show_method(pair, evidence)
about_model(pair)
