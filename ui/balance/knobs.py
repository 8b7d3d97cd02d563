"""The knobs of the Balance page: λ, and the paper's ablations of ReCAM."""

import math
from dataclasses import replace

import streamlit as st

from recam_core import ModelPair, RefitConfig
from recam_core.datasets.samples import SCENE_CLASSES
from recam_core.records import OBJECTIVES
from recam_core.training.recipes import default_refit
from ui.session.choices import carry_over
from ui.session.link import read_choice, write
from ui.widgets.ladder import as_text

RUNGS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
LAMBDA, OBJECTIVE, MASK, BLOCK = "balance-lambda", "balance-objective", "balance-mask", "balance-block"
BEGUN = "balance-block-begun"  # in the session: what the last of them was set to without a person or a link
SHORT = {"both": "nothing", "shared": "FC2", "sce": "FC2 and BCE"}
DEFAULT_LAMBDA = 1.0


def choose_lambda() -> float:
    """The slider."""
    carry_over(LAMBDA)
    weight = st.select_slider(
        "Balance λ: how much SCE counts beside BCE",
        RUNGS,
        key=LAMBDA,
        persist_state="session",
        format_func=as_text,
        help="The loss is BCE + λ · SCE. The reference takes λ = 1 on VOC and 0.1 on COCO; λ = 0 is BCE alone, the control. "
        "Every λ starts from the same stage-1 weights and takes the same steps over the same batches.",
    )
    write("lambda", as_text(weight), as_text(DEFAULT_LAMBDA))
    return float(weight)


def choose_switches(pair: ModelPair) -> RefitConfig:
    """The paper's ablations, and what learns; returns the settings of the fit that is asked for, but for λ."""
    _read_link(pair)
    carry_over(OBJECTIVE, MASK, BLOCK)
    objective = st.segmented_control(
        "Ablation: ReCAM without",
        list(SHORT),
        key=OBJECTIVE,
        required=True,
        persist_state="session",
        format_func=SHORT.__getitem__,
        help="The paper's ablations. " + " ".join(f"**{SHORT[name]}**: {OBJECTIVES[name]}." for name in SHORT),
    )
    mask = st.toggle(
        "SCE teaches through the mask",
        key=MASK,
        persist_state="session",
        help="The mask of a class is its own CAM. On, as in the reference, SCE also changes FC1 through it; off, masks are "
        "constants and SCE teaches FC2 only.",
    )
    block = st.toggle(
        "Unfreeze the last block",
        key=BLOCK,
        persist_state="session",
        help="The last block of the backbone learns too, from a copy of its own, so that the features themselves answer to λ. "
        "Without it only what reads them out learns.",
    )
    settings = replace(
        default_refit(pair.backbone), objective=str(objective), mask_gradient=bool(mask), last_block=bool(block)
    )
    write("objective", settings.objective, "both")
    write("mask", str(int(settings.mask_gradient)), "1")
    write("block", str(int(settings.last_block)))
    return settings


def _read_link(pair: ModelPair) -> None:
    state = st.session_state
    moving = pair.classes == SCENE_CLASSES  # who follows no link begins with what moves, where that takes seconds
    if LAMBDA in state:
        if state.get(BEGUN) == state[BLOCK]:  # nobody has touched the switch
            state[BLOCK] = state[BEGUN] = moving
        return
    state[LAMBDA], fault = linked_lambda(st.query_params.get("lambda"))
    state[OBJECTIVE] = read_choice("objective", SHORT, "both")
    state[MASK] = read_choice("mask", ("0", "1"), "1") == "1"
    if not {"set", "block"} & set(st.query_params):
        state[BEGUN] = moving
    state[BLOCK] = read_choice("block", ("0", "1"), str(int(state.get(BEGUN, False)))) == "1"
    if fault:
        st.warning(fault, icon=":material/link_off:")


def linked_lambda(text: str | None) -> tuple[float, str]:
    """The rung that a link asks for, and a sentence where it asks for none."""
    if text is None:
        return DEFAULT_LAMBDA, ""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number) and RUNGS[0] <= number <= RUNGS[-1]:
        return min(RUNGS, key=lambda rung: abs(rung - number)), ""
    return (
        DEFAULT_LAMBDA,
        f"The link asks for a λ that is no number from 0 to {RUNGS[-1]:g}; you see λ = {DEFAULT_LAMBDA:g}.",
    )
