"""The Walk page, opened and read."""

from any_page import open_page, ran
from climb_page import watched
from compare_page import SCENE

PAGE = "../pages/explore/walk.py"


def open_walk(**link):
    return ended(open_page(PAGE, **({"picture": SCENE, "last": "16"} | link)))


def ended(app):
    """When the walk has ended, and the page has heard of it."""
    watched(app)
    return ran(app)


def order_of(app):
    return app.session_state["walk-run"].order


def captions(app):
    return " ".join(caption.value for caption in app.caption)
