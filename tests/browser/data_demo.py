"""The form that chooses a data set, and its check, for the browser tests."""

import streamlit as st

from ui.widgets.dataset_choice import choose_data, show_check

st.set_page_config(layout="wide")
with st.sidebar:
    choice = choose_data("demo")
if choice is not None:
    report = show_check(choice, "demo")
    st.caption("No report yet." if report is None else f"Report of {report.pictures} pictures.")
