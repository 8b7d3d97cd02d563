"""Which models are there? Bundled, trained here, imported: what each is, what it can do, and how others get there."""

import streamlit as st

from recam_core.checkpoints.registry import model_entries
from recam_core.system.folders import may_start
from ui.models.card import show_card
from ui.models.choose import choose_shown, models_sentence
from ui.models.import_panel import bring_in
from ui.models.state import SHOW, bring_into_sight, last_sentence
from ui.widgets.terms import BCE, READOUT, SCE

st.subheader("Models: which are there?", anchor=False)
entries = model_entries()
st.markdown(models_sentence(entries))
st.caption(f"{READOUT} {BCE} {SCE}")
if sentence := last_sentence():
    st.success(sentence, icon=":material/check:")
if may_start():
    bring_in()
else:
    st.caption(
        "This server shows the models that are there: its operator has switched off importing, renaming and deleting."
    )

for entry in choose_shown(entries):
    show_card(entry, is_new=entry.name == st.query_params.get(SHOW))
if sentence:
    bring_into_sight()
