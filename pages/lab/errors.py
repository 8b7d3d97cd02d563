"""Where does the model fail, and does ReCAM help there? Counts of a whole data set, down to the single picture."""

import streamlit as st

from recam_core import UserError
from ui.errors import runs
from ui.errors.classes import show_classes
from ui.errors.curves import show_curves
from ui.errors.export import show_export
from ui.errors.gallery import kept_notes, show_gallery
from ui.errors.headline import show_headline
from ui.errors.new import first_visit, form_place, new_evaluation
from ui.errors.parts import choose_part, show_link, show_state
from ui.errors.picture import leave_open, open_name, show_opened
from ui.errors.sanity import show_boxes, show_sanity
from ui.errors.sides import choose_run, choose_sides, choose_threshold
from ui.widgets.escaping import plain
from ui.widgets.jobs import show_damaged

st.subheader("Errors: where does the model fail, and does ReCAM help there?", anchor=False)
every_run = runs.all_runs()
show_damaged()
if not every_run:
    first_visit()
    with form_place():
        new_evaluation()
    st.stop()

run = choose_run(every_run)
form = form_place()
show_state(run)
try:
    store = runs.store_of(run)
    view = None if store.settings.boxed else choose_sides(run, every_run)
except UserError as error:
    with form:
        new_evaluation()
    if run.job is not None and run.job.is_waiting:
        st.info("Figures stand here as soon as the first pictures are counted.", icon=":material/hourglass_top:")
    elif run.job is None or run.job.status.state == "done" or runs.written_parts(run):
        st.error(plain(str(error)), icon=":material/error:")
    st.stop()
with form:
    new_evaluation()
if view is None:
    show_boxes(run, store)
    st.stop()

headline = st.container()
view = choose_threshold(view)
with headline:
    show_headline(view)
show_curves(view)
part = choose_part()
notes = kept_notes(view)
if part == "pictures":
    name, place = open_name(view), st.container()
    show_gallery(view, notes)
    if name:
        with place:
            show_opened(view, name, notes)
else:
    leave_open()
    if part == "classes":
        show_classes(view)
    elif part == "sanity":
        show_sanity(view)
    else:
        show_export(view, notes)
show_link(view)
