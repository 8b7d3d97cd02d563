"""The Climb page as AppTest runs it: everything but the player's drawing, which tests/browser looks at."""

import io
import json
import threading
import time
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from any_page import SHELL, query, ran
from climb_page import finished, header, knob, open_climb, run_of, start, watched
from compare_page import SCENE, mounted, picture, sentences, upload
from odd_files import encode
from PIL import Image
from streamlit.testing.v1 import AppTest

import ui.compute.engine
from recam_core import SAMPLES, AdvCamOptions, DisplayOptions, UserError, climb_defaults, load_pair
from recam_core.refiners.advcam import climb
from ui.climb.files import bundle_zip, frames_zip
from ui.climb.frames import climb_frame
from ui.components.player import stream_store
from ui.session import uploads

OTHER_SCENE = "scene-bird-tree"


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(ui.compute.engine, "EVIDENCE", ui.compute.engine.EvidenceCache())
    uploads._STORE.clear()
    yield
    for stream in stream_store.STORE.values():
        stream.stop()
        assert stream.wait(20)


def test_it_opens_with_a_preview_of_a_few_steps():
    app = open_climb()
    (stream,) = watched(app)
    about = header(stream)["about"]
    assert stream.made == 8
    assert about["title"].startswith("Preview")
    assert [panel["kind"] for panel in about["panels"]] == ["heat", "heat", "signed", "mask"]
    assert app.button(key="climb-stop").disabled


def test_the_preview_is_the_beginning_of_the_climb():
    app = open_climb(classes="fish")
    preview = header(watched(app)[0])["frames"]
    app = finished(app, steps=9)
    climbed = header(watched(app)[0])["frames"]
    assert len(preview) == 8
    for early, late in zip(preview, climbed, strict=False):
        assert early["values"] == pytest.approx(late["values"], rel=1e-4)
        assert early["curves"]["map"]["covered"] == pytest.approx(late["curves"]["map"]["covered"], abs=1e-3)


def test_a_climb_brings_a_frame_for_every_step_with_numbers_and_iou():
    app = finished(open_climb(classes="fish"), steps=5)
    (stream,) = watched(app)
    description = header(stream)
    assert (stream.state, len(description["frames"])) == ("done", 5)
    first, last = description["frames"][0], description["frames"][-1]
    assert first["layers"]["map"]["peak"] == 1  # the scale is fixed by the first step
    assert first["layers"]["change"]["most"] == 0
    assert last["layers"]["change"]["most"] > 0
    for values in (first["values"], last["values"]):
        assert values["objective"] == pytest.approx(values["score"] - values["others"] - values["held"], abs=1e-3)
    assert len(first["curves"]["map"]["iou"]) == 101  # the true mask of a drawn scene is known
    assert description["sentences"][0].startswith("By step 5, y of fish")
    assert description["about"]["charts"][1]["title"].startswith("IoU")


def test_twenty_steps_of_a_photo_are_under_a_megabyte():
    app = open_climb(picture="chelsea", steps="1")
    before = run_of(app, "preview")
    watched(app)
    rng = np.random.default_rng(0)
    change = rng.normal(0, 5, (1, 300, 451, 3)).astype(np.float16)
    step = before.steps[-1]
    size = 0
    for t in range(20):
        made = replace(step, t=t, steps=20, change=change, map=rng.random((1, 19, 29), np.float32))
        made = replace(made, accumulated=made.map, hold_mask=made.map > 0.5, first_peak=np.ones(1, np.float32))
        frame = climb_frame([made], before.order.before, before.order.options, None)
        size += len(frame.blob) + len(json.dumps(frame.entry(0)))
    assert size < 1_000_000


def test_stop_keeps_what_is_there(monkeypatch):
    slow = climb.steps_at
    monkeypatch.setattr(climb, "steps_at", lambda *given: time.sleep(0.01) or slow(*given))
    app = start(open_climb(), steps=1000)
    stream = run_of(app).stream
    while stream.made < 2:
        time.sleep(0.01)
    app.button(key="climb-stop").click()
    ran(app)
    assert stream.wait(10)
    ran(app)
    assert stream.state == "stopped"
    assert 2 <= stream.made < 1000
    assert "what is there stays" in stream.message
    assert not app.button(key="climb-keep").disabled


def test_a_second_start_replaces_the_first_and_its_thread_ends():
    app = start(open_climb(), steps=1000)
    first = run_of(app).stream
    app.button(key="climb-start").click()
    ran(app)
    second = run_of(app).stream
    assert first.wait(10)
    assert (first.state, second.running) == ("stopped", True)
    assert [run["id"] for run in mounted(app)["runs"]] == [second.id]
    second.stop()
    assert second.wait(10)
    names = [thread.name for thread in threading.enumerate()]
    assert f"stream-{first.id[:8]}" not in names


def test_moving_a_knob_restarts_the_preview_and_only_that():
    app = finished(open_climb(), steps=3)
    climbed, before = run_of(app), run_of(app, "preview")
    knob(app, "tau").set_value(0.8)
    ran(app)
    assert run_of(app) is climbed
    after = run_of(app, "preview")
    assert after is not before
    assert [run["id"] for run in mounted(app)["runs"]] == [after.stream.id]
    assert after.order.options.tau == 0.8


def test_looking_again_computes_nothing(passes):
    app = finished(open_climb(), steps=3)
    passes.clear()
    app.session_state["player_settings"] = {"threshold": 0.6, "gain": 3}
    ran(app)
    assert passes == []
    assert mounted(app)["initial"]["gain"] == 3


def test_a_number_of_steps_that_cannot_be_is_refused_in_a_sentence():
    app = open_climb()
    for steps in (0, 1001):
        knob(app, "steps").set_value(steps)
        ran(app)
        assert any("T must be 1 to 1000" in sentence for sentence in sentences(app)), steps


def test_one_step_is_the_ordinary_map():
    app = open_climb(steps="1")
    (stream,) = watched(app)
    assert stream.made == 1
    assert header(stream)["sentences"] == ["T is 1, so this is the ordinary map: nothing was climbed."]


def test_a_step_size_of_zero_is_said():
    app = finished(open_climb(xi="0"), steps=3)
    description = header(watched(app)[0])
    assert "ξ is 0, so the picture stays as it is" in description["frames"][0]["notes"]
    assert any("froze" in sentence and "ξ is 0" in sentence for sentence in description["sentences"])


def test_a_huge_hold_back_ends_in_numbers_or_a_sentence():
    app = finished(open_climb(mu="1000"), steps=4)
    (stream,) = watched(app)
    assert stream.state in ("done", "failed")
    assert header(stream)["sentences"] or "Lower" in stream.message


def test_values_that_are_not_finite_stop_the_run_with_the_knob_to_lower(monkeypatch):
    def broken(*given, **more):
        raise UserError("The climb left the finite numbers at step 2: the steps are too large. Lower ξ (now 2).")
        yield

    monkeypatch.setattr("ui.climb.runs.climb", broken)
    app = open_climb()
    (stream,) = watched(app)
    assert (stream.state, stream.made) == ("failed", 0)
    assert "Lower ξ" in stream.message


def test_several_scales_climb_one_after_another():
    app = finished(open_climb(scales="multi", steps="6"))
    (stream,) = watched(app)
    description = header(stream)
    assert stream.total == stream.made == 6 + 5 + 6 + 6
    assert [entry["part"] for entry in description["frames"]] == [0] * 6 + [1] * 5 + [2] * 6 + [3] * 6
    assert description["frames"][6]["label"] == "step 1 of 5 at scale 0.5"
    assert description["frames"][-1]["layers"]["total"]["grid"] >= description["frames"][0]["layers"]["total"]["grid"]


def test_a_tiny_picture_climbs_too():
    app = open_climb()
    upload(app, ("tiny.png", encode(picture(40, 33), "PNG")))
    (stream,) = watched(app)
    assert (stream.state, stream.made) == ("done", 8)


def test_the_class_that_climbs_stands_first_on_compare_too():
    # page changes keep widgets in the browser but not in AppTest: tests/browser/test_climb_player.py goes there and back
    app = open_climb(classes="fish,boat")
    (box,) = [box for box in app.selectbox if box.key.startswith("climb-class-")]
    assert box.value == "fish"
    box.set_value("boat")
    ran(app)
    assert app.session_state[box.key.replace("climb-class-", "classes-")][0] == "boat"
    assert (query(app)["classes"], watched(app)[0].about["title"]) == ("boat", "Preview: boat · w")


def test_climb_this_on_compare_leads_to_the_page():
    app = AppTest.from_file(SHELL, default_timeout=60)
    app.query_params["picture"] = SCENE
    ran(app)
    (button,) = [button for button in app.button if button.label == "Climb this"]
    button.click()
    ran(app)
    assert mounted(app)["runs"]
    assert query(app)["picture"] == SCENE


def test_the_link_says_every_knob_and_is_read_again():
    knobs = {"xi": "0.2", "mu": "20", "tau": "0.3", "steps": "9", "rule": "plain", "regulariser": "normalised"}
    app = open_climb(classes="boat", readout="cam", **knobs)
    options = run_of(app, "preview").order.options
    assert (options.tau, options.step_rule, options.regulariser) == (0.3, "plain", "normalised")
    address = query(app)
    assert address | {"mu": "20", "tau": "0.3", "steps": "9", "rule": "plain", "regulariser": "normalised"} == address
    assert (address["classes"], address["readout"]) == ("boat", "cam")


def test_nonsense_in_a_link_is_not_climbed_with():
    start = climb_defaults(load_pair("scenes"))
    for link in ({"xi": "much"}, {"tau": "7"}, {"mu": "nan"}, {"rule": "mine"}, {"classes": "dragon"}):
        options = run_of(open_climb(**link), "preview").order.options
        assert (options.xi, options.tau, options.step_rule) == (start.xi, start.tau, start.step_rule), link


def test_two_runs_are_kept_and_stand_side_by_side():
    app = finished(open_climb(), steps=2)
    app.button(key="climb-keep").click()
    ran(app)
    first = run_of(app, "A")
    finished(app, steps=3)
    app.button(key="climb-keep").click()
    ran(app)
    assert [run["id"] for run in mounted(app)["runs"]] == [first.stream.id, run_of(app, "B").stream.id]
    assert [len(header(stream)["frames"]) for stream in watched(app)] == [2, 3]
    app.button(key="climb-drop").click()
    ran(app)
    assert len(mounted(app)["runs"]) == 1


def test_the_downloads_hold_what_the_screen_shows():
    app = finished(open_climb(classes="fish"), steps=3)
    assert {button.label for button in app.get("download_button")} >= {"WebP", "GIF", "Frames", "Evidence bundle"}
    run, display = run_of(app), DisplayOptions()
    frames = zipfile.ZipFile(io.BytesIO(frames_zip(run, display)))
    assert len(frames.namelist()) == 3
    assert Image.open(io.BytesIO(frames.read("000.png"))).mode == "RGB"
    bundle = zipfile.ZipFile(io.BytesIO(bundle_zip(run, display, 200, "http://here/climb")))
    names = set(bundle.namelist())
    assert {"manifest.json", "trace.json", "steps.npz", "climb_fish.webp", "climb_fish.gif"} <= names
    manifest = json.loads(bundle.read("manifest.json"))
    assert manifest["link"] == "http://here/climb"
    assert manifest["climb"]["steps"] == 3


def test_knobs_name_the_symbol_and_the_references_value():
    app = open_climb()
    reference = AdvCamOptions()
    labels = {element.label for element in [*app.select_slider, *app.slider, *app.number_input]}
    assert {"Step size ξ", "Steps T", "Hold-back μ", "Mask level τ"} <= labels
    captions = " ".join(caption.value for caption in app.caption)
    for value in (reference.xi, reference.steps, reference.mu, reference.tau):
        assert f"Reference:\u00a0{value:g}." in captions
    assert "grey levels" in captions


def test_every_sample_of_the_other_model_climbs_too():
    app = open_climb(picture=SAMPLES[0], steps="2")
    assert watched(app)[0].made == 2


def test_a_class_that_is_not_explained_any_more_cannot_be_climbed_from_compare():
    app = AppTest.from_file(SHELL, default_timeout=60)
    app.query_params["picture"], app.query_params["classes"] = SCENE, "fish,boat"
    ran(app)
    app.selectbox(key="climb-which").set_value("boat")
    ran(app)
    app.multiselect[0].set_value(["fish", "tree"])
    ran(app)
    assert app.selectbox(key="climb-which").value == "fish"
