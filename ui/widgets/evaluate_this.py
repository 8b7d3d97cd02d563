"""From another page to Errors, with a model in the form of a new evaluation."""

import streamlit as st

ERRORS = "../pages/lab/errors.py"
ASKED = "new-asked"  # in the session: somebody came from another page to evaluate a model


def evaluate_this(model: str) -> None:
    """Open Errors with the model in its form."""
    st.session_state["new-model"], st.session_state[ASKED] = model, True
    st.switch_page(ERRORS)
