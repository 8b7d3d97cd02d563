"""The steps of the lesson in their order: what each asks, and who draws it."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from ui.why import classifier, counterpoint, logits, masking, readouts, refining, votes
from ui.why.example import Example
from ui.why.steps import show_link


@dataclass(frozen=True)
class Step:
    """One idea: its title, and the function that draws it with one live picture and a task."""

    title: str
    show: Callable[[Example], None]


STEPS = (
    Step("A classifier has no idea of masks", classifier.show),
    Step("CAM is a weighted sum of feature maps", votes.show),
    Step("BCE: each class by itself, until it is answered", logits.show_bce),
    Step("Mask the features with the class’s map", masking.show),
    Step("SCE: the classes compete", logits.show_sce),
    Step("Two classifiers, four readouts", readouts.show),
    Step("What AdvCAM and IRN add", refining.show),
    Step("What it still gets wrong", counterpoint.show),
)


@st.fragment
def show_step(number: int, example: Example) -> None:
    """Draw one step; what is moved inside of it reruns only this part."""
    with st.container(key="why-body"):
        STEPS[number - 1].show(example)
    with st.container(key="why-link"):
        show_link()
