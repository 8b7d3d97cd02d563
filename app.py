"""The server: Streamlit's app plus our own routes for maps. Start it with ``streamlit run app.py``.

The entry script lives in ui/, because a ``pages/`` folder beside it would make Streamlit look for pages there.
"""

import streamlit as st

from ui.routes import ROUTES
from ui.warmup import lifespan

app = st.App("ui/shell.py", routes=ROUTES, lifespan=lifespan)
