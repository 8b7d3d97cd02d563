"""The Why page, opened and read."""

from compare_page import SCENE
from opened import opened, ran

PAGE = "../pages/learn/why.py"


def open_why(**link):
    return opened(PAGE, **({"picture": SCENE} | link))


def words(app):
    html = [element.proto.body for element in app.get("html")]
    return "\n".join([*(m.value for m in app.markdown), *(c.value for c in app.caption), *html]).replace("\\", "")


def heading(app):
    (found,) = [m.value for m in app.markdown if m.value.startswith("#### ")]
    return found


def press(app, key):
    app.button(key=key).click()
    return ran(app)
