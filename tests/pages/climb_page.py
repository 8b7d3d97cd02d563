"""The Climb page, opened, started and read."""

from any_page import open_page, ran
from compare_page import SCENE, mounted

from ui.components.player import stream_store
from ui.compute.packing import unpack

PAGE = "../pages/explore/climb.py"


def open_climb(**link):
    return open_page(PAGE, **({"picture": SCENE} | link))


def knob(app, name, model="scenes"):
    kinds = {"steps": app.number_input, "tau": app.slider, "xi": app.select_slider, "mu": app.select_slider}
    return kinds[name](key=f"climb-{name}-{model}")


def watched(app):
    """The streams that the player is told to watch, when they have ended."""
    streams = [stream_store.get(run["id"]) for run in mounted(app)["runs"]]
    assert all(stream.wait(30) for stream in streams)
    return streams


def header(stream):
    return unpack(stream.packed(describe=True))[0]


def start(app, **knobs):
    for name, value in knobs.items():
        knob(app, name).set_value(value)
    if knobs:
        ran(app)
    app.button(key="climb-start").click()
    return ran(app)


def finished(app, **knobs):
    start(app, **knobs)
    watched(app)
    return ran(app)


def run_of(app, name="climb"):
    return app.session_state["climb-runs"][name]
