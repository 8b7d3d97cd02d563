"""The Balance page, opened and read."""

from any_page import open_page
from compare_page import SCENE

import ui.balance.curve
import ui.balance.knobs
import ui.balance.sets

PAGE = "../pages/learn/balance.py"


def few_fits(monkeypatch):
    """Few pictures and two λ, where a test looks at something else than the fits: by itself the page fits every λ."""
    monkeypatch.setattr(ui.balance.sets, "COUNTS", {"quick": 5, "scenes": 6, "photos": 4})
    for module in (ui.balance.knobs, ui.balance.curve):
        monkeypatch.setattr(module, "RUNGS", (0.0, 1.0))


def open_balance(**link):
    return open_page(PAGE, **({"picture": SCENE, "set": "scenes"} | link))


def text(app):
    kinds = ("markdown", "caption", "error", "info", "warning")
    return " ".join(element.value for kind in kinds for element in app.get(kind)).replace("\\", "")


def table(app):
    return app.dataframe[0].value
