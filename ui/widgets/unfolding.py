"""Expanders whose content is made once somebody opens them."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st

P = ParamSpec("P")


def unfolds(title: str, icon: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Put what a function shows into an expander, and call it only while that is open.

    For a formula or a chart, be it folded away, a browser loads megabytes before it paints the first map.
    """

    def fold(show: Callable[P, None]) -> Callable[P, None]:
        @wraps(show)
        def folded(*args: P.args, **kwargs: P.kwargs) -> None:
            box = st.expander(title, icon=icon, key=show.__name__, on_change="rerun")
            if box.open:
                with box:
                    show(*args, **kwargs)

        return folded

    return fold
