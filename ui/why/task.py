"""Something to try at the end of every step, with an answer that can be opened."""

import streamlit as st


def idea(text: str, formula: str) -> None:
    """The idea of a step in words, and beside it as a formula with numbers filled in."""
    words, equation = st.columns([1.15, 1], gap="large", vertical_alignment="center")
    words.markdown(text)
    equation.latex(formula)


def try_this(task: str, answer: str) -> None:
    """A task in words; its answer opens on request."""
    with st.container(border=True):
        st.markdown(f":material/science: **Try this.** {task}")
        with st.expander("Show the answer"):
            st.markdown(answer)
