"""What all pages share: the window's title, the navigation on top."""

from pathlib import Path

import streamlit as st

from ui.warmup import import_engine

LOGO = Path(__file__).parent.parent / "assets" / "logo.svg"
# the mark without the words, drawn in place: Streamlit would fetch an icon of its own set from the network
MARK = LOGO.read_text(encoding="utf-8").replace('viewBox="0 0 190 32" width="190"', 'viewBox="0 0 32 32" width="32"')

st.set_page_config(page_title="ReCAM Studio", page_icon=MARK, layout="wide")
st.logo(LOGO, size="large")

st.html(Path(__file__).with_name("shell.css"))

page = st.navigation(
    {
        "Explore": [
            st.Page("../pages/explore/compare.py", title="Compare", icon=":material/compare:", default=True),
            st.Page("../pages/explore/climb.py", title="Climb", icon=":material/landscape:"),
            st.Page("../pages/explore/walk.py", title="Walk", icon=":material/route:"),
        ],
        "Learn": [
            st.Page("../pages/learn/why.py", title="Why", icon=":material/school:"),
            st.Page("../pages/learn/balance.py", title="Balance", icon=":material/balance:"),
        ],
        "Lab": [
            st.Page("../pages/lab/train.py", title="Train", icon=":material/model_training:"),
            st.Page("../pages/lab/models.py", title="Models", icon=":material/shelves:"),
            st.Page("../pages/lab/errors.py", title="Errors", icon=":material/troubleshoot:"),
        ],
    },
    position="top",
)
st.sidebar.empty()  # has the sidebar's place kept from the start
with st.spinner("The engine is starting; the first picture takes a few seconds …", show_time=True):
    import_engine()  # pages import it at their top; the first one to be opened waits here, where it can be said
page.run()
