"""The Why page, opened and read."""

from any_page import open_page, ran
from compare_page import SCENE

PAGE = "../pages/learn/why.py"


def open_why(**link):
    return open_page(PAGE, **({"picture": SCENE} | link))


def words(app):
    html = [element.proto.body for element in app.get("html")]
    return "\n".join([*(m.value for m in app.markdown), *(c.value for c in app.caption), *html]).replace("\\", "")


def heading(app):
    (text,) = [m.value for m in app.markdown if m.value.startswith("#### ")]
    return text


def press(app, key):
    app.button(key=key).click()
    return ran(app)
