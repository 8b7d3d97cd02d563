"""What the Models page remembers between two runs: a sentence to say once, which model is new, which form is the current one."""

import streamlit as st

SENTENCE, FORM = "models-said", "models-form"
SHOW = "show"  # in the address: the model whose card stands first


def say_next(sentence: str, show: str = "") -> None:
    """Have the page say a sentence when it is drawn next, with a model's card on top, and draw it."""
    st.session_state[SENTENCE] = sentence
    if show:
        st.query_params[SHOW] = show
    elif SHOW in st.query_params:
        del st.query_params[SHOW]
    st.rerun()


def last_sentence() -> str:
    """The sentence to say, once."""
    return str(st.session_state.pop(SENTENCE, ""))


def bring_into_sight() -> None:
    """Scroll to the card on top: whoever imported a model was further down, and the form above it has just been folded."""
    st.html(
        """<script>document.querySelector('[class*="st-key-model-new-"]')?.scrollIntoView({block: "start"});</script>""",
        unsafe_allow_javascript=True,
    )


def form_key(name: str) -> str:
    """The key of a widget of the import form; another one after each import, so that the form is empty again."""
    return f"models-{name}-{st.session_state.get(FORM, 0)}"


def next_form() -> None:
    """Empty the import form, and let go of the files that were sent."""
    st.session_state[FORM] = st.session_state.get(FORM, 0) + 1
