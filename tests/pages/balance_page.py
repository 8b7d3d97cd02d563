"""The Balance page, opened and read."""

from compare_page import SCENE
from opened import opened

PAGE = "../pages/learn/balance.py"


def open_balance(**link):
    return opened(PAGE, **({"picture": SCENE, "set": "scenes"} | link))


def text(app):
    kinds = ("markdown", "caption", "error", "info", "warning")
    return " ".join(element.value for kind in kinds for element in app.get(kind)).replace("\\", "")


def table(app):
    return app.dataframe[0].value
