"""The Train page as AppTest runs it: everything but drawing and real jobs, which tests/browser looks at."""

import argparse
import json
import shutil
import time
from dataclasses import asdict, replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from test_compare import SHELL, query, ran
from trained_runs import CONFIG, SCENE, write_job, write_run

import ui.jobs
import ui.train.cost
import ui.train.form
from recam_core import BOUNDARY_RECIPES, MOMENTUM_OF_THE_REFERENCE, jobs, png_bytes, presets, read_sample
from recam_core.commands import train, train_boundary
from recam_core.pair import build_pair
from recam_core.records import Cost, DataReport, TrainConfig
from recam_core.samples import SCENE_CLASSES
from recam_core.shelf import save_pair
from ui.train import after, compare, maps, runs
from ui.train.problems import Data, remarks, stops

PAGE = "../pages/lab/train.py"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """An empty folder of runs, whose models stand on the shelf."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("RECAM_RUNS", str(folder))
    monkeypatch.setenv("RECAM_MODELS", str(folder))
    monkeypatch.delenv("RECAM_READ_ONLY", raising=False)
    monkeypatch.delenv("RECAM_DATA_ROOTS", raising=False)
    return folder


@pytest.fixture
def ordered(monkeypatch, place):
    """What the page asks to be run, instead of running it."""
    asked = []

    def start_job(kind, title, arguments, again=(), about=None):
        folder = place / f"asked-{len(asked)}"
        folder.mkdir(parents=True)
        command = tuple(arguments(folder))
        write_job(folder, kind, title, "queued", about=about)
        asked.append(jobs.Job(folder, kind, title, command, tuple(again), dict(about or {})))
        return asked[-1]

    monkeypatch.setattr(runs, "start_job", start_job)
    return asked


def open_train(**link):
    app = AppTest.from_file(SHELL, default_timeout=90)
    for name, value in link.items():
        app.query_params[name] = value
    app.switch_page(PAGE)
    return ran(app)


def words(app):
    shown = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.success]
    return " ".join(element.value for element in shown).replace("\\", "")


def press(app, **which):
    (button,) = [b for b in app.button if all(getattr(b, name) == value for name, value in which.items())]
    button.click()
    return ran(app)


def labels(app):
    return [button.label for button in app.button]


def charts(app):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def parsed(arguments):
    """The settings that the command line makes of these arguments."""
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    return train.chosen_config(parser.parse_args(list(arguments[1:])))


# ---- the first visit and the form


def test_the_first_visit_starts_a_quick_look_with_one_click(ordered):
    app = open_train()
    assert "Nothing was trained on this server yet" in words(app)
    assert "About two minutes" in words(app)
    press(app, key="first-form")
    assert query(app)["run"] == "new"
    app = open_train()
    press(app, key="first")
    (job,) = ordered
    assert job.arguments[0] == "train"
    assert job.arguments[-3:] == ("--out", str(job.folder), "--json-lines")
    assert job.again == ("--resume",)
    expected = next(iter(presets("scenes").values()))
    config = parsed(job.arguments)
    assert replace(config, watch=()) == expected
    assert len(config.watch) == 3
    assert config.watch[0] == SCENE
    assert query(app)["run"] == job.name
    assert "Its turn is about to come" in app.get("progress")[0].proto.text
    assert job.about["pictures"] == 1600


def test_flags_say_every_setting_and_mean_the_same_to_the_command_line(tmp_path):
    odd = replace(
        presets("voc")["reference VOC"], root="/data/my voc", watch=("-a.jpg", "b c.jpg"), half=True, mask_gradient=False,
        momentum=MOMENTUM_OF_THE_REFERENCE, stage2_backbone_rate=0.0, stage1="", fc2_rate=1.5e-7,
    )  # fmt: skip
    assert parsed(["train", *runs.flags(odd), "--out", str(tmp_path)]) == odd
    for preset in (*presets("scenes").values(), *presets("coco").values(), *presets("folder").values()):
        assert parsed(["train", *runs.flags(preset), "--out", str(tmp_path)]) == preset
    boundary = BOUNDARY_RECIPES["scenes"]
    assert len(runs.flags(boundary)) == len(asdict(boundary))


def test_what_is_changed_in_the_form_is_what_is_trained(ordered):
    app = open_train(run="new")
    assert [b.label for b in app.button if b.key == "train-start" and not b.disabled] == ["Start training"]
    start = next(iter(presets("scenes").values()))
    assert app.number_input(key="train-f-recam_weight").value == start.recam_weight
    for name, value in {"recam_weight": 0.5, "stage1_epochs": 2, "crop": 128, "seed": 7, "fc2_rate": 3e-4}.items():
        app.number_input(key=f"train-f-{name}").set_value(value)
    app.selectbox(key="train-f-precision").set_value("float32")
    app.selectbox(key="train-validation-scenes").set_value("none")
    app.multiselect(key="train-watch-scenes--train").set_value(["train-0003"])
    app.text_input(key="train-title").set_value("mine")
    app.checkbox(key="train-follow").check()
    ran(app)
    press(app, key="train-start")
    first, second = ordered
    wanted = replace(
        start, recam_weight=0.5, stage1_epochs=2, crop=128, seed=7, fc2_rate=3e-4, precision="float32", validation="",
        watch=("train-0003",),
    )  # fmt: skip
    assert parsed(first.arguments) == wanted
    assert first.title == "mine"
    assert second.kind == "train-boundary"
    assert second.arguments[:2] == ("train-boundary", f"--model={first.folder}")
    assert "--crop=128" in second.arguments
    assert second.about["boundary_of"] == first.name
    assert query(app)["run"] == first.name
    assert "queued: **boundary branches of mine**" in words(app)


def test_a_preset_fills_the_form(ordered):
    app = open_train(run="new")
    app.number_input(key="train-f-stage1_epochs").set_value(99)
    ran(app)
    app.session_state["train-preset"] = "scenes"
    ran(app)
    assert app.number_input(key="train-f-stage1_epochs").value == presets("scenes")["scenes"].stage1_epochs


def test_the_reference_is_one_tap_away(ordered):
    app = open_train(run="new")
    assert "Reference: 1 on VOC, 0.1 on COCO." in app.number_input(key="train-f-recam_weight").help
    assert "Reference: 512." in app.number_input(key="train-f-crop").help
    app.selectbox(key="train-f-optimizer").set_value("sgd")
    ran(app)
    toggle = app.toggle(key="train-f-reference_momentum")
    assert "hands the weight decay to SGD in the place of the momentum" in toggle.help
    toggle.set_value(True)
    ran(app)
    press(app, key="train-start")
    assert parsed(ordered[0].arguments).momentum == MOMENTUM_OF_THE_REFERENCE


def test_stage_2_alone_leaves_the_classifier_what_it_is(ordered):
    app = open_train(stage1="scenes")
    assert app.selectbox(key="train-f-stages").value == "second"
    assert app.selectbox(key="train-f-stage1").value == "scenes"
    assert "stage1" not in query(app)
    assert not [n for n in app.number_input if n.key in ("train-f-stage1_epochs", "train-f-stage2_fc1_rate")]
    press(app, key="train-start")
    config = parsed(ordered[0].arguments)
    assert (config.stage1, config.stage2_backbone_rate, config.stage2_fc1_rate) == ("scenes", 0.0, 0.0)
    assert config.fc2_rate > 0
    app = open_train(stage1="scenes", run="new")
    app.toggle(key="train-f-train_on").set_value(True)
    ran(app)
    press(app, key="train-start")
    assert parsed(ordered[1].arguments).stage2_backbone_rate == presets("scenes")["quick look"].stage2_backbone_rate


def test_a_model_with_other_classes_or_no_model_is_said(ordered):
    app = open_train(stage1="photos")
    app.selectbox(key="train-data-kind").set_value("scenes")
    ran(app)
    app.selectbox(key="train-f-stages").set_value("second")
    ran(app)
    app.selectbox(key="train-f-stage1").set_value("photos")
    ran(app)
    assert "the model lacks fish" in words(app)
    assert [b.disabled for b in app.button if b.key == "train-start"] == [True]
    assert "which this server does not have" in words(open_train(stage1="nobody"))


@pytest.mark.parametrize("card", [{"training": [1]}, {"training": "abc"}, {"training": {"dataset": [1], "split": 3}}])
def test_a_linked_model_with_a_card_of_another_hand_is_taken(place, card):
    save_pair(build_pair("odd", "tiny", SCENE_CLASSES, card), place / "odd.safetensors")
    app = open_train(stage1="odd")
    app.selectbox(key="train-data-kind").set_value("scenes")
    assert ran(app).selectbox(key="train-f-stage1").value == "odd"


def test_a_linked_model_that_is_damaged_is_said(place):
    (place / "broken.safetensors").write_bytes(b"no model")
    assert "broken.safetensors is not a readable safetensors file" in words(open_train(stage1="broken"))


def test_a_data_set_on_disk_is_checked_before_anything_else(ordered, tmp_path):
    app = open_train(run="new")
    app.selectbox(key="train-data-kind").set_value("folder")
    ran(app)
    app.text_input(key="train-data-root").set_value(str(tmp_path / "nothing"))
    ran(app)
    assert "There is no folder" in words(app)
    assert "Start training" not in labels(app)


def checked(app):
    """Press the button of the check and wait for its report."""
    press(app, key="train-data-check-start")
    for _ in range(100):
        if any(metric.label == "Pictures" for metric in app.metric):
            return app
        time.sleep(0.1)
        ran(app)
    raise AssertionError("no report came")


def folder_of(place, **pictures):
    """A folder of pictures: names of each class."""
    for name, files in pictures.items():
        (place / name).mkdir(parents=True)
        for number, file in enumerate(files):
            pixels = np.full((40, 50, 3), 20 * number + len(name), np.uint8)
            (place / name / file).write_bytes(png_bytes(pixels))
    return place


def test_the_form_follows_from_the_check_of_a_folder(ordered, tmp_path):
    data = folder_of(tmp_path / "pets", cat=["a.png", "b.png"], dog=["c.png"])
    (data / "dog" / "broken.png").write_bytes(b"no picture")
    app = open_train(run="new")
    app.selectbox(key="train-data-kind").set_value("folder")
    ran(app)
    app.text_input(key="train-data-root").set_value(str(data))
    ran(app)
    assert "Check the data set first" in words(app)
    checked(app)
    assert app.selectbox(key="train-f-backbone").value == "efficientnet_lite0"
    assert "1 picture that cannot be read: skipped and counted." in words(app)
    watched = app.multiselect(key=f"train-watch-folder-{data}-").value
    assert set(watched) <= {"cat/a.png", "cat/b.png", "dog/c.png"}
    assert watched
    press(app, key="train-start")
    config = parsed(ordered[0].arguments)
    assert (config.dataset, config.root, config.split, config.watch) == ("folder", str(data), "", tuple(watched))
    assert ordered[0].title == "efficientnet_lite0 on pets"


def test_a_picture_to_watch_may_not_be_any_file_of_the_server(ordered, tmp_path, monkeypatch):
    monkeypatch.setenv("RECAM_DATA_ROOTS", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    for place in ("secret.png", "data/allowed.png"):
        (tmp_path / place).write_bytes(png_bytes(np.zeros((40, 50, 3), np.uint8)))
    app = open_train(run="new")
    app.multiselect(key="train-watch-scenes--train").set_value([str(tmp_path / "secret.png")])
    ran(app)
    assert "Data must lie in" in words(app)
    assert "Start training" not in labels(app)
    app.multiselect(key="train-watch-scenes--train").set_value(["x" * 300])
    ran(app)
    app.multiselect(key="train-watch-scenes--train").set_value([str(tmp_path / "data" / "allowed.png")])
    ran(app)
    assert "Start training" in labels(app)


def test_a_linked_model_stays_while_pictures_are_chosen(ordered, tmp_path):
    data = folder_of(tmp_path / "seas", fish=["a.png", "b.png"], boat=["c.png"])
    app = open_train(stage1="photos")
    app.selectbox(key="train-data-kind").set_value("scenes")
    ran(app)
    assert app.selectbox(key="train-f-stage1").value == "photos"
    app.selectbox(key="train-f-stage1").set_value("scenes")
    ran(app)
    app.selectbox(key="train-data-kind").set_value("folder")
    ran(app)
    app.text_input(key="train-data-root").set_value(str(data))
    ran(app)
    checked(app)
    assert app.selectbox(key="train-f-stages").value == "second"
    assert app.selectbox(key="train-f-stage1").value == "scenes"
    assert not app.toggle(key="train-f-train_on").value
    app.selectbox(key="train-f-stages").set_value("both")
    ran(app)
    app.selectbox(key="train-data-kind").set_value("scenes")
    ran(app)
    assert app.selectbox(key="train-f-stages").value == "both"


def test_a_linked_model_of_unknown_pictures_asks_for_a_folder(ordered, monkeypatch):
    monkeypatch.setattr(ui.train.form, "read_header", lambda path: {"card": {"imported": {}}, "classes": ["a"]})
    app = open_train(stage1="photos")
    assert "Choose pictures whose classes **photos** knows." in words(app)
    assert app.selectbox(key="train-data-kind").value == "folder"
    assert not app.error


def test_numbers_that_cannot_be_are_refused_in_words_and_nothing_disappears(ordered):
    app = open_train(run="new")
    app.text_input(key="train-title").set_value("mine")
    for name, value in {"stage1_epochs": 0, "recam_weight": -1.0, "long_side_min": 500, "workers": -2}.items():
        field = app.number_input(key=f"train-f-{name}")
        assert not field.proto.has_min  # the browser would keep another number without a word
        field.set_value(value)
    app.number_input(key="train-f-long_side_max").set_value(192)
    ran(app)
    assert [error.value.replace("\\", "") for error in app.error] == [
        "“Epochs of stage 1” is 0; it must be at least 1.",
        "“Balance λ” is -1; it must be at least 0.",
        "“Reading processes” is -2; it must be at least 0.",
        "“Long side from” (500 px) is larger than “Long side to” (192 px).",
    ]
    assert [b.disabled for b in app.button if b.key == "train-start"] == [True]
    assert app.text_input(key="train-title").value == "mine"
    for name, value in {"stage1_epochs": 1, "recam_weight": 1.0, "long_side_min": 96, "workers": 0}.items():
        app.number_input(key=f"train-f-{name}").set_value(value)
    ran(app)
    press(app, key="train-start")
    assert ordered[0].title == "mine"
    press(app, key="train-new")
    assert app.text_input(key="train-title").value == ""


def test_a_typed_name_outlives_a_look_at_another_run(place, ordered):
    write_run(place, "one")
    app = open_train(run="new")
    app.text_input(key="train-title").set_value("mine")
    ran(app)
    app.radio(key="train-run").set_value("one")
    ran(app)
    press(app, key="train-new")
    assert app.text_input(key="train-title").value == "mine"


def test_nonsense_is_refused_or_remarked():
    data = Data(1000, ("cat", "dog"))
    assert "at least 32 px" in stops(replace(CONFIG, crop=16), data, None)[0]
    assert stops(replace(CONFIG, crop=32), data, None) == []
    said = " ".join(remarks(replace(CONFIG, recam_weight=11, optimizer="sgd", fc1_rate=1.5), data))
    assert "With λ = 11 SCE outweighs BCE" in said
    assert "With SGD rates above 1 usually let the weights run away (Classifier FC1, stage 1: 1.5)." in said
    own = remarks(replace(CONFIG, fc1_start="imagenet"), Data(9, ("Zwxq", "Qqyy")))
    assert "ImageNet has a counterpart of none of these classes, so FC1 starts at random." in own
    assert "ImageNet has" not in " ".join(remarks(replace(CONFIG, fc1_start="imagenet"), Data(9, ("dog", "Qqyy"))))
    assert "All learning rates of stage 1 are 0" in " ".join(
        remarks(replace(CONFIG, backbone_rate=0, fc1_rate=0), data)
    )
    for kind in ("scenes", "voc", "coco", "folder"):
        for preset in presets(kind).values():
            assert not [one for one in remarks(preset, data) if "run away" in one or "outweighs" in one]


def test_what_speaks_against_a_training(report):
    classes = ("cat", "dog")
    data = Data(10, classes, report())
    assert stops(CONFIG, data, None) == []
    assert "has no picture" in stops(CONFIG, Data(0, classes), None)[0]
    assert (
        "Every picture of the data set is broken" in stops(CONFIG, Data(10, classes, report(broken_count=10)), None)[0]
    )
    assert "nothing to learn" in stops(CONFIG, Data(10, classes, report(per_class=(0, 0))), None)[0]
    assert "rates of stage 2 are 0" in stops(
        replace(CONFIG, stage1="m", stage2_backbone_rate=0, stage2_fc1_rate=0, fc2_rate=0), data, classes
    )[0]  # fmt: skip
    assert "with EfficientNet-Lite0" in stops(replace(CONFIG, fc1_start="imagenet"), data, None)[0]
    said = " ".join(
        remarks(replace(CONFIG, recam_weight=0, crop=512, validation="train", backbone="resnet50_s16"), data)
    )
    for part in ("With λ = 0", "their rim stays empty", "look better than they are", "From random weights", "one step"):
        assert part in said
    assert "3 pictures without labels" in " ".join(remarks(CONFIG, Data(10, classes, report(unlabelled=3))))


@pytest.fixture
def report():
    """A report of ten pictures, with changes."""

    def made(**changes):
        plain = {
            "kind": "folder", "root": "/r", "split": "", "pictures": 10, "masks": 0, "classes": ("cat", "dog"),
            "per_class": (5, 5), "unlabelled": 0, "missing": (), "missing_count": 0, "broken": (), "broken_count": 0,
            "empty_classes": (), "notes": (), "samples": ("a",), "seconds": 0.1,
        }  # fmt: skip
        return DataReport(**plain | changes)

    return made


def test_the_cost_is_told_before_it_starts_and_measured_once(ordered, monkeypatch):
    asked = []

    def estimate_cost(config, pictures, device, dataset, classes):
        asked.append((config.batch_size, pictures, classes))
        return Cost(7200.0, (0.5, 0.7), (600, 300), 1500.0, 90.0)

    monkeypatch.setattr(ui.train.cost, "estimate_cost", estimate_cost)
    app = open_train(run="new")
    assert asked == []
    press(app, key="train-estimate")
    assert asked == [(presets("scenes")["quick look"].batch_size, 1600, 8)]
    assert "About **2.0 h**: 600 steps of 0.50 s in stage 1 and 300 steps of 0.70 s in stage 2." in words(app)
    assert "About 1.5 GiB of memory and 90 MiB on disk." in words(app)
    app.text_input(key="train-title").set_value("x")
    ran(app)
    assert "2.0 h" in words(app)
    assert len(asked) == 1
    app.number_input(key="train-f-batch_size").set_value(7)
    ran(app)
    assert "2.0 h" not in words(app)  # of other settings


def test_an_upload_is_kept_in_the_folder_of_the_run(ordered, place):
    picture = replace(read_sample(SCENE)[0], name="../../my cat!.jpg")
    job = runs.start(CONFIG, pictures=[picture, picture])
    kept = sorted((job.folder / "uploads").iterdir())
    assert [path.name for path in kept] == ["my-cat-1.png", "my-cat-2.png"]
    assert parsed(job.arguments).watch == (*CONFIG.watch, *map(str, kept))


def test_an_operator_can_switch_starting_off(place, monkeypatch, ordered):
    monkeypatch.setenv("RECAM_READ_ONLY", "1")
    assert "its operator has switched off starting new ones" in words(open_train())
    app = open_train(run="new")
    assert "switched off" in words(app)
    assert "Start training" not in labels(app)
    write_run(place, "a-stopped", job="stopped", epochs=2, message="Stopped.")
    write_run(place, "b-done")
    app = open_train(run="b-done")
    assert {"Look with it", "Evaluate"} <= set(labels(app))
    forbidden = {"Delete it", "Train again with other settings", "New training", "Start", "Go on"}
    assert not forbidden & set(labels(app))
    assert not forbidden & set(labels(open_train(run="a-stopped")))


# ---- a run


def test_runs_of_jobs_and_of_the_command_line_are_listed_the_newest_first(place):
    write_run(place, "20260101-cli", job=None)
    write_run(place, "20260102-job", title="mine")
    write_job(place / "20260103-other", "evaluate", "an evaluation", "done")
    assert {run.name for run in runs.all_runs()} == {"20260101-cli", "20260102-job"}
    app = open_train(run="20260101-cli")
    assert query(app)["run"] == "20260101-cli"
    assert "Trained in 7 min. On 100 pictures after the last epoch: mAP 60.0 %." in words(app)
    assert "CAM 30.0, w 35.0" in words(app)  # CAM's is that of the last epoch of stage 1
    assert "stands on the shelf as **20260101-cli**" in words(app)


def test_a_run_that_is_called_like_another_is_told_apart(place, ordered):
    for name in ("one", "two"):
        write_run(place, name, title="tiny on scenes train")
    app = open_train(run="two")
    assert query(app)["run"] == "two"
    press(app, key="train-new")
    press(app, key="train-start")
    assert query(app)["run"] == ordered[0].name
    shown = app.radio(key="train-run")
    assert shown.value == ordered[0].name
    assert sorted(shown.options) == [f"tiny on scenes train{more}" for more in ("", " \\(2\\)", " \\(3\\)")]


def test_a_link_to_a_run_that_is_gone_says_so(place):
    write_run(place, "one")
    assert "The link names the run “two”" in words(open_train(run="two"))


def test_curves_of_both_stages(place):
    write_run(place, "one")
    app = open_train(run="one")
    bce, sce, seeds, ap, rate = charts(app)
    thin, thick, thin2, thick2 = bce["data"]
    assert len(thin["x"]) == len(thick["x"]) == 30
    assert thick["x"][-1] == 3.0  # epochs
    assert (thin2["x"][0], thick2["x"][-1]) == (pytest.approx(3.1), 5.0)
    assert bce["layout"]["xaxis"]["range"] == [0, 5]
    assert len(sce["data"]) == 2  # stage 2 alone
    assert {trace["name"] for trace in seeds["data"]} == {"CAM", "w", "w′", "w⊕w′", "w⊗w′"}
    assert ap["data"][0]["y"] == pytest.approx([50, 60, 70, 50, 60])
    assert rate["data"][0]["y"][0] == pytest.approx(0.004 * (1 - 1 / 99))
    assert "waited for pictures 10% of the time" in words(app)
    assert "train-0007: its file ends too early" in words(app)


def test_a_running_job_shows_how_far_it_is_and_can_be_stopped(place, monkeypatch):
    write_run(place, "one", job="running", epochs=2, title="mine")
    write_job(place / "two", "train-boundary", "after it", "queued", about={"boundary_of": "one"})
    app = open_train(run="one")
    (bar,) = app.get("progress")
    assert bar.proto.value == 40  # 20 of 50 steps
    assert (
        bar.proto.text == "**mine** · stage 1 of 2, step 20 of 30, about 21 s left"
    )  # 30 · 0.5 s, and 3 validations of 2 s
    assert "queued: **after it**" in words(app)
    stopped = []
    monkeypatch.setattr(runs, "stop_job", lambda job: stopped.append(job.name))
    press(app, key="stop-one")
    assert stopped == ["two", "one"]  # what would follow has nothing to train on


def test_a_run_that_ended_badly_says_why_and_can_go_on(place, monkeypatch):
    write_run(place, "one", job="failed", epochs=2, title="mine", message="The loss is no longer finite.")
    resumed = []
    monkeypatch.setattr(ui.jobs, "resume_job", resumed.append)
    app = open_train(run="one")
    assert [error.value for error in app.error] == ["**mine** ended with an error. The loss is no longer finite."]
    assert "Look with it" not in labels(app)
    assert {"Try again", "Train again with other settings"} <= set(labels(app))  # there is nothing to go on from
    (place / "one" / "checkpoint.pt").write_bytes(b"x")
    app = open_train(run="one")
    assert [b.proto.type for b in app.button if b.label == "Go on"] == ["primary"]
    press(app, label="Go on")
    assert [job.name for job in resumed] == ["one"]


def test_a_run_that_failed_before_it_began_does_not_talk_as_if_it_would_start(place):
    write_run(place, "one", job="failed", epochs=0, message="No such file.")
    (place / "one" / "errors.txt").write_text("Traceback …\n\nUserError: No such file.\n")
    app = open_train(run="one")
    said = words(app)
    assert "It ended before its first step." in said
    assert "It ended before the first maps were made." in said
    for promise in ("come as soon as it begins", "Curves begin with", "Nothing was said"):
        assert promise not in said
    assert "UserError: No such file." in " ".join(code.value for code in app.code)
    assert [b.proto.type for b in app.button if b.label == "Train again with other settings"] == ["primary"]


def test_a_stop_is_said_once(place):
    write_run(place, "one", job="stopped", epochs=2, title="mine", message="Stopped.")
    assert [info.value for info in open_train(run="one").info] == ["**mine** was stopped."]


def test_a_run_whose_model_was_deleted_keeps_its_result(place):
    write_run(place, "one", model=False)
    said = words(open_train(run="one"))
    assert "On 100 pictures after the last epoch: mAP 60.0 %." in said
    assert "Its model was deleted from the shelf." in said


def test_the_time_is_that_of_the_whole_job_and_the_model_has_its_title(place):
    folder = write_run(place, "one", title="my fish")
    status = json.loads((folder / jobs.STATUS).read_text())
    (folder / jobs.STATUS).write_text(json.dumps(status | {"ended": status["started"] + 1200}))
    said = words(open_train(run="one"))
    assert "Trained in 20 min." in said
    assert "stands on the shelf as **my fish" in said


def test_a_run_that_another_tab_deleted_is_not_replaced_without_a_word(place):
    folder = write_run(place, "one")
    write_run(place, "two")
    app = open_train(run="one")
    shutil.rmtree(folder)
    ran(app)
    assert "The link names the run “one”" in words(app)
    assert query(app)["run"] == "two"


def test_lines_of_the_player_are_those_of_the_charts_and_go_through_both_stages(place):
    write_run(place, "one")
    app = open_train(run="one")
    colours = {trace["name"]: trace["line"]["color"] for trace in charts(app)[2]["data"]}
    run = place / "one"
    about = maps.new_roll(run, maps.watched_pictures(run)[0], 0, "fish", CONFIG, "one").reel.about
    shares = about["charts"][0]
    assert {line["label"]: line["colour"] for line in shares["lines"]} == colours
    assert shares["joined"]
    assert shares["ticks"] == [(0, "stage 1, start"), (4, "stage 2, start"), (6, "epoch 2")]
    alone = maps.new_roll(run, maps.watched_pictures(run)[0], 0, "fish", replace(CONFIG, stage1="m"), "one")
    assert alone.reel.about["charts"][0]["ticks"] == [(0, "stage 2, start"), (2, "epoch 2")]


def test_heatmaps_of_every_epoch(place):
    write_run(place, "one")
    run = runs.Run("one", place / "one", None)
    history = runs.history_of(run)
    assert len(history.kept) == 7  # 3 + 2 epochs and the start of each stage
    roll = maps.new_roll(run.folder, maps.watched_pictures(run.folder)[0], 0, "fish", CONFIG, "one")
    assert roll.feed(history.kept[:3], running=True)
    frames = roll.reel._frames
    assert [frame.label for frame in frames] == ["stage 1, start", "stage 1, epoch 1", "stage 1, epoch 2"]
    assert frames[0].layers["w"].note == "comes in stage 2"
    assert set(frames[1].layers) == {"cam"}
    assert roll.reel.running
    assert roll.reel.total == 7
    assert roll.feed(history.kept, running=False)
    assert [frame.label for frame in frames[4:]] == ["stage 2, start", "stage 2, epoch 1", "stage 2, epoch 2"]
    assert set(frames[-1].layers) == {"cam", "w", "wprime", "sum", "product"}
    assert frames[-1].values["score"] == pytest.approx(0.6)
    covered = [frame.curves["cam"]["covered"][30] for frame in frames[:4]]
    assert covered == sorted(covered)  # the spot of the fixture grows
    assert not roll.reel.running
    (run.folder / history.kept[0].file).unlink()
    late = maps.new_roll(run.folder, maps.watched_pictures(run.folder)[0], 0, "fish", CONFIG, "one")
    assert late.feed(history.kept, running=False)
    assert [len(frame.layers) for frame in late.reel._frames][:2] == [5, 1]  # all layers with the first that is there
    assert not roll.feed(history.kept[:2], running=True)  # it went back to a checkpoint
    header = roll.reel.packed(describe=True)
    assert b'"seconds":null' in header


def test_the_player_is_there_with_picture_and_class(place):
    write_run(place, "one")
    app = open_train(run="one")
    assert "Heatmaps, epoch by epoch" in words(app)
    (component,) = [element for element in app.main if element.type == "bidi_component"]
    (shown,) = json.loads(component.proto.json)["runs"]
    assert not shown["running"]
    app.selectbox(key="train-picture-one").set_value(1)
    ran(app)
    (component,) = [element for element in app.main if element.type == "bidi_component"]
    assert json.loads(component.proto.json)["runs"][0]["id"] != shown["id"]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda run: (run / "settings.json").write_text("{"), "settings.json is missing or damaged"),
        (lambda run: (run / "watched" / "000.png").write_bytes(b"no"), "The watched pictures of one cannot be read"),
        (
            lambda run: [path.write_bytes(b"no") for path in (run / "maps").iterdir()],
            "The maps of this run are damaged or gone",
        ),
        (lambda run: shutil.rmtree(run / "maps"), "The maps of this run are damaged or gone"),
        (lambda run: (run / "history.jsonl").unlink(), "Its history is gone, so there are no curves"),
    ],
)
def test_damaged_files_are_said(place, damage, complaint):
    damage(write_run(place, "one"))
    app = open_train(run="one")
    assert complaint in words(app)
    assert not app.exception


def test_a_damaged_history_shows_what_is_whole(place):
    folder = write_run(place, "one")
    with (folder / "history.jsonl").open("a") as file:
        file.write('{"event": "TrainStep", "stage": 2, "step": "x"}\n{"event": "TrainStep", "stage": 9, "step": 1}\n')
        file.write(
            '{"event": "Validated", "stage": 1}\n{"event": "EpochEnd", "stage": 1, "epoch": "?"}\nnot json\n{"event": "Tr'
        )
    app = open_train(run="one")
    assert "4 events of this run's history are damaged" in words(app)
    assert len(charts(app)[0]["data"]) == 4


# ---- afterwards


def test_the_way_to_compare_and_to_errors(place):
    write_run(place, "one")
    app = press(open_train(run="one"), label="Look with it")
    assert query(app)["model"] == "one"
    assert query(app)["picture"] == SCENE
    app = press(open_train(run="one"), label="Evaluate")
    assert app.selectbox(key="new-model").value == "one"


def test_training_again_begins_with_the_same_settings(place, ordered):
    config = replace(CONFIG, recam_weight=0.31, stage1_epochs=4, split="val", validation="test")
    write_run(place, "one", config)
    app = press(open_train(run="one"), label="Train again with other settings")
    assert query(app)["run"] == "new"
    assert app.selectbox(key="train-data-split").value == "val"
    assert app.number_input(key="train-f-recam_weight").value == 0.31
    press(app, key="train-start")
    assert parsed(ordered[0].arguments) == config


def test_boundary_branches_on_a_model(place, ordered):
    write_run(place, "one", title="mine")
    app = open_train(run="one")
    app.number_input(key="boundary-one-epochs").set_value(2)
    ran(app)
    press(app, key="boundary-start")
    (job,) = ordered
    assert job.arguments[:2] == ("train-boundary", f"--model={place / 'one'}")
    assert {"--epochs=2", "--dataset=scenes", "--split=train", "--readout=w"} <= set(job.arguments)
    assert job.title == "boundary branches of mine"
    parser = argparse.ArgumentParser()
    train_boundary.add_arguments(parser)
    assert parser.parse_args(list(job.arguments[1:])).epochs == 2
    assert [bar.proto.text for bar in app.get("progress")] == [
        "**boundary branches of mine** · Its turn is about to come."
    ]
    with (job.folder / jobs.EVENTS).open("w") as file:
        for step in (1, 2, 2):
            terms = {"positive": 0.5, "negative": 0.4, "displacement": 0.3, "rate": 0.1}
            file.write(json.dumps({"event": "BoundaryStep", "epoch": 0, "step": step, "steps": 8, **terms}) + "\n")
    write_job(job.folder, "train-boundary", job.title, "running", about=job.about)
    app = open_train(run="one")
    assert "step 2 of 8" in app.get("progress")[0].proto.text
    assert len(charts(app)[0]["data"][0]["x"]) == 2


def test_boundary_settings_that_contradict_each_other_are_said(place):
    write_run(place, "one")
    app = open_train(run="one")
    app.slider(key="boundary-one-foreground").set_value(0.1)
    app.slider(key="boundary-one-background").set_value(0.5)
    ran(app)
    assert "0 ≤ background ≤ foreground" in words(app)
    assert not [b for b in app.button if b.key == "boundary-start"]
    assert after.default_boundary(replace(CONFIG, crop=130)).crop == 128
    assert after.default_boundary(replace(CONFIG, crop=32)).crop == 72


def test_a_run_is_deleted_after_a_question_and_not_while_it_runs(place):
    folder = write_run(place, "one")
    write_run(place, "two", job="running", epochs=1)
    app = open_train(run="two")
    assert "Delete it" not in labels(app)
    app = open_train(run="one")
    assert "It does not come back" in words(app)
    press(app, key="delete-one")
    assert not folder.exists()
    assert "The link names" not in words(app)
    assert query(app)["run"] == "two"


def test_runs_beside_one_another(place):
    write_run(place, "a", title="same")
    write_run(place, "b", replace(CONFIG, recam_weight=0.5, watch=(SCENE, "x")), shift=0.1, title="same")
    app = open_train(run="a")
    app.multiselect(key="train-compare").set_value(["b"])
    ran(app)
    bce, *_ = charts(app)
    assert len({trace["name"] for trace in bce["data"]}) == 2
    results, settings = (frame.value for frame in app.dataframe)
    assert list(settings[""]) == ["Balance λ", "watch"]
    assert list(settings.iloc[0])[1:] == ["0.02", "0.5"]
    assert list(results[""])[:3] == ["stage 1, last BCE", "stage 2, last BCE", "stage 2, last SCE"]
    (component,) = [element for element in app.main if element.type == "bidi_component"]
    assert len(json.loads(component.proto.json)["runs"]) == 2
    assert {trace["name"] for trace in bce["data"]} == {"same", "same (2)"}
    assert compare.differences([CONFIG, CONFIG]) == []
    assert {trace["line"]["dash"] for trace in bce["data"] if trace["name"] == "same (2)"} != {
        trace["line"]["dash"] for trace in bce["data"] if trace["name"] == "same"
    }
    assert query(app)["with"] == "b"
    app = open_train(**{"run": "a", "with": "b,nobody"})
    assert app.multiselect(key="train-compare").value == ["b"]
    assert "same against same (2): seed mIoU of w⊗w′ 38.0 % against 38.0 %." in words(app)
    app.radio(key="train-run").set_value("b")
    ran(app)
    assert "with" not in query(app)  # a run is not compared with itself
    app.multiselect(key="train-compare").set_value([])
    ran(app)
    assert "with" not in query(app)


def test_the_sentence_of_a_comparison_names_what_differs(place):
    write_run(place, "a")
    write_run(place, "b", replace(CONFIG, recam_weight=0.5))
    made = [runs.history_of(run) for run in runs.all_runs()]
    pairs = [("a", made[0], CONFIG), ("b", made[1], replace(CONFIG, recam_weight=0.5))]
    assert compare.first_words(pairs) == "Balance λ 0.02 against 0.5: seed mIoU of w⊗w′ 38.0 % against 38.0 %."


def test_a_run_without_watched_pictures_or_scores_says_so(place):
    write_run(place, "one", replace(CONFIG, watch=(), validation=""))
    app = open_train(run="one")
    assert "No pictures are watched in this run" in words(app)
    assert "no validation split was chosen" in words(app)
    write_job(place / "two", "train", "later", "queued", about={"config": asdict(CONFIG), "pictures": 160})
    app = open_train(run="two")
    assert "The first maps come as soon as it begins" in words(app)
    assert isinstance(runs.settings_of(runs.all_runs()[0]), TrainConfig)
