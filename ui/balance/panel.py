"""The live part of the Balance page: which pictures, λ and switches, maps at once, then the curve point by point."""

from dataclasses import replace

import streamlit as st

from recam_core import Evidence, FeatureBank, ModelPair, RefitConfig, UserError, refit_evidence
from recam_core.datasets.class_names import VOC_CLASSES
from recam_core.networks.readouts import readout_labels, untrained_readouts
from ui.balance.curve import Key, Live, place_curve, progress, remember
from ui.balance.fits import bank_key, bank_of, fit_of, look_of
from ui.balance.full import show_full_training
from ui.balance.knobs import choose_lambda, choose_switches
from ui.balance.maps import show_maps
from ui.balance.sets import LabelledSet, choose_set
from ui.balance.state import remembered, tell
from ui.balance.verdicts import show_verdicts
from ui.balance.when import show_when
from ui.balance.words import what_changed
from ui.compute.engine import brief_turn
from ui.session.link import address
from ui.widgets.class_choice import choose_class
from ui.widgets.escaping import plain
from ui.widgets.subject import Subject
from ui.widgets.truth import known_truth
from ui.widgets.unfolding import unfolds

TRIED = "tried"
PARTS = {
    TRIED: "What you tried",
    "full": "Full training",
    "verdicts": "What the paper found",
    "when": "When does ReCAM help?",
}


def show_balance(subject: Subject, pair: ModelPair, evidence: Evidence) -> Live | None:
    """λ, two maps and the curve, on one screen; what cannot be fitted is said, and the shipped results below stay.

    Returns what goes on being fitted when the rest of the page is drawn.
    """
    with st.container(key="balance-knobs"):
        who, what, more = st.columns([1, 1.2, 1], gap="medium", vertical_alignment="bottom")
    with who:
        name = choose_class(evidence, subject, "The class whose maps are shown; all classes are fitted.")
    with more, st.popover("Ablations and last block", icon=":material/tune:", width="stretch"):
        config = choose_switches(pair)
    try:
        chosen = choose_set(pair, what)
        maps, curve = st.columns([1.15, 1], gap="large")
        with maps:
            config = chosen.suited(replace(config, recam_weight=choose_lambda()))
            bank, key, sentence = _fit_and_show(subject, pair, evidence, name, chosen, config)
        with curve:
            live = place_curve(pair, bank, chosen, key, config)
            st.markdown(sentence)
        return live
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None


def _fit_and_show(
    subject: Subject, pair: ModelPair, evidence: Evidence, name: str, chosen: LabelledSet, config: RefitConfig
) -> tuple[FeatureBank, Key, str]:
    """The maps at the λ that is chosen; returns the features, what they and a fit depend on, and what it changed in words."""
    place = st.empty()
    bank = bank_of(chosen, pair, config.last_block, progress(place, "Features of the pictures are made, once"))
    key = bank_key(chosen, pair, config.last_block)
    words = f"Both heads learn at λ = {config.recam_weight:g}"
    fitted = fit_of(key, pair, bank, config, progress(place, words))
    place.empty()
    for caution in bank.cautions():
        st.caption(f":material/info: {plain(caution)}")
    look = look_of(subject.picture, pair, replace(subject.options, scales=(1.0,)), config.last_block)
    truth, known, _ = known_truth(subject, evidence, [name], pair.class_ids([name]))
    with brief_turn():
        read = refit_evidence(look, pair, fitted)
    covered, settings = show_maps(read, fitted, name, subject.picture.name, truth, known)
    remember(key, config)
    return bank, key, what_changed(fitted, covered, settings["threshold"], plain(name))


def show_parts(subject: Subject, pair: ModelPair, evidence: Evidence, live: Live | None) -> None:
    """What stands below, one at a time: fits that were tried, full training, the paper's findings, when ReCAM helps."""
    first = "full" if pair.classes == VOC_CLASSES else TRIED  # fits on the few photos that come along move little
    st.segmented_control(
        "Look at",
        list(PARTS),
        key=remembered("part", PARTS, first),
        format_func=PARTS.__getitem__,
        required=True,
        persist_state="session",
        label_visibility="collapsed",
    )
    part = tell("part", first)
    if part == "full":
        show_full_training(subject, pair, evidence)
    elif part == "verdicts":
        show_verdicts()
    elif part == "when":
        show_when()
    elif live is not None:
        live.show_tried()
    _link()


def _link() -> None:
    with st.popover("Link to this view", icon=":material/link:"):
        st.caption("Picture, model, class, λ and every switch are in the address: whoever opens it sees the same fit.")
        st.code(address(), language=None, wrap_lines=True)


@unfolds("How this is computed", ":material/functions:")
def show_method() -> None:
    """What is fitted, what is not, and from where."""
    st.latex(
        r"\mathcal{L} = \mathcal{L}_{\mathrm{BCE}}\big(W\,\mathrm{GAP}(f)\big) + \frac{\lambda}{|Y|}"
        r"\sum_{k \in Y} \mathcal{L}_{\mathrm{SCE}}\big(W'\,\mathrm{GAP}(M_k \otimes f),\, k\big)"
    )
    st.markdown(
        "- **Features** $f$ come from the stage-1 network (BCE alone), once for all pictures and every λ; with "
        "“Unfreeze the last "
        "block” they are kept one block earlier, and that block learns from a copy of its own.\n"
        "- **Start**: $W$ is stage 1’s FC1, $W'$ its positive part. Every λ takes the same steps over the same "
        "batches, so the curve "
        "does not depend on the order in which you try them.\n"
        "- **CAM** is stage 1 and never moves. At λ = 0 only BCE is fitted: w is the control, and "
        f"{readout_labels(untrained_readouts(0))} are untrained.\n"
        "- This is not the training of the bundled model, which also moves the backbone and looks at random "
        "crops: see full training."
    )
