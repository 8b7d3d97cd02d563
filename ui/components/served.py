"""Where browsers find the app's own routes: below the prefix that a reverse proxy gives the app, if it has one."""

import streamlit as st


def served(path: str) -> str:
    """A path of ours, after ``server.baseUrlPath``; Streamlit puts that before its own routes alone."""
    prefix = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{prefix}{path}" if prefix else path
