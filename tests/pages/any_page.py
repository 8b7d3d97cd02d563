"""A page as AppTest runs it: opened by its link, run without an exception, read, clicked."""

import json
from pathlib import Path

from streamlit.testing.v1 import AppTest

SHELL = str(Path(__file__).parents[2] / "ui" / "shell.py")


def open_page(page=None, /, **link):
    """The app at a page (None: the first one) with what its address says."""
    app = AppTest.from_file(SHELL, default_timeout=90)
    for name, value in link.items():
        app.query_params[name] = value
    if page is not None:
        app.switch_page(page)
    return ran(app)


def ran(app):
    app.run()
    assert [e.message for e in app.exception] == []
    return app


def query(app):
    """The address."""
    return {name: "".join(value) for name, value in app.query_params.items()}


def words(app):
    """Everything that the page says in sentences."""
    shown = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.success]
    return " ".join(element.value for element in shown).replace("\\", "")


def unfold(app, part):
    """Open an expander whose content is made then; it has the name of the function that shows it."""
    app.session_state[part] = True
    return ran(app)


def handed_over(app):
    """What the page hands to each of its components; a list holds what is for the script of ``mounted``."""
    everything = [json.loads(element.proto.json) for element in app.main if element.type == "bidi_component"]
    return [data[0] if isinstance(data, list) else data for data in everything]


def press(app, **which):
    """Click the one button of a label or key."""
    (button,) = [b for b in app.button if all(getattr(b, name) == value for name, value in which.items())]
    button.click()
    return ran(app)
