"""Models without all readouts: what is missing and where it can be trained, and a bundled model for pages that need it."""

import streamlit as st

from recam_core import Evidence, ModelPair
from recam_core.datasets.samples import sample_model
from recam_core.networks.readouts import NETWORKS
from recam_core.records import CAM, PROBABILITY
from recam_core.system.folders import may_start
from ui.widgets.escaping import plain
from ui.widgets.pictures import PICTURE

TRAIN = "../pages/lab/train.py"


def show_lacking(pair: ModelPair) -> None:
    """A calm banner on the pages of Explore: which readouts there are, why, and what would give the others."""
    if pair.network_names == NETWORKS:
        return
    if not pair.readouts:
        text = (
            f"The answer of the model {plain(pair.name)} is not linear in averaged features, so **CAM does not apply** to it: no "
            "weights say what each position gives to a class. Methods that ask for gradients do, and are shown on Compare."
        )
    elif pair.network_names == (CAM,):
        text = (
            f"The model {plain(pair.name)} has one classifier (FC1) and shows **CAM** alone. ReCAM’s readouts need a second "
            "one (FC2), which learns from features under each class’s own CAM and can be trained on this model."
        )
    else:
        text = (
            f"The model {plain(pair.name)} came without a network that was trained with BCE alone, so **CAM is missing** and "
            "nothing stands beside ReCAM’s readouts to compare them with. Import it together with its CAM network to see "
            "both."
        )
    st.info(text, icon=":material/info:")
    _offer_training(pair)


def suggest_bundled(pair: ModelPair, needs: str, *, train: bool = False) -> None:
    """On a page that the model cannot serve: what the page needs, and a way to a bundled model that has it.

    ``train`` also offers to train FC2, on a page that shows no banner of `show_lacking`.
    """
    st.info(
        f"{needs} The model {plain(pair.name)} has {' and '.join(_words(pair))}.",
        icon=":material/info:",
    )
    if train:
        _offer_training(pair)
    model = sample_model(st.session_state[PICTURE])
    st.button(
        f"Look with the bundled model {model}",
        icon=":material/swap_horiz:",
        on_click=_take,
        args=(model,),
        key="suggested",
    )


def probability_words(evidence: Evidence) -> str:
    """What scores are called: softmax ones by that name."""
    return PROBABILITY[evidence.activation]


def softmax_hint(evidence: Evidence) -> str:
    """What a reader of softmax probabilities must know; empty for others."""
    if evidence.activation != "softmax":
        return ""
    return (
        f"Softmax probabilities sum to 1 over all {len(evidence.classes)} classes, so several classes cannot all be likely: "
        "a low one does not mean that the class is not there."
    )


def _offer_training(pair: ModelPair) -> None:
    """Where the model has CAM alone, and this server trains: the way to the form with this model in it."""
    if pair.readouts == (CAM,) and may_start() and st.button("Train FC2 on it", icon=":material/model_training:"):
        st.switch_page(TRAIN, query_params={"run": "new", "stage1": pair.name})


def _words(pair: ModelPair) -> list[str]:
    if not pair.readouts:
        return ["no weights that could be"]
    return ["CAM alone"] if pair.network_names == (CAM,) else ["ReCAM’s readouts", "no CAM"]


def _take(model: str) -> None:
    st.session_state["model"] = model
