"""What every step is made of: the idea, something live beside or below it, and a task with an answer."""

from typing import Any

import streamlit as st


def idea(text: str, formula: str) -> None:
    """The idea of a step in words, and beside it as a formula with numbers filled in."""
    with st.container(key="why-idea"):
        words, equation = st.columns([1.15, 1], gap="large", vertical_alignment="center")
        words.markdown(text)
        equation.latex(formula)


def demo() -> Any:
    """The place of what can be moved, clicked and read in a step."""
    return st.container(key="why-demo")


def try_this(task: str, answer: str) -> None:
    """A task in words; its answer opens on request."""
    with st.container(key="why-task", border=True):
        st.markdown(f":material/science: **Try this.** {task}")
        with st.expander("Show the answer"):
            st.markdown(answer)
