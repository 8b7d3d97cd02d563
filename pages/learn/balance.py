"""What does λ do? Both heads are fitted again while the slider moves; below, full training, verdicts, and when ReCAM helps."""

import streamlit as st

from recam_core.records import CAM, IGNORE
from ui.balance.panel import show_balance, show_method, show_parts
from ui.widgets.missing_parts import suggest_bundled
from ui.widgets.model_card import about_model
from ui.widgets.opening import open_subject
from ui.widgets.terms import BCE, READOUT, SCE

st.subheader("ReCAM’s balance λ: what does it do?", anchor=False)
subject, evidence, pair = open_subject()
st.caption(f"ReCAM’s loss is BCE + λ · SCE. {BCE} {SCE}")
live = None
if CAM not in pair.readouts:
    suggest_bundled(pair, "Both heads are fitted again on the features of a network that was trained with BCE alone.")
elif len(pair.classes) >= IGNORE:
    suggest_bundled(pair, f"Fits are compared with true masks, which tell {IGNORE - 1} classes apart at most.")
else:
    with st.container(key="balance-page"):
        live = show_balance(subject, pair, evidence)
    st.caption(READOUT)
show_parts(subject, pair, evidence, live)
show_method()
about_model(pair)
if live is not None:
    live.grow()
