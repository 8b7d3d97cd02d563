"""The form that chooses a data set, and its check, as AppTest runs them."""

import threading
import time

import numpy as np
import pytest
from small_data import H, W, label_map, make_coco, make_pets, make_voc
from streamlit.testing.v1 import AppTest

from ui.widgets import dataset_check
from ui.widgets import dataset_choice as choose_data
from ui.widgets.dataset_check import Check, DataChoice

# pycocotools 2.0.11 hands numpy 2 an object with the old form of __array__
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def page():
    import streamlit as st

    from ui.widgets.dataset_choice import choose_data, show_check

    choice = choose_data("d", with_masks=bool(st.session_state.get("scored")))
    st.session_state["choice"] = choice
    if choice is not None:
        st.session_state["report"] = show_check(choice, "d")


@pytest.fixture(autouse=True)
def _nothing_remembered():
    dataset_check._REPORTS.clear()
    choose_data._offered.clear()


@pytest.fixture
def roots(tmp_path, monkeypatch):
    """Three data sets in a folder that the operator allows, and one that is not."""
    data = tmp_path / "data"
    data.mkdir()
    for make in (make_voc, make_pets, make_coco):
        make(data)
    monkeypatch.setenv("RECAM_DATA_ROOTS", str(data))
    return data


def ran(app):
    app.run()
    assert [e.message for e in app.exception] == []
    return app


def open_choice(scored=False, **values):
    app = AppTest.from_function(page, default_timeout=30)
    app.session_state["scored"] = scored
    ran(app)
    for name, value in values.items():
        widget = next(w for w in [*app.selectbox, *app.text_input] if w.key == f"d-{name}")
        widget.set_value(value)
        ran(app)
    return app


def words(app):
    shown = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return " ".join(element.value for element in shown).replace("\\", "")


def check(app):
    """Press the button, and draw the page again when the check is done."""
    app.button(key="d-check-start").click()
    ran(app)
    running = app.session_state["d-check"]
    running.thread.join(20)
    assert running.done
    return ran(app)


def test_scenes_need_no_folder():
    app = open_choice()
    assert app.session_state["choice"] == DataChoice("scenes", "", "train")
    assert open_choice(scored=True).session_state["choice"] == DataChoice("scenes", "", "test")
    assert list(app.selectbox(key="d-kind").options) == list(choose_data.KINDS.values())


def test_what_lies_in_the_roots_is_offered_by_kind(roots):
    app = open_choice(kind="voc")
    assert list(app.selectbox(key="d-folder").options) == ["VOC2012", "another folder …"]
    assert app.session_state["choice"] == DataChoice("voc", str(roots / "VOCdevkit" / "VOC2012"), "train")
    assert open_choice(True, kind="voc").session_state["choice"].split == "val"
    assert open_choice(kind="coco").session_state["choice"] == DataChoice("coco", str(roots / "coco"), "val")
    app = open_choice(kind="folder")
    assert app.session_state["choice"] == DataChoice("folder", str(roots / "pets"), "")
    assert "d-split" not in [box.key for box in app.selectbox]  # it is not divided
    app.selectbox(key="d-kind").set_value("voc")  # a folder of another kind is forgotten
    assert ran(app).session_state["choice"].root == str(roots / "VOCdevkit" / "VOC2012")


def test_a_typed_folder_is_bounded_and_must_fit(roots, tmp_path):
    app = open_choice(kind="voc", folder="another folder …")
    assert app.session_state["choice"] is None
    assert "Name its folder. The devkit as it comes" in words(app)
    for place, complaint in ((tmp_path, "Data must lie in"), (roots / "pets", "pets is not laid out like that")):
        app.text_input(key="d-root").set_value(str(place))
        assert complaint in words(ran(app))
        assert app.session_state["choice"] is None
    app.text_input(key="d-root").set_value(str(roots / "VOCdevkit"))
    assert ran(app).session_state["choice"].root == str(roots / "VOCdevkit")


def test_train_aug_says_what_it_needs_until_it_is_there(roots):
    app = open_choice(kind="voc", split="train_aug")
    assert app.session_state["choice"] is None
    assert "SegmentationClassAug/*.png" in words(app)
    assert "10,582" in words(app)
    base = roots / "VOCdevkit" / "VOC2012"
    (base / "ImageSets" / "Segmentation" / "train_aug.txt").write_text("2007_000001\n")
    label_map(base / "SegmentationClassAug" / "2007_000001.png", np.zeros((H, W)))
    assert ran(app).session_state["choice"].split == "train_aug"
    assert (
        open_choice(kind="voc").session_state["choice"].split == "train_aug"
    )  # where it is there, it is what one trains on


def test_a_folder_without_masks_cannot_be_scored(roots):
    assert open_choice(True, kind="folder").session_state["choice"] is not None
    (roots / "pets" / "masks").rename(roots / "elsewhere")
    app = open_choice(True, kind="folder")
    assert app.session_state["choice"] is None
    assert "There is nothing to score here: no folder masks" in words(app)


def test_a_check_shows_figures_faults_and_samples_and_is_kept(roots):
    (roots / "pets" / "cat" / "b.PNG").write_bytes(b"")
    app = check(open_choice(kind="folder"))
    assert {m.label: m.value for m in app.metric} == {
        "Pictures": "3", "Classes": "2", "With a mask": "1", "Without a label": "0", "Missing": "0", "Broken": "1",
    }  # fmt: skip
    assert [e.label for e in app.expander] == ["Pictures that cannot be used: 1"]
    assert app.dataframe[0].value.to_dict("list")["picture"] == ["cat/b.PNG"]
    assert len(app.get("image")) == 2
    assert [c.value for c in app.caption][-2:] == ["cat", "dog"]
    assert app.session_state["report"].broken_count == 1
    assert app.button(key="d-check-start").label == "Check again"
    again = open_choice(kind="folder")
    assert again.session_state["report"].broken_count == 1  # for everybody, until the folder changes
    (roots / "pets" / "cat" / "new.jpg").touch()
    assert ran(again).session_state["report"] is None


def test_a_refusal_of_the_check_is_said(roots):
    (roots / "coco" / "annotations" / "instances_val.json").write_text("{")
    app = check(open_choice(kind="coco"))
    assert "instances_val.json is not a COCO instances file" in words(app)
    assert app.session_state["report"] is None


def test_a_running_check_shows_how_far_it_is_and_stops(monkeypatch):
    go = threading.Event()

    def slow(*_):
        for done in range(1, 1000):
            yield dataset_check.CheckStep(done, 1000, "x")
            go.wait(0.02)

    monkeypatch.setattr(dataset_check, "check_opened", slow)
    app = open_choice()
    app.button(key="d-check-start").click()
    ran(app)
    assert app.get("progress")
    running = app.session_state["d-check"]
    assert app.session_state["report"] is None
    app.button(key="d-check-stop").click()
    ran(app)
    running.thread.join(5)
    assert running.done
    ran(app)
    assert app.button(key="d-check-start").label == "Check this data set"
    assert not app.error


def test_a_check_that_nobody_looks_at_ends(monkeypatch):
    def endless(*_):
        while True:
            time.sleep(0.01)
            yield dataset_check.CheckStep(1, 2, "x")

    monkeypatch.setattr(dataset_check, "ALONE", 0.05)
    monkeypatch.setattr(dataset_check, "check_opened", endless)
    alone = Check(DataChoice("scenes", "", "samples"))
    alone.thread.join(5)
    assert alone.done
    assert not alone.error


def test_words_of_progress():
    alone = Check(DataChoice("scenes", "", "nothing"))
    alone.thread.join(5)
    assert alone.error.startswith("The splits of scenes are")
    alone.started = time.monotonic() - 10
    alone.step = dataset_check.CheckStep(1000, 4000, "x")
    assert alone.words() == (0.25, "1,000 of 4,000 pictures, about 30 s left")
