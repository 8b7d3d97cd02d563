"""Where does the model look? CAM beside ReCAM w, w′, w⊕w′, w⊗w′, on one picture."""

import streamlit as st

from ui.compare.details import show_method, show_time
from ui.compare.panel import choose_classes, show_evidence
from ui.widgets.class_choice import refine_this
from ui.widgets.model_card import about_model
from ui.widgets.opening import open_subject

title, time = st.columns([3, 1], vertical_alignment="bottom")
title.subheader("Where does the model look?", anchor=False)
subject, evidence, pair = open_subject()
with time:
    show_time(evidence)
classes = choose_classes(evidence, subject)
show_evidence(subject, pair, evidence, classes)
refine_this(subject, evidence, classes)
show_method(pair, evidence)
about_model(pair)
