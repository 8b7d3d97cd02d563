"""What does λ do? Both heads are fitted again while the slider moves; full training, ablations and verdicts beside it."""

import streamlit as st

from recam_core.records import CAM, IGNORE
from ui.balance.panel import show_balance, show_method
from ui.balance.verdicts import show_verdicts
from ui.balance.when import show_when
from ui.widgets.missing_parts import suggest_bundled
from ui.widgets.model_card import about_model
from ui.widgets.opening import open_subject

st.subheader("ReCAM’s balance λ: what does it do?", anchor=False)
subject, evidence, pair = open_subject()
if CAM not in pair.network_names:
    suggest_bundled(pair, "Both heads are fitted again on the features of a network that was trained with BCE alone.")
elif len(pair.classes) >= IGNORE:
    suggest_bundled(pair, f"Fits are compared with true masks, which tell {IGNORE - 1} classes apart at most.")
else:
    show_balance(subject, pair, evidence)
show_verdicts()
show_when()
show_method()
about_model(pair)
