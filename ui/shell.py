"""What all pages share: the window's title, the navigation on top, and on pages about a picture the panel."""

from pathlib import Path

import streamlit as st

from ui.session.choices import begin_visit
from ui.warmup import import_engine
from ui.widgets.presentation import choose_presentation

LOGO = Path(__file__).parent.parent / "assets" / "logo.svg"
# the mark without the words, drawn in place: Streamlit would fetch an icon of its own set from the network
MARK = LOGO.read_text(encoding="utf-8").replace('viewBox="0 0 190 32" width="190"', 'viewBox="0 0 32 32" width="32"')

ABOUT_A_PICTURE = [
    st.Page("../pages/explore/compare.py", title="Compare", default=True),
    st.Page("../pages/explore/climb.py", title="AdvCAM climb"),
    st.Page("../pages/explore/walk.py", title="IRN walk"),
    st.Page("../pages/learn/why.py", title="Lesson"),
    st.Page("../pages/learn/balance.py", title="Balance λ"),
]
LAB = [
    st.Page("../pages/lab/train.py", title="Train"),
    st.Page("../pages/lab/models.py", title="Models"),
    st.Page("../pages/lab/errors.py", title="Errors"),
]

page = st.navigation([*ABOUT_A_PICTURE, *LAB], position="top")
st.set_page_config(page_title=f"{page.title} · ReCAM Studio", page_icon=MARK, layout="wide")
st.logo(LOGO, size="large")
st.html(Path(__file__).with_name("shell.css"))
choose_presentation()
st.sidebar.empty()  # has the sidebar's place kept from the start
with st.spinner("The engine is starting; the first picture takes a few seconds …", show_time=True):
    import_engine()  # pages import it at their top; the first one to be opened waits here, where it can be said

begin_visit(page.url_path)
if page in ABOUT_A_PICTURE:
    from ui.widgets.subject import draw_panel

    draw_panel()  # here, because a widget that a page draws is another one on the next page, and begins anew there
page.run()
