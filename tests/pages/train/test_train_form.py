"""The form of the Train page as AppTest runs it: from the first visit to the command that is put into the queue."""

import time
from dataclasses import asdict, replace

import numpy as np
import pytest
from any_page import press, query, ran, words
from train_page import labels, open_train, parsed
from trained_runs import CONFIG, SCENE, write_run

import ui.train.cost
import ui.train.form
import ui.widgets.jobs
from recam_core import read_sample
from recam_core.checkpoints.pair_file import save_pair
from recam_core.datasets.samples import SCENE_CLASSES
from recam_core.images.visualise import png_bytes
from recam_core.networks.pair import build_pair
from recam_core.records import Cost, DataReport, flags_of
from recam_core.training.recipes import BOUNDARY_RECIPES, MOMENTUM_OF_THE_REFERENCE, presets
from ui.train import runs
from ui.train.problems import Data, remarks, stops


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
    assert parsed(["train", *flags_of(odd), "--out", str(tmp_path)]) == odd
    for preset in (*presets("scenes").values(), *presets("coco").values(), *presets("folder").values()):
        assert parsed(["train", *flags_of(preset), "--out", str(tmp_path)]) == preset
    boundary = BOUNDARY_RECIPES["scenes"]
    assert len(flags_of(boundary)) == len(asdict(boundary))


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
    assert app.selectbox(key="train-f-backbone").value == "efficientnet_lite0_relu"
    assert "1 picture that cannot be read: skipped and counted." in words(app)
    watched = app.multiselect(key=f"train-watch-folder-{data}-").value
    assert set(watched) <= {"cat/a.png", "cat/b.png", "dog/c.png"}
    assert watched
    press(app, key="train-start")
    config = parsed(ordered[0].arguments)
    assert (config.dataset, config.root, config.split, config.watch) == ("folder", str(data), "", tuple(watched))
    assert ordered[0].title == "efficientnet_lite0_relu on pets"


def test_a_picture_to_watch_may_not_be_any_file_of_the_server(ordered, tmp_path, monkeypatch):
    monkeypatch.setenv("RECAM_DATA_ROOTS", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    for place in ("secret.png", "data/allowed.png"):
        (tmp_path / place).write_bytes(png_bytes(np.zeros((40, 50, 3), np.uint8)))
    app = open_train(run="new")
    app.multiselect(key="train-watch-scenes--train").set_value([str(tmp_path / "secret.png")])
    ran(app)
    assert "on this server that may be watched" in words(app)
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
    assert app.number_input(key="train-f-training_stride").value == 0  # the preset's is for another network
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
    text = " ".join(remarks(replace(CONFIG, recam_weight=11, optimizer="sgd", fc1_rate=1.5), data))
    assert "With λ = 11 SCE outweighs BCE" in text
    assert "With SGD rates above 1 usually let the weights run away (Classifier FC1, stage 1: 1.5)." in text
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
    text = " ".join(
        remarks(replace(CONFIG, recam_weight=0, crop=512, validation="train", backbone="resnet50_s16"), data)
    )
    for part in ("With λ = 0", "their rim stays empty", "look better than they are", "From random weights", "one step"):
        assert part in text
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

    def estimate_apart(config, check):
        asked.append((config.batch_size, config.dataset, config.split))
        return Cost(7200.0, (0.5, 0.7), (600, 300), 1500.0, 90.0)

    monkeypatch.setattr(ui.train.cost, "estimate_apart", estimate_apart)
    app = open_train(run="new")
    assert asked == []
    press(app, key="train-estimate")
    assert asked == [(presets("scenes")["quick look"].batch_size, "scenes", "train")]
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
    files = sorted((job.folder / "uploads").iterdir())
    assert [path.name for path in files] == ["my-cat-1.png", "my-cat-2.png"]
    assert parsed(job.arguments).watch == (*CONFIG.watch, *map(str, files))


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
