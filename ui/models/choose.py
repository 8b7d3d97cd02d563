"""Which cards are shown, and in which order."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from recam_core.checkpoints.registry import ModelEntry
from ui.models.state import SHOW
from ui.models.words import size_words
from ui.widgets.model_choice import KINDS

PAGE = 20  # cards at once
ALL = "all"


def models_sentence(entries: Sequence[ModelEntry]) -> str:
    """How many models there are, where from, and what they take on disk."""
    counts = Counter(entry.kind for entry in entries)
    parts = [f"{counts[kind]} {words}" for kind, words in KINDS.items() if counts[kind]]
    size = size_words(sum(entry.size for entry in entries))
    many = f"{len(entries)} model{'' if len(entries) == 1 else 's'}"
    return (
        f"**{many}**: {', '.join(parts)}; {size} on disk. Every page offers them."
        if entries
        else "There are no models."
    )


def choose_shown(entries: Sequence[ModelEntry]) -> list[ModelEntry]:
    """Those that the panel asks for; the one that the address names comes first."""
    with st.sidebar:
        kinds = [ALL, *(kind for kind in KINDS if any(entry.kind == kind for entry in entries))]
        kind = st.segmented_control(
            "Show",
            kinds,
            format_func=lambda kind: KINDS.get(kind, "all"),
            default=ALL,
            required=True,
            key="models-kind",
        )
        text = st.text_input("Find", key="models-find", placeholder="name, class or backbone")
    first = st.query_params.get(SHOW)
    matching = [entry for entry in entries if kind in (ALL, entry.kind) and is_found(entry, text)]
    matching.sort(key=lambda entry: entry.name != first)  # stable
    if not matching:
        st.info("No model is like that. Clear a filter.", icon=":material/filter_alt_off:")
    if len(matching) > PAGE:
        page = int(
            st.number_input(f"Page of {-(-len(matching) // PAGE)}", 1, -(-len(matching) // PAGE), key="models-page")
        )
        matching = matching[(page - 1) * PAGE : page * PAGE]
    return matching


def is_found(entry: ModelEntry, text: str) -> bool:
    """Whether every word is in a model's name, title, backbone or classes."""
    where = " ".join([entry.name, entry.title, entry.backbone, *entry.classes]).lower()
    return all(word in where for word in text.lower().split())
