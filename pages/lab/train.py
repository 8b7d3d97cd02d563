"""How does CAM form, and what does ReCAM make of it? Training, watched epoch by epoch."""

import streamlit as st

from recam_core import UserError
from ui.train import runs
from ui.train.after import show_after, show_settings
from ui.train.compare import choose_others, show_comparison
from ui.train.epoch_maps import show_watched
from ui.train.form import first_visit, show_form
from ui.train.live import show_curves, show_live_curves, show_log, show_progress
from ui.train.panel import choose_run
from ui.train.parts import show_link, show_queue
from ui.train.state import NEW
from ui.widgets.escaping import plain
from ui.widgets.jobs import show_damaged

st.subheader("Training: how does CAM form, and what does ReCAM make of it?", anchor=False)
every_run = runs.all_runs()
show_damaged()
run = choose_run(every_run)
if isinstance(run, str):
    show_queue(None)
    if run == NEW:
        show_form()
    else:
        first_visit()
    st.stop()

with st.sidebar:
    others = choose_others(every_run, run)
show_queue(run)
if others:
    show_comparison([run, *others], runs.labels(every_run))
    show_link()
    st.stop()

try:
    config = runs.settings_of(run)
except UserError as error:
    st.error(plain(str(error)), icon=":material/error:")
    show_after(run, None)
    st.stop()
if run.waits:
    show_progress(run, config)
else:
    show_after(run, config)
with st.container():  # one place, however many parts it has, so that what follows keeps its own
    show_watched(run, config)
if run.waits:
    show_live_curves(run, config)
else:
    with st.container():  # as a fragment is one: these curves replace those of before instead of standing below them
        show_curves(run, runs.history_of(run), config)
show_log(run)
show_settings(run, config)
show_link()
