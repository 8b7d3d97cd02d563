"""CAM beside ReCAM's readouts on one picture: what lights up, and how well it covers the object."""

import streamlit as st

from ui.compare.details import show_method, show_time
from ui.compare.doors import show_refused
from ui.compare.grid import grid_pictures, show_grid
from ui.compare.panel import choose_classes, show_claim, show_evidence
from ui.widgets.class_choice import refine_this
from ui.widgets.model_card import about_model
from ui.widgets.opening import open_subject

show_claim()
subject, evidence, pair = open_subject(with_methods=True)
show_refused(subject)
if pictures := grid_pictures(subject):
    show_grid(pictures, subject, pair)
    st.stop()
classes = choose_classes(evidence, subject)
show_evidence(subject, pair, evidence, classes)
if pair.readouts:
    refine_this(subject, evidence, classes)
    show_method(pair, evidence)
with st.container(horizontal=True, vertical_alignment="center"):
    about_model(pair)
    show_time(evidence)
