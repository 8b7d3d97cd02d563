"""One model as a card: what it is, what it was measured at, what to keep in mind, and everything that its file says."""

from typing import Literal

import streamlit as st

from recam_core.checkpoints.registry import ModelEntry, model_sha256
from recam_core.records import CAM
from ui.models import words
from ui.models.actions import show_actions
from ui.widgets.escaping import plain
from ui.widgets.model_card import imported_words, show_ranking, show_scores, show_walk
from ui.widgets.model_choice import KINDS, date_words

COLOURS: dict[str, Literal["gray", "blue", "violet"]] = {"bundled": "gray", "trained": "blue", "imported": "violet"}


def show_card(entry: ModelEntry, *, is_new: bool) -> None:
    """Draw one model; a damaged file is a sentence."""
    with st.container(border=True, key=f"model-{'new' if is_new else 'card'}-{entry.name}"):
        _head(entry)
        if entry.fault:
            st.error(plain(entry.fault), icon=":material/broken_image:")
        else:
            _facts(entry)
            _cautions(entry)
        show_actions(entry)
        if not entry.fault:
            _details(entry)


def _head(entry: ModelEntry) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"#### {plain(entry.title)}", width="content", anchors=False)
        st.badge(KINDS[entry.kind], color=COLOURS[entry.kind])
        if entry.fault:
            st.badge("cannot be read", color="red")
        elif entry.networks == (CAM,):
            st.badge("only CAM", color="orange")
        elif CAM not in entry.networks:
            st.badge("only ReCAM", color="orange")
    parts = [words.size_words(entry.size)]
    if entry.kind != "bundled":
        parts.append(date_words(entry.changed))
    if not entry.fault:
        parts.append(f"SHA-256 `{model_sha256(entry)[:12]}…`")
    if entry.title != entry.name:
        parts.insert(0, f"`{entry.name}` in links and commands")
    about = entry.card.get("about")
    st.caption(" · ".join(parts))
    if isinstance(about, str) and about:
        st.markdown(plain(about))


def _facts(entry: ModelEntry) -> None:
    """Classes, backbone, readouts and the best score, side by side."""
    best = words.best_score(entry.card)
    boundaries = "learned boundaries for walks" if entry.has_boundaries else "no learned boundaries"
    facts = {
        "Classes": (f"{len(entry.classes):,}", words.classes_words(entry.classes)),
        "Backbone": words.backbone_words(entry.backbone),
        "Readouts": (words.readout_words(entry.readouts), boundaries),
        "Best seeds": best[:2] if best else ("not measured yet", "Evaluate it to see how good its seeds are"),
    }
    with st.container(key=f"model-facts-{entry.name}"):
        for column, (label, (value, more)) in zip(st.columns([1.3, 1, 1.2, 1.1]), facts.items(), strict=True):
            with column:
                st.caption(label)
                st.markdown(f"**{plain(value)}**")
                st.caption(plain(more))
    if best:
        st.caption(f"Seeds were measured on {plain(best[2])}.")


def _cautions(entry: ModelEntry) -> None:
    """What the card warns of, and what the model lacks: always in sight."""
    warning = entry.card.get("warning")
    if isinstance(warning, str) and warning:
        st.warning(plain(warning), icon=":material/warning:")
    if lacking := words.missing_words(entry.networks) if entry.readouts else "":
        st.info(lacking, icon=":material/info:")


def _details(entry: ModelEntry) -> None:
    """Everything else, made only when somebody opens it."""
    card = st.expander("Classes, training, scores and file", key=f"model-details-{entry.name}", on_change="rerun")
    if not card.open:
        return
    with card:
        st.markdown(f"**{len(entry.classes):,} classes**  \n{plain(', '.join(entry.classes))}")
        if made := imported_words(entry.card):
            st.markdown(f"**Where it comes from**  \n{plain(made)}")
        training = entry.card.get("training")
        if isinstance(training, dict) and training:
            st.markdown(f"**Training**  \n{plain(words.training_words(training))}")
            st.dataframe(words.settings_rows(training), hide_index=True, height=250)
        _measured(entry)
        st.markdown("**SHA-256 of the file**")
        st.code(model_sha256(entry), language=None, wrap_lines=True)


def _measured(entry: ModelEntry) -> None:
    scores, walk = entry.card.get("scores"), entry.card.get("walk")
    if not scores:
        st.markdown("**Scores**  \nThe card holds none that this page knows.")
        return
    st.markdown("**Scores**")
    for where, measured in scores.items():
        show_scores(where, measured)
    if walk and "measured" in walk:
        show_walk(walk)
    show_ranking(entry.card.get("calibration", {}))
