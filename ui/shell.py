"""What all pages share: the window's title, the navigation on top."""

from pathlib import Path

import streamlit as st

st.set_page_config(page_title="ReCAM Studio", page_icon=":material/filter_center_focus:", layout="wide")
st.logo(Path(__file__).parent.parent / "assets" / "logo.svg", size="large")

st.html(Path(__file__).with_name("shell.css"))

page = st.navigation(
    {"Explore": [st.Page("../pages/explore/compare.py", title="Compare", icon=":material/compare:", default=True)]},
    position="top",
)
page.run()
