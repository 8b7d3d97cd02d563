"""The only helpers that import Streamlit: what the pages are made of."""
