"""The Errors page as AppTest runs it: everything but clicks on charts and the drawing, which tests/browser looks at."""

import io
import json
import shutil
import time
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from any_page import SHELL, handed_over, open_page, press, query, ran, words
from small_data import make_boxed_scenes
from streamlit.testing.v1 import AppTest

import ui.compute.engine
import ui.widgets.jobs
from recam_core import UserError, open_dataset, open_store
from recam_core.__main__ import main
from recam_core.checkpoints.pair_file import BUNDLED_MODELS, find_model
from recam_core.datasets.samples import SCENE_CLASSES
from recam_core.evaluation.metrics import figures
from recam_core.evaluation.store import Note, read_notes
from recam_core.evaluation.store.map_names import map_label
from recam_core.images.visualise import HIT, MISSED, WRONG
from recam_core.networks.model import CamModel
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS, recam_readouts
from recam_core.records import CAM
from recam_core.system import jobs
from recam_core.system.cache import Cache
from ui.compute import payloads
from ui.compute.packing import unpack
from ui.errors import classes, curves, export, faithful, gallery, maps, new, runs, sanity
from ui.errors.gallery import Wanted, select
from ui.errors.headline import gain_words
from ui.errors.sides import Side, View, check_thresholds
from ui.session import uploads
from ui.widgets.evaluate_this import ASKED, FORM, LOOK

PAGE = "../pages/lab/errors.py"


@pytest.fixture(scope="module")
def evaluations(tmp_path_factory):
    """A folder of runs with two evaluations of the bundled model on 12 scenes: all readouts, and CAM before and after a walk."""
    folder = tmp_path_factory.mktemp("runs")
    common = ["evaluate", "--model", "scenes", "--dataset", "scenes", "--split", "samples", "--json-lines"]
    assert main([*common, "--out", str(folder / "kept"), "--baselines"]) == 0
    walk = ["--readouts", "cam", "--refine", "walk", "--steps", "16"]
    assert main([*common, *walk, "--out", str(folder / "walked")]) == 0
    return folder


@pytest.fixture(autouse=True)
def place(evaluations, tmp_path, monkeypatch):
    """A copy of it for each test, and nothing remembered from others."""
    shutil.copytree(evaluations, tmp_path / "runs")
    (tmp_path / "runs" / "kept" / "store.json").touch()  # the newest
    monkeypatch.setenv("RECAM_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("RECAM_DATA_ROOTS", raising=False)
    monkeypatch.setattr(ui.compute.engine, "EVIDENCE", ui.compute.engine.EvidenceCache())
    monkeypatch.setattr(maps, "_PICTURES", Cache(maps.PICTURE_BYTES, lambda shot: shot[1].nbytes))
    uploads._STORE.clear()
    return tmp_path / "runs"


@pytest.fixture
def ordered(monkeypatch):
    """What the page asks to be run, instead of running it."""
    asked = []

    def start_job(kind, title, arguments, again=(), about=None):
        folder = jobs.runs_folder() / f"asked-{len(asked)}"
        folder.mkdir(parents=True)
        job = jobs.Job(folder, kind, title, tuple(arguments(folder)), tuple(again), dict(about or {}))
        described = {"kind": kind, "title": title, "arguments": job.arguments, "again": [], "about": job.about}
        (folder / jobs.JOB).write_text(json.dumps(described))
        jobs.write_status(job, jobs.Status(queued=time.time()))
        asked.append(job)
        return job

    monkeypatch.setattr(runs, "start_job", start_job)
    return asked


def open_errors(**link):
    return open_page(PAGE, **link)


def cards(app):
    return [
        button.label.split(" ")[0].replace("\\", "") for button in app.button if str(button.key).startswith("show-card")
    ]


def chosen(app, name):
    return app.session_state[f"errors-{name}"]


# ---- what is there at first


def test_the_first_visit_offers_one_real_evaluation(place, ordered):
    shutil.rmtree(place)
    app = open_errors()
    assert "Nothing was evaluated on this server yet" in words(app)
    assert app.button(key="first-0").label.endswith("300 test scenes · about 14 s")
    press(app, key="first-0")
    (job,) = ordered
    assert job.arguments[:7] == ("evaluate", "--model", "scenes", "--dataset", "scenes", "--split", "test")
    assert job.arguments[-3:] == ("--json-lines", "--out", str(job.folder / "store"))
    assert query(app)["run"] == job.name
    assert "Figures stand here as soon as" in words(app)
    assert not app.error


def test_where_pascal_voc_is_the_first_offer_are_its_pictures(place, ordered, monkeypatch, voc2012):
    shutil.rmtree(place)
    monkeypatch.setenv("RECAM_DATA_ROOTS", str(voc2012))
    app = open_errors()
    first = next(button for button in app.button if str(button.key).startswith("first-"))
    assert "the bundled voc model on 145 pictures" in first.label.replace("\\", "")
    press(app, key=first.key)
    ((_, *arguments),) = (job.arguments[:9] for job in ordered)
    assert arguments == ["--model", "voc", "--dataset", "voc", "--split", "val", "--root", str(voc2012.resolve())]


def test_who_comes_to_see_where_a_model_fails_sees_its_newest_evaluation_or_the_form(place):
    def come(model):
        app = AppTest.from_file(SHELL, default_timeout=90)
        app.session_state["new-model"], app.session_state["new-kind"], app.session_state[ASKED] = model, "scenes", LOOK
        app.switch_page(PAGE)
        return ran(app)

    newest, older = (run.name for run in runs.all_runs())
    assert query(come("scenes"))["run"] == newest
    settings = json.loads((place / newest / "store.json").read_text())
    settings["settings"]["model"] = "another"
    (place / newest / "store.json").write_text(json.dumps(settings))
    app = come("scenes")
    assert query(app)["run"] == older
    assert ASKED not in app.session_state
    form = come("voc")  # which was not evaluated
    assert (form.selectbox(key="new-model").value, form.session_state[ASKED]) == ("voc", FORM)
    assert "new-model" in {box.key for box in form.main.selectbox}  # first on the page, and not in the panel


def test_an_operator_can_switch_starting_off(place, monkeypatch, ordered):
    monkeypatch.setenv("RECAM_READ_ONLY", "1")
    app = open_errors(open="samples-0000")
    assert "its operator has switched off starting new ones" in words(app)
    assert "Notes cannot be changed on this server" in words(app)
    assert not [b for b in app.button if b.key in ("new-start", "first-0")]
    shutil.rmtree(place)
    assert "switched off" in words(open_errors())
    assert ordered == []


def test_it_opens_with_the_newest_evaluation_and_figures_of_both_sides(place):
    app = open_errors()
    store = open_store(place / "kept")
    best = max((name for name in READOUTS if name != "cam"), key=lambda name: store.curves(name).miou.max())
    assert (chosen(app, "run"), chosen(app, "a"), chosen(app, "b")) == ("kept", "cam", best)
    index = round(100 * app.slider(key="errors-threshold").value)
    a, b = (figures(store.confusion(name, index)) for name in ("cam", best))
    metrics = {metric.label: (metric.value, metric.delta) for metric in app.metric}
    assert metrics["mIoU, %"] == (
        f"{100 * a['miou']:.1f} → {100 * b['miou']:.1f}",
        f"{100 * (b['miou'] - a['miou']):+.1f} points",
    )
    assert metrics["Wrong (FP), %"][0] == f"{100 * a['fp']:.1f} → {100 * b['fp']:.1f}"
    assert metrics["Missed (FN), %"][0] == f"{100 * a['fn']:.1f} → {100 * b['fn']:.1f}"
    assert "12 pictures are too few for an interval" in words(app)
    assert len(cards(app)) == 8
    assert len(app.get("plotly_chart")) == 3


def test_every_evaluation_begins_at_the_threshold_that_suits_it(place):
    app = open_errors(run="kept")
    first = app.slider(key="errors-threshold").value
    app.slider(key="errors-threshold").set_value(0.7)
    ran(app)
    app.selectbox(key="errors-run").set_value("walked")
    ran(app)
    second = app.slider(key="errors-threshold").value
    assert second != 0.7
    assert second == open_errors(run="walked").slider(key="errors-threshold").value != first
    assert open_errors(run="walked", t="0.7").slider(key="errors-threshold").value == 0.7


def test_everything_follows_the_slider_and_no_model_is_asked_again(place, monkeypatch):
    app = open_errors(open="samples-0001")
    passes = []
    features = CamModel.features
    monkeypatch.setattr(CamModel, "features", lambda self, x: passes.append(1) or features(self, x))
    before = [metric.value for metric in app.metric]
    app.slider(key="errors-threshold").set_value(0.55)
    ran(app)
    assert query(app)["t"] == "0.55"
    assert "At the threshold 0.55" in words(app)
    assert [metric.value for metric in app.metric] != before
    assert mounted(app)["follow"] == 0.55
    app.selectbox(key="errors-of").set_value("cat")
    ran(app)
    app.selectbox(key="errors-sort").set_value("large")
    ran(app)
    assert cards(app)
    assert len(passes) <= 2 * 12  # at most the pictures that were not on the screen before, once: two networks each
    again = len(passes)
    app.slider(key="errors-threshold").set_value(0.2)
    ran(app)
    assert len(passes) == again


def mounted(app):
    (view,) = [data for data in handed_over(app) if "url" in data]  # beside it is what scrolls to it
    return view


def payload(app):
    return unpack(payloads.get(mounted(app)["id"]))


def test_a_model_that_was_renamed_since_is_found_by_its_hash(place, tmp_path, monkeypatch):
    monkeypatch.setenv("RECAM_MODELS", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    shutil.copy(find_model("scenes"), tmp_path / "models" / "own.safetensors")
    monkeypatch.setattr("recam_core.checkpoints.pair_file.BUNDLED_MODELS", tmp_path / "nothing")
    store = open_store(place / "kept")
    assert runs.source_of(store) == "own"
    assert maps.pair_of(store).sha256 == store.settings.sha256
    assert cards(open_errors())
    (tmp_path / "models" / "own.safetensors").unlink()
    with pytest.raises(UserError, match="no model 'scenes'"):
        runs.source_of(store)


def test_baselines_are_measured_with_the_model_that_was_evaluated(place, tmp_path, monkeypatch, ordered):
    monkeypatch.setenv("RECAM_MODELS", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    monkeypatch.setattr("recam_core.checkpoints.pair_file.BUNDLED_MODELS", tmp_path / "bundled")
    (tmp_path / "bundled").mkdir()
    shutil.copy(BUNDLED_MODELS / "scenes.safetensors", tmp_path / "models" / "own.safetensors")
    shutil.copy(
        BUNDLED_MODELS / "photos.safetensors", tmp_path / "bundled" / "scenes.safetensors"
    )  # its name is another's now
    run = next(run for run in runs.all_runs() if run.name == "kept")
    job = runs.start_baselines(run, open_store(run.folder))
    assert job.arguments[job.arguments.index("--model") + 1] == "own"
    (tmp_path / "models" / "own.safetensors").unlink()
    with pytest.raises(UserError, match="The model scenes has changed since this evaluation"):
        runs.start_baselines(run, open_store(run.folder))


# ---- the gallery


BASELINES = ("random", "everything")


def rewrite(place, **settings):
    """Change what the newest evaluation says of itself; one with another number of pictures is not finished."""
    path = place / "kept" / "store.json"
    stored = json.loads(path.read_text())
    stored["settings"] |= settings
    stored["finished"] = "total" not in settings
    path.write_text(json.dumps(stored))


def view_of(place, a="cam", b="product", index=30):
    store = open_store(place / "kept")
    numbers = np.arange(len(store.entries))
    run = runs.Run("kept", place / "kept", None)
    sides = [Side(run, store, name, numbers, map_label(name)) for name in (a, b)]
    return View(*sides, index)


def test_sorting_and_filters(place):
    view = view_of(place)
    a, b = (view.areas(letter).pictures() for letter in "AB")
    everything = select(view, Wanted(), {})
    assert sorted(everything) == list(range(12))
    assert list(b.iou[everything]) == sorted(b.iou)
    expected = {
        "change": b.iou - a.iou, "gain": a.iou - b.iou, "fp": -b.fp, "fn": -b.fn,
        "small": b.size, "large": -b.size, "many": -b.classes,
    }  # fmt: skip
    for sort, values in expected.items():
        assert list(values[select(view, Wanted(sort), {})]) == sorted(values), sort
    assert [view.names[i] for i in select(view, Wanted("name"), {})] == sorted(view.names)
    helped, hurt = (set(select(view, Wanted(change=change), {})) for change in ("helped", "hurt"))
    assert helped == set(np.flatnonzero(b.iou > a.iou))
    assert hurt == set(np.flatnonzero(b.iou < a.iou))
    cats = select(view, Wanted(of="cat"), {})
    assert set(cats) == {i for i in range(12) if 0 in view.a.store.entries[i].ids}
    taken = view.b.taken(30, 0, 1)
    cell = select(view, Wanted("cell", true="background", called="cat"), {})
    assert list(taken[cell]) == sorted(taken[taken > 0], reverse=True)
    assert list(select(view, Wanted(tag="hard"), {"samples-0003": Note(tags=("hard",))})) == [3]


def test_filters_are_in_the_link_and_can_be_taken_away(place):
    app = open_errors(
        sort="fp", of="cat", true="background", called="cat", side="A", t="0.4", page="9", part="pictures"
    )
    assert (chosen(app, "sort"), chosen(app, "of"), chosen(app, "true"), chosen(app, "side")) == (
        "fp",
        "cat",
        "background",
        "A",
    )
    assert app.slider(key="errors-threshold").value == 0.4
    assert chosen(app, "page") == 1
    assert "in which A calls cat what is background" in words(app)
    asked = query(app)
    assert (asked["sort"], asked["of"], asked["true"], asked["called"], asked["side"]) == (
        "fp",
        "cat",
        "background",
        "cat",
        "A",
    )
    press(app, label="Clear filters")
    assert "of" not in query(app)
    assert len(cards(app)) == 8


def test_pages_of_cards(place):
    app = open_errors()
    first = cards(app)
    press(app, label="Next")
    assert query(app)["page"] == "2"
    assert len(cards(app)) == 4
    assert not set(cards(app)) & set(first)


def test_nothing_that_is_like_that_says_what_to_do(place):
    app = open_errors(true="cat", called="bus", of="tree", t="0.99")
    assert "No picture is like that" in words(app)


def test_nonsense_in_a_link_does_no_harm(place):
    app = open_errors(
        run="nobody", a="x", b="reset-cam", t="7", sort="?", page="-1", open="../../etc", part="x", side="C"
    )
    assert "does not have" in words(app)
    assert "is not among those compared" in words(app)
    assert (chosen(app, "a"), chosen(app, "part")) == ("cam", "pictures")
    assert chosen(app, "b") == chosen(open_errors(), "b")


# ---- one picture


def test_a_card_opens_the_picture_with_all_readouts_and_its_mask(place):
    app = open_errors()
    name = cards(app)[0]
    press(app, key=next(b.key for b in app.button if str(b.key).startswith("show-card")))
    assert query(app)["open"] == name
    header, blobs = payload(app)
    assert [view["key"] for view in header["views"]] == list(READOUTS)
    assert header["quality"] is not None
    assert header["compare"] == chosen(app, "b")  # which sentences set against the first map
    assert "mask" in blobs
    assert mounted(app)["initial"]["mode"] == "error"
    table = next(frame.value for frame in app.dataframe if "pointing" in frame.value)
    store = open_store(place / "kept")
    index = round(100 * app.slider(key="errors-threshold").value)
    iou = store.areas("w", index).pictures().iou[store.number[name]]
    assert table.set_index("map").loc["w", "IoU"] == f"{100 * iou:.1f}"
    press(app, label="Close")
    assert "open" not in query(app)


def test_notes_and_tags_are_kept_with_the_evaluation(place):
    app = open_errors(open="samples-0002")
    app.multiselect[0].set_value(["hard", "interesting"])
    app.text_area[0].set_value("the mast is missed <b>&")
    press(app, label="Save")
    assert read_notes(place / "kept") == {"samples-0002": Note("the mast is missed <b>&", ("hard", "interesting"))}
    again = open_errors(tag="hard")
    assert cards(again) == ["samples-0002"]
    again = open_errors(open="samples-0002")
    assert again.text_area[0].value == "the mast is missed <b>&"


def test_damaged_notes_are_said_and_nothing_is_lost(place):
    (place / "kept" / "notes.json").write_text("{")
    app = open_errors(open="samples-0002")
    assert "notes.json in kept is damaged" in words(app)
    press(app, label="Save")
    assert (place / "kept" / "notes.json").read_text() == "{"


def test_compare_opens_with_the_same_picture_model_and_way_of_looking(place):
    app = open_errors(open="samples-0001", t="0.4")
    store = open_store(place / "kept")
    press(app, label="Open in Compare")
    asked = query(app)
    assert asked["model"] == "scenes"
    assert uploads._STORE.get(asked["picture"]) is not None
    ids = store.entries[1].ids
    assert asked["classes"].split(",") == [store.settings.classes[k] for k in ids]
    assert (asked["t"], asked["view"]) == ("0.4", "error")
    assert "The true mask of this picture came with its data set" in words(app)
    assert app.session_state["heat_settings"]["mode"] == "error"
    (upload,) = app.session_state[uploads.OWN].values()
    assert np.array_equal(upload.truth.mask, open_dataset("scenes", "", "samples").mask(1))
    assert uploads.truth_of({}, asked["picture"], ("cat",)) is None  # to other classes its labels mean nothing
    assert not app.error
    assert not app.warning  # it is a drawn scene, though none of the samples


def test_insertion_and_deletion_on_request():
    app = open_errors(open="samples-0001")
    press(app, key="faithful-start")
    table = next(frame.value for frame in app.dataframe if "deletion, area" in frame.value)
    assert list(table["map"]) == [READOUTS[name].label for name in READOUTS]
    assert list(table["judged by"]) == ["stage 1", *["stage 2"] * len(recam_readouts())]
    assert len(app.get("plotly_chart")) == 3 + 2


def test_a_lone_network_is_judge_of_all_maps_and_of_no_stage():
    alone = build_pair("alone", "tiny", SCENE_CLASSES, {}, (CAM,))
    assert faithful.judges(alone, ("cam", "layercam", "gradcampp-walk")) == {}
    both = build_pair("both", "tiny", SCENE_CLASSES)
    assert faithful.judges(both, ("cam", "layercam", "layercam@cam")) == {
        "cam": "stage 1",
        "layercam": "stage 2",
        "layercam@cam": "stage 1",
    }


def test_a_model_or_data_set_that_changed_is_said_and_figures_stay(place):
    path = place / "kept" / "store.json"
    stored = json.loads(path.read_text())
    stored["settings"]["sha256"] = "0" * 64
    path.write_text(json.dumps(stored))
    app = open_errors(open="samples-0001")
    assert "The model scenes has changed since this evaluation" in words(app)
    assert len(app.metric) == 3


# ---- two evaluations, classes, sanity, export


def test_before_and_after_the_walk_from_two_evaluations(place):
    app = open_errors(run="kept", a="cam", b="cam-walk", **{"with": "walked"})
    assert (chosen(app, "with"), chosen(app, "b")) == ("walked", "cam-walk")
    assert "CAM after the walk (scenes)" in words(app)
    press(app, key=next(b.key for b in app.button if str(b.key).startswith("show-card")))
    keys = [view["key"] for view in payload(app)[0]["views"]]
    assert keys[-2:] == ["cam (scenes)", "cam-walk (scenes)"]


def test_classes_have_a_table_and_a_matrix(place):
    app = open_errors(part="classes")
    table = app.dataframe[0].value
    assert list(table.columns) == [
        "class", "pixels %", "IoU A", "IoU B", "B − A", "FP A", "FP B", "FN A", "FN B", "over A", "over B",
    ]  # fmt: skip
    row = table.iloc[0]
    assert row["IoU A"] + row["FP A"] + row["FN A"] == pytest.approx(100, abs=0.05)
    assert "of the background is called an object" in words(app)
    assert len(app.get("plotly_chart")) == 5


def test_a_map_has_the_same_colour_in_every_chart(place):
    view = view_of(place)
    lines = {label: colour for _, _, label, colour, _ in curves.drawn_maps(view)}
    bars = {bar.name: bar.marker.color for bar in classes._bars(view, classes.class_rows(view)).data}
    assert bars == {label: lines[label] for label in (view.a.label, view.b.label)}
    assert bars == {READOUTS[name].label: READOUTS[name].colour for name in ("cam", "product")}


def test_the_confusion_matrix_shows_what_is_confused_most():
    matrix = np.diag([100, 50, 50, 50])
    matrix[1, 2], matrix[0, 3] = 10, 5
    assert classes.confused_labels(matrix, 3) == ([0, 1, 2], 1)
    assert classes.confused_labels(np.zeros((3, 3), int)) == ([], 0)
    sentence = classes.confusion_words(matrix, ("background", "cat", "dog", "bus"))
    assert sentence.endswith("**dog** takes 16.7 % of **cat**.")
    assert "no class takes pixels" in classes.confusion_words(np.diag([3, 2]), ("background", "cat"))


def test_baselines_stand_beside_the_readouts_and_are_measured_on_request(place, ordered):
    table = open_errors(part="sanity").dataframe[0].value
    baselines = list(table["map"])[len(READOUTS) :][:4]
    assert baselines == ["random map", "whole picture", "centre blob", "CAM, random weights"]
    app = open_errors(part="sanity", run="walked")
    press(app, label="Measure the baselines")
    (job,) = ordered
    assert job.about == {"baselines_of": "walked"}
    assert job.arguments[-5:-3] == ("--baselines", "only")
    assert job.name not in [run.name for run in runs.all_runs()]
    assert main([*job.arguments]) == 0
    jobs.write_status(job, jobs.Status("done", time.time()))
    table = ran(app).dataframe[0].value
    assert "w, random weights" in list(table["map"])


def test_the_bundle_holds_both_sides_of_the_chosen_pictures(place):
    view = view_of(place)
    data = export.bundle(
        view, ["samples-0001", "samples-0004"], {"samples-0001": Note("x", ("hard",))}, "http://x/errors"
    )
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("01-samples-0001/A-cam/manifest.json"))
    assert {name.split("/")[0] for name in names} == {"01-samples-0001", "02-samples-0004"}
    assert {"01-samples-0001/B-product/maps.npz", "01-samples-0001/B-product/picture.png"} <= set(names)
    assert any("error_" in name for name in names)
    assert (manifest["tags"], manifest["side"], manifest["threshold"]) == (["hard"], "A", 0.3)
    assert manifest["figures"]["iou"] == pytest.approx(view.areas("A").pictures().iou[1], abs=1e-6)
    app = open_errors(part="export")
    assert [b.label for b in app.get("download_button")] == [
        "All counts, Parquet", "All counts, CSV", "Figures per picture, CSV", "Evidence bundle of 12 pictures",
    ]  # fmt: skip


def test_a_bundle_says_which_pictures_are_left_out_and_why(place):
    view = view_of(place)
    view.a.store.entries[2] = replace(view.a.store.entries[2], ids=())
    named = [(side.run, side.name, side.label) for side in view.both.values()]
    runs._store.clear()
    with zipfile.ZipFile(io.BytesIO(export.bundle(view, ["samples-0002", "samples-0003"], {}, ""))) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {"02-samples-0003", "left-out.txt"}
        assert (
            archive.read("left-out.txt") == b"samples-0002: it is labelled with no class, so there is no map of it.\n"
        )
    data = export._bundle_of(*named, 30, ["samples-0003", "nobody"], {}, "")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert b"not among the pictures" in archive.read("left-out.txt")
    assert "A (random map) and B (whole picture) are baselines" in export._no_maps(view_of(place, *BASELINES))


def test_a_changed_model_is_said_before_a_bundle_is_asked_for(place):
    rewrite(place, sha256="0" * 64)
    app = open_errors(part="export")
    assert "The model scenes has changed since this evaluation" in words(app)
    assert len(app.get("download_button")) == 3


def test_an_evaluation_of_baselines_alone_opens_a_picture(place):
    common = ["evaluate", "--model", "scenes", "--dataset", "scenes", "--split", "samples", "--baselines", "only"]
    assert main([*common, "--json-lines", "--out", str(place / "only")]) == 0
    app = open_errors(run="only", open="samples-0001")
    assert "keeps no maps of a model" in words(app)
    assert not app.exception
    assert "Insertion and deletion" not in [expander.label for expander in app.expander]


# ---- two sizes, two sets of pictures, other thresholds


def test_a_card_takes_the_size_of_the_other():
    card = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert gallery.fitted(card, np.zeros((4, 6, 3))).shape == (4, 6, 3)
    assert (gallery.fitted(card, np.zeros((4, 4, 3)))[::2, ::2] == card).all()
    assert (gallery.fitted(card, card) == card).all()


def test_cards_of_evaluations_of_different_sizes(place):
    common = ["evaluate", "--model", "scenes", "--dataset", "scenes", "--split", "samples", "--readouts", "w"]
    assert main([*common, "--json-lines", "--long-side", "96", "--out", str(place / "small")]) == 0
    app = open_errors(run="kept", b="w", **{"with": "small"})
    assert len(cards(app)) == 8
    assert not app.exception


def test_curves_are_of_the_pictures_that_both_have(place):
    view = view_of(place)
    assert view.a.curves is view.a.store.curves("cam")
    assert curves.counted_words(view) == ""
    numbers = np.array([1, 4, 7])
    fewer = View(replace(view.a, numbers=numbers), replace(view.b, numbers=numbers), 30)
    expected = figures(view.a.store.confusion("cam", 30, np.isin(np.arange(12), numbers)))
    assert fewer.a.curves.miou[30] == pytest.approx(expected["miou"])
    assert "of the 3 pictures that both evaluations have counted" in curves.counted_words(fewer)
    assert "12 in that of A, 12 in that of B" in curves.counted_words(fewer)


def test_baselines_of_another_model_or_of_other_pictures_are_said(place):
    store = open_store(place / "kept")
    assert sanity.differences(store, store) == []
    other = replace(store, settings=replace(store.settings, sha256="0"), entries=store.entries[:5])
    model, pictures = sanity.differences(store, other)
    assert "of two models" in model
    assert "12 are counted in this evaluation, 5 for the baselines" in pictures


def test_other_thresholds_are_refused(place):
    store = open_store(place / "kept")
    check_thresholds(store)
    with pytest.raises(UserError, match="kept has 2 from"):
        check_thresholds(replace(store, settings=replace(store.settings, thresholds=(0.5, 0.75))))


def test_a_refusal_of_an_unfinished_evaluation_speaks_of_the_pictures_so_far(place):
    refusal = "No picture of this split has a mask, so nothing can be scored."
    assert runs._so_far(place / "kept", refusal) == refusal
    rewrite(place, total=40)
    assert runs._so_far(place / "kept", refusal).startswith("No picture of the 12 so far (of 40) has a mask")


def test_walked_maps_of_two_evaluations_of_the_same_pictures_do_not_mix(place):
    walked = open_store(place / "walked")
    more = replace(walked, settings=replace(walked.settings, maps=("cam", "w", "cam-walk", "w-walk")))
    assert [r.readout for r in maps.results_of(walked, 1, ("cam-walk",))] == ["cam-walk"]
    assert [r.readout for r in maps.results_of(more, 1, ("cam-walk", "w-walk"))] == ["cam-walk", "w-walk"]


def test_the_words_below_the_cards_are_of_the_class_that_is_chosen():
    assert "mean over the classes" in gallery.card_words("")
    assert gallery.card_words("cat").endswith("Below: IoU of cat, A → B.")


# ---- runs: progress, ends, bad stores


def job_of(place, name, **status):
    folder = place / name
    folder.mkdir()
    job = jobs.Job(folder, "evaluate", "mine", ("evaluate",))
    described = {"kind": "evaluate", "title": "mine", "arguments": ["evaluate"], "again": [], "about": {}}
    (folder / jobs.JOB).write_text(json.dumps(described))
    jobs.write_status(job, jobs.Status(**{"queued": time.time()} | status))
    return jobs.read_job(folder)


def test_progress_says_how_far_and_how_long(place):
    job = job_of(place, "r", state="running")
    lines = [{"event": "Started", "time": time.time() - 20}]
    lines += [{"event": "EvalStep", "done": n, "total": 100, "name": "x"} for n in (41, 42, 43, 44, 45)]
    (job.folder / jobs.EVENTS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    share, text = runs.progress(job)
    assert share == pytest.approx(0.45)
    assert text == "45 of 100 pictures looked at, about 4 min left"
    lines.append({"event": "EvalStep", "done": 100, "total": 100, "name": "x"})
    (job.folder / jobs.EVENTS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert runs.progress(job) == (1.0, "All 100 pictures are looked at; the last counts are being written …")
    (job.folder / jobs.EVENTS).write_text("")
    assert "Loading the model" in runs.progress(job)[1]


def test_nobody_can_stop_a_job_where_starting_is_off(place, monkeypatch):
    job = job_of(place, "r", state="running")
    keys = [f"stop-{job.name}", f"resume-{job.name}"]
    monkeypatch.setattr(ui.widgets.jobs, "list_jobs", lambda kind: [job])
    assert [b.key for b in open_errors(run="kept").button if b.key in keys] == keys[:1]
    monkeypatch.setenv("RECAM_READ_ONLY", "1")
    assert not [b for b in open_errors(run="kept").button if b.key in keys]


def test_a_run_that_ended_badly_says_why_and_can_go_on(place, monkeypatch):
    job = job_of(place, "r", state="failed", message="The data set is not there.")
    resumed = []
    monkeypatch.setattr(ui.widgets.jobs, "resume_job", resumed.append)
    app = open_errors(run="r")
    assert [error.value for error in app.error] == ["**mine** ended with an error. The data set is not there."]
    press(app, label="Go on")
    assert [j.name for j in resumed] == [job.name]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda s: (s / "store.json").write_text(json.dumps({"version": 0})), "written by an older version"),
        (lambda s: (s / "counts-0000.parquet").write_bytes(b"PAR1"), "damaged or half-written"),
    ],
)
def test_a_bad_store_is_said_on_the_page(place, damage, complaint):
    damage(place / "kept")
    app = open_errors(run="kept")
    assert complaint in words(app)
    assert not app.exception


def test_a_stopped_evaluation_shows_what_it_has(place):
    path = place / "kept" / "store.json"
    stored = json.loads(path.read_text())
    stored["settings"]["total"] = 40
    stored["finished"] = False
    path.write_text(json.dumps(stored))
    app = open_errors(run="kept")
    assert "figures of the first 12 of 40 pictures ·" in words(app)
    assert len(app.metric) == 3


# ---- starting another one


def test_the_form_starts_what_was_chosen(place, ordered):
    app = open_errors()
    app.selectbox(key="new-model").set_value("scenes")
    app.selectbox(key="new-split").set_value("samples")
    app.selectbox(key="new-walk").set_value("learned")
    app.toggle(key="new-multi").set_value(True)
    ran(app)
    press(app, key="new-start")
    (job,) = ordered
    assert " ".join(job.arguments[:-3]) == (
        "evaluate --model scenes --dataset scenes --split samples --scales multi --flip --refine walk --boundary learned"
    )
    assert chosen(app, "run") == job.name


def test_boxes_alone_are_scored_by_box_accuracy(place, ordered, tmp_path):
    root = make_boxed_scenes(tmp_path)
    job = runs.start("scenes", "coco", str(root), "val", localisation=True)
    assert main([*job.arguments]) == 0
    jobs.write_status(job, jobs.Status("done", time.time()))
    app = open_errors(run=job.name)
    assert "No picture of this split has a mask" in words(app)
    table = app.dataframe[0].value
    assert list(table["PxAP"]) == ["–"] * len(READOUTS)
    assert "–" not in list(table["MaxBoxAcc"])
    app.selectbox(key="new-model").set_value("scenes")
    app.selectbox(key="new-kind").set_value("coco")
    ran(app)
    app.text_input(key="new-root").set_value(str(root))
    ran(app)
    assert "so its boxes are scored" in words(app)
    press(app, key="new-start")
    assert "--localisation" in ordered[-1].arguments
    app.selectbox(key="errors-run").set_value(job.name)
    press(ran(app), label="Measure the baselines")
    assert {"--localisation", "--baselines"} <= set(ordered[-1].arguments)


def test_a_model_of_other_classes_is_not_offered_to_start(place, ordered):
    app = open_errors()
    app.selectbox(key="new-model").set_value("photos")
    ran(app)
    assert "photos knows 80 classes and this data set has 8 others" in words(app)
    assert not [b for b in app.button if b.key == "new-start"]


def test_the_form_opens_a_data_set_once_and_says_what_is_wrong_with_a_model(place, monkeypatch):
    places, made = [], new.open_dataset
    monkeypatch.setattr(new, "open_dataset", lambda *where: places.append(where) or made(*where))
    new._described.clear()
    ran(ran(open_errors()))
    assert places == [("scenes", "", "test")]

    def broken(path):
        raise UserError("This model file is damaged.")

    monkeypatch.setattr(new, "read_header", broken)
    app = open_errors()
    assert "This model file is damaged." in words(app)
    assert not app.exception


def test_folders_are_bounded_by_the_operator(place, ordered, tmp_path, monkeypatch):
    inside = tmp_path / "data" / "mine"
    (inside / "val").mkdir(parents=True)
    (inside / "annotations").mkdir()
    (inside / "annotations" / "instances_val.json").write_text("{")
    monkeypatch.setenv("RECAM_DATA_ROOTS", str(tmp_path / "data"))
    app = open_errors()
    app.selectbox(key="new-kind").set_value("coco")
    ran(app)
    assert app.selectbox(key="new-folder").options == ["mine", "another folder …"]
    app.selectbox(key="new-folder").set_value("another folder …")
    ran(app)
    app.text_input(key="new-root").set_value("/etc")
    ran(app)
    assert "Data must lie in" in words(app)
    app.selectbox(key="new-folder").set_value(str(inside))
    ran(app)
    assert "instances_val.json is not a COCO instances file" in words(app)
    assert ordered == []


# ---- words


def test_words_of_a_gain_say_whether_it_can_be_told_from_chance():
    def words_of(mean, low, high, pictures=300):
        return gain_words("CAM", "w", 0.3, {"mean": mean, "low": low, "high": high}, pictures)

    assert "**+1.2 points**" in words_of(0.012, 0.004, 0.02)
    assert words_of(0.012, 0.004, 0.02).endswith("the interval does not contain 0, a **gain**.")
    assert "no proof of a gain" in words_of(0.003, -0.002, 0.008)
    assert "no proof of a loss" in words_of(-0.003, -0.008, 0.002)
    assert "does not contain 0, a **loss**" in words_of(-0.01, -0.02, -0.005)
    assert words_of(0.012, 0.004, 0.02, 19).endswith("19 pictures are too few for an interval.")
    assert "**my\\_w**" in gain_words("CAM", "my_w", 0.3, {"mean": 0, "low": 0, "high": 0}, 30)
    assert "the two are the same" in words_of(0, 0, 0)
    assert "a single picture says nothing" in words_of(0.1, 0.1, 0.1, 1)


def test_an_error_card_counts_another_class_as_wrong():
    picture = np.zeros((1, 5, 3), np.uint8)
    mask = np.array([[1, 1, 2, 0, 255]], np.uint8)
    given = np.array([[[0.9, 0.0, 0.9, 0.9, 0.9]], [[0.1, 0.0, 0.1, 0.1, 0.1]]], np.float32)
    card = maps.error_card(picture, given, (0, 1), mask, 0.5)[0]
    shade = [tuple(np.rint(np.array(colour) * 0.6).astype(int)) for colour in (HIT, MISSED, WRONG, WRONG, (0, 0, 0))]
    assert [tuple(pixel) for pixel in card.tolist()] == shade
    alone = maps.error_card(picture, given, (0, 1), mask, 0.5, only=2)[0]
    assert [tuple(pixel) for pixel in alone.tolist()] == [(0, 0, 0)] * 2 + [shade[1]] + [(0, 0, 0)] * 2


def test_names_on_cards_are_those_of_the_data_set():
    assert gallery.short("000000000540.jpg") == "000000000540"  # as COCO calls it
    assert gallery.short("test-0001") == "test-0001"
    with pytest.raises(UserError):
        Note("x" * 3000)
