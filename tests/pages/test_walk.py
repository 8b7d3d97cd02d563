"""The Walk page as AppTest runs it: everything but the player's drawing, which tests/browser looks at."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from any_page import SHELL, query, ran
from climb_page import finished, header, open_climb, watched
from compare_page import SCENE, mounted, picture, upload
from odd_files import encode
from PIL import Image
from streamlit.testing.v1 import AppTest
from walk_page import PAGE, captions, ended, open_walk, order_of

import ui.compute.engine
import ui.walk.panel
from recam_core import DisplayOptions, RandomWalk, RandomWalkOptions, UserError, load_pair, walk_defaults, walked_result
from recam_core.images.visualise import labels_from_maps
from ui.components.player import stream_store
from ui.session import uploads
from ui.walk.labels import bundle_zip


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    cache = ui.compute.engine.EvidenceCache()
    monkeypatch.setattr(ui.compute.engine, "EVIDENCE", cache)
    monkeypatch.setattr(
        ui.walk.panel, "BOUNDARIES", ui.compute.engine.TurnCache(2**24, lambda b: b.nbytes, cache.queue)
    )
    uploads._STORE.clear()
    yield
    for stream in stream_store.STORE.values():
        stream.stop()
        assert stream.wait(20)


def test_it_opens_with_a_walk_of_all_classes_and_every_t():
    app = open_walk(classes="fish,boat")
    (stream,) = watched(app)
    description = header(stream)
    assert (stream.state, stream.made) == ("done", 17)
    assert [panel["layer"] for panel in description["about"]["panels"]] == ["boundary", "start", "map", "map"]
    assert set(description["frames"][0]["layers"]) == {"boundary", "start", "map"}
    assert all(set(frame["layers"]) == {"map"} for frame in description["frames"][1:])  # what stays travels once
    assert [frame["label"] for frame in description["frames"][:2]] == ["t = 0", "t = 1"]
    order = order_of(app)
    assert order.start.classes == ("fish", "boat")
    iou = [frame["curves"]["map"]["iou"][30] for frame in description["frames"]]
    assert len(set(iou)) > 3


def test_frames_and_curves_are_those_of_the_engine():
    app = open_walk(classes="boat")
    (stream,) = watched(app)
    order, frames = order_of(app), header(stream)["frames"]
    walked = walked_result(order.start, RandomWalk(order.boundary, order.options).at(order.start.grid, 16))
    assert frames[16]["curves"]["map"]["covered"][30] == pytest.approx((walked.maps[0] > 0.3).mean(), abs=1e-4)
    gated = order.start.grid * (1 - order.boundary)
    peak = RandomWalk(order.boundary, order.options).at(order.start.grid, 16)[0].max() / gated[0].max()
    assert frames[16]["values"]["peak"] == pytest.approx(peak, abs=1e-5)


def test_knobs_start_another_walk_and_are_in_the_link():
    app = open_walk()
    before = mounted(app)["runs"]
    app.slider(key="walk-radius-scenes").set_value(3)
    app.select_slider(key="walk-beta-scenes").set_value(2.0)
    ended(ran(app))
    assert mounted(app)["runs"] != before
    assert order_of(app).options == RandomWalkOptions(3, 2.0, 16)
    address = query(app)
    assert address | {"radius": "3", "beta": "2", "last": "16"} == address
    assert order_of(open_walk(**{name: address[name] for name in ("radius", "beta", "last")})).options.radius == 3
    ended(ran(app))
    assert mounted(app)["runs"][0]["id"] == app.session_state["walk-run"].stream.id  # and no walk without a change


def test_nonsense_in_a_link_is_not_walked_with():
    start = walk_defaults(load_pair("scenes"))
    for link in ({"radius": "90"}, {"beta": "nan"}, {"last": "8.5"}, {"boundary": "walls"}, {"start": "me"}):
        order = order_of(open_walk(**link))
        assert (order.options.radius, order.options.beta) == (start.radius, start.beta), link
        assert order.source == "learned"
        assert order.origin == "map"


def test_256_is_spelled_out_as_a_power_of_two():
    app = open_walk()
    assert "256 = 2⁸, not 8" in captions(app)


def test_a_model_without_branches_says_how_to_train_them_and_walks_on(monkeypatch):
    pair = replace(load_pair("scenes"), boundary=None)
    monkeypatch.setattr("ui.compute.engine._pair", lambda *file: pair)
    app = open_walk()
    assert order_of(app).source == "gradient"
    assert "python -m recam_core train-boundary --model scenes" in captions(app)


def test_the_boundaries_of_the_picture_can_be_chosen_instead():
    app = open_walk(boundary="gradient")
    learned = order_of(open_walk())
    assert order_of(app).source == "gradient"
    assert not np.array_equal(order_of(app).boundary, learned.boundary)


def test_a_climb_that_has_ended_can_walk_on():
    app = open_walk(start="climb", classes="fish")
    assert any("no finished climb" in info.value for info in app.info)
    assert order_of(app).origin == "map"
    app = finished(open_climb(classes="fish"), steps=3)
    app.session_state["walk-start"] = "climb"
    app.switch_page(PAGE)
    ended(ran(app))
    order = order_of(app)
    assert order.origin.startswith("climb ")
    assert order.start.classes == ("fish",)
    assert "climbed" in app.session_state["walk-run"].stream.about["title"]


def test_a_click_shows_where_heat_comes_from_and_goes():
    app = open_walk()
    sha = order_of(app).picture.sha256
    app.session_state["walk-picked"] = (sha, {"id": "", "x": 0.99, "y": 0.5})
    ran(app)
    words = captions(app)
    assert "Where its heat at t = 4 comes from" in words
    assert "Where its own heat goes by t = 4" in words
    assert any("Column 39 of 40, row 20 of 40" in text.value for text in app.markdown)


def test_labels_and_files_are_those_of_the_engine():
    app = open_walk(classes="fish,boat")
    order = order_of(app)
    ids = order.pair.class_ids(order.start.classes)
    expected = labels_from_maps(order.walked(4)[0].maps, ids, 0.3)
    subject_mask = app.session_state["walk-run"].order.truth
    assert subject_mask is not None
    assert "fish IoU" in captions(app)
    assert any(text.value.startswith("By t = 4 the area above 0.30 ") for text in app.markdown)

    class Unmasked:
        mask = None

    settings = {"threshold": 0.3, "opacity": 0.6, "palette": "viridis", "grow": False, "speed": 4}
    evidence = ui.compute.engine.EVIDENCE.cache.get((order.picture.sha256, order.pair.sha256, order.view))
    data = bundle_zip(order, Unmasked(), evidence, 4, settings, "http://here/walk?")
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        after = np.asarray(Image.open(io.BytesIO(bundle.read("after/labels.png"))))
        manifest = json.loads(bundle.read("manifest.json"))
    np.testing.assert_array_equal(after, expected)
    assert manifest["walk"]["boundary"] == "learned"
    assert manifest["walk"]["steps"] == 4
    assert manifest["link"] == "http://here/walk?"
    assert DisplayOptions().threshold == manifest["threshold"] == 0.3


def test_the_classes_that_compete_are_in_the_link_and_stay_when_another_is_looked_at():
    app = open_walk(classes="fish,boat")
    assert query(app)["classes"] == "fish,boat"
    (box,) = [box for box in app.selectbox if box.key.startswith("climb-class-")]
    box.set_value("boat")
    ended(ran(app))
    assert order_of(app).start.classes == ("boat", "fish")
    assert query(app)["classes"] == "boat,fish"
    again = open_walk(classes=query(app)["classes"])
    assert order_of(again).start.classes == ("boat", "fish")


@pytest.mark.parametrize("knobs", [{"radius": "12"}, {"beta": "0"}])
def test_the_widest_radius_and_no_sharpness_walk_on_a_small_picture(knobs):
    app = upload(open_walk(**knobs), ("own.png", encode(picture(33, 40), "PNG")))
    ended(app)
    assert watched(app)[0].state == "done"
    assert not app.error


def test_labels_far_beyond_the_last_step_are_reached_at_once():
    app = open_walk(classes="boat")
    (box,) = [box for box in app.number_input if box.label == "Labels at t"]
    assert box.value == mounted(app)["rest"] == walk_defaults(load_pair("scenes")).steps == 4  # its best, not its last
    box.set_value(3000)
    ran(app)
    order = order_of(app)
    assert "t = 3000 was reached at once" in captions(app)
    assert "After t = 3000" in captions(app)
    far, error = order.walked(3000)
    assert 0 < error <= 1e-6
    np.testing.assert_allclose(
        far.raw, walked_result(order.start, order.walk.at(order.start.grid, 3000)).raw, atol=2e-3
    )
    assert [step.t for step in order.kept_steps(3000)] == [0, 1, 2, 3, 4, 6, 8, 12, 16, 3000]


def test_walk_this_on_compare_leads_to_the_page():
    app = AppTest.from_file(SHELL, default_timeout=60)
    app.query_params["picture"] = SCENE
    ran(app)
    (button,) = [button for button in app.button if button.label == "Walk this"]
    button.click()
    ran(app)
    assert mounted(app)["runs"]
    assert query(app)["picture"] == SCENE


@pytest.mark.parametrize("size", [(33, 40), (60, 700)])
def test_small_and_long_pictures_walk(size):
    app = upload(open_walk(), ("own.png", encode(picture(*size), "PNG")))
    ended(app)
    height, width = order_of(app).start.picture.shape[:2]
    assert order_of(app).boundary.shape == ((height - 1) // 4 + 1, (width - 1) // 4 + 1)
    assert watched(app)[0].state == "done"


def test_what_the_engine_refuses_is_a_sentence(monkeypatch):
    def refuse(*_):
        raise UserError("These boundaries are not finite.")

    monkeypatch.setattr(ui.walk.panel, "boundary_map", refuse)
    app = AppTest.from_file(SHELL, default_timeout=60)
    app.query_params["picture"] = SCENE
    app.switch_page(PAGE)
    ran(app)
    assert [error.value for error in app.error] == ["These boundaries are not finite."]
