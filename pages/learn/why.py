"""Why does a classifier light up part of the object, and what does ReCAM change? A lesson in steps, on one picture."""

import streamlit as st

from recam_core import UserError
from recam_core.networks.readouts import NETWORKS
from ui.compute.engine import explain_picture, look_inside, model_pair
from ui.why.example import Example, one_look
from ui.why.lesson import STEPS, show_step
from ui.why.steps import choose_step
from ui.widgets.class_choice import choose_class
from ui.widgets.escaping import plain
from ui.widgets.missing_parts import suggest_bundled
from ui.widgets.model_card import about_model, caution
from ui.widgets.presentation import presenting
from ui.widgets.subject import chosen_subject

with st.container(key="why-title"):  # the presentation hides it: a projector's room is for the step
    st.subheader("CAM and ReCAM: why does a classifier light up only part of the object?", anchor=False)

try:
    subject = chosen_subject()
    evidence = explain_picture(subject.picture, subject.model, one_look(subject.options))
    pair = model_pair(subject.model)
    if pair.network_names != NETWORKS:
        needs = "The lesson compares a network trained with BCE alone with ReCAM’s, so it needs both."
        suggest_bundled(pair, needs, train=True)
        st.stop()
    features = look_inside(subject.picture, subject.model, subject.options.long_side)
except UserError as error:
    st.error(plain(str(error)), icon=":material/error:")
    st.stop()

if not presenting() and (warning := caution(subject, pair)):
    st.warning(plain(warning), icon=":material/warning:")

number, place = choose_step([step.title for step in STEPS])
with place:
    name = choose_class(evidence, subject, "The class that every step of the lesson is about.")

show_step(number, Example(subject, pair, evidence, features, name))
with st.container(key="why-after"):
    st.caption(
        "The lesson looks at every picture once, at one scale and without its mirror image, so that each number can be followed; "
        "Compare looks as the panel says."
    )
    about_model(pair)
