"""The Models page as AppTest runs it: cards, renaming, deleting after a question, importing, what an operator forbids."""

import io
import json
import pickle
import time
import urllib.error
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from any_page import SHELL, open_page, query, ran, words
from hostile import Hostile
from streamlit.testing.v1 import AppTest

import ui.compute.engine
from recam_core import known_models, load_pair
from recam_core.checkpoints.importers import CLASS_LISTS, Recognised
from recam_core.checkpoints.pair_file import save_pair
from recam_core.networks.pair import build_pair
from recam_core.system import jobs
from ui.models import import_form, import_panel

PAGE = "../pages/lab/models.py"
RUN = "20261125-093000-train-quick-look"
TRAINED = {
    "training": {"dataset": "scenes", "stage1_epochs": 5, "stage2_epochs": 4, "recam_weight": 0.5, "watch": ["a"]}
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Files by name: a whole pair, and one that has CAM alone."""
    torch.manual_seed(0)
    folder, classes = tmp_path_factory.mktemp("pairs"), ("cat", "dog", "*fish*")
    save_pair(build_pair("pair", "tiny", classes, TRAINED), folder / "pair")
    save_pair(build_pair("cam", "tiny", classes, {"warning": "Only [for] a test."}, ("cam",)), folder / "cam")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def place(stored, tmp_path, monkeypatch):
    """A run that was done here, an imported model, and a damaged file."""
    run = tmp_path / "runs" / RUN
    run.mkdir(parents=True)
    (run / "model.safetensors").write_bytes(stored["pair"])
    plain = {"kind": "train", "title": "scenes, quick look", "arguments": [], "again": [], "about": {}}
    (run / jobs.JOB).write_text(json.dumps(plain))
    (run / jobs.STATUS).write_text(json.dumps({"state": "done", "queued": time.time()}))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.safetensors").write_bytes(stored["cam"])
    (tmp_path / "models" / "broken.safetensors").write_bytes(stored["cam"][:500])
    monkeypatch.setenv("RECAM_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("RECAM_RUNS", str(tmp_path / "runs"))
    for name in ("RECAM_READ_ONLY", "RECAM_DATA_ROOTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ui.compute.engine, "EVIDENCE", ui.compute.engine.EvidenceCache())
    return tmp_path


def open_models(**link):
    return open_page(PAGE, **link)


def errors(app):
    return [element.value.replace("\\", "") for element in app.error]


def titles(app):
    return [m.value[5:].replace("\\", "") for m in app.markdown if m.value.startswith("#### ")]


def press(app, *keys):
    """Buttons that are there at the same time; a dialog is drawn only in the run in which its button was pressed."""
    for key in keys:
        app.button(key=key).click()
    return ran(app)


def form(app, kind, name):
    number = app.session_state["models-form"] if "models-form" in app.session_state else 0  # noqa: SIM401 (it has no get)
    return getattr(app, kind)(key=f"models-{name}-{number}")


def send(app, *files):
    form(app, "file_uploader", "files").set_value([(name, data, "application/octet-stream") for name, data in files])
    return ran(app)


# ---- cards


def test_every_model_has_a_card_bundled_first_then_trained_then_imported():
    app = open_models()
    assert titles(app) == ["voc", "photos", "scenes", "scenes, quick look", "broken", "mine"]
    text = words(app)
    assert "6 models: 3 bundled, 1 trained here, 2 imported" in text.replace("*", "")
    assert "cat, dog, *fish*" in text
    assert f"`{RUN}` in links and commands" in text
    assert "w′ 23.4 % mIoU" in text
    assert "which it was trained on" in text
    assert "This model saw only 128 photos" in text
    assert "Only [for] a test." in text
    assert "Only CAM: this model has no FC2" in text
    (damaged,) = errors(app)
    assert "broken.safetensors is not a readable safetensors file" in damaged
    keys = {button.key for button in app.button}
    assert {f"edit-{RUN}", "delete-mine", "edit-mine", "delete-broken"} <= keys
    assert not {"edit-photos", "delete-scenes", "visibility-broken", "troubleshoot-broken"} & keys
    labels = {button.key: button.label for button in app.button}
    assert (labels["model_training-mine"], labels["model_training-photos"]) == ("Train FC2 on it", "Fine-tune it")


def test_details_are_made_when_they_are_opened():
    app = open_models()
    digest = load_pair(known_models()[RUN]).sha256
    assert digest not in [code.value for code in app.code]
    app.session_state[f"model-details-{RUN}"] = True
    ran(app)
    assert digest in [code.value for code in app.code]
    text = words(app)
    assert "Stage 1: 5 epochs of BCE. Stage 2: 4 epochs of BCE + 0.5 · SCE" in text
    assert "The card holds none that this page knows." in text
    settings = app.dataframe[0].value
    assert dict(zip(settings["setting"], settings["value"], strict=True))["watch"] == "a"
    app.session_state["model-details-photos"] = True
    assert len(ran(app).dataframe) == 1 + 1 + 3 + 1  # settings of both, three measurements, the walk
    app.session_state["model-details-voc"] = True
    (ranking,) = (frame.value for frame in ran(app).dataframe if "AP" in frame.value)
    assert list(ranking["class"][:2]) == ["pottedplant", "sofa"]
    assert "Classes above probability 0.8 are preselected, else the most probable one: there 90.1 % of them" in words(
        app
    )


def test_cards_of_another_hand_break_nothing(place):
    card = {
        "training": [1],
        "scores": {"a": 3},
        "walk": {"measured": 3},
        "warning": 5,
        "about": ["x"],
        "imported": {"files": 3},
    }
    save_pair(build_pair("odd", "tiny", ("a",), card), place / "models" / "odd.safetensors")
    app = open_models()
    app.session_state["model-details-odd"] = True
    ran(app)
    assert "The card holds none that this page knows" in words(app)


def test_the_panel_filters_and_the_address_puts_one_first():
    app = open_models(show="mine")
    assert titles(app)[0] == "mine"
    app.text_input(key="models-find").set_value("fish TINY")
    assert titles(ran(app)) == ["mine", "scenes", "scenes, quick look"]
    app.text_input(key="models-find").set_value("zebra cake")
    app.button_group(key="models-kind").set_value("bundled")
    assert titles(ran(app)) == ["photos"]
    app.text_input(key="models-find").set_value("nothing like that")
    assert titles(ran(app)) == []
    assert "No model is like that" in words(app)


def test_export_links_to_the_file_itself():
    links = [element.proto.url for element in open_models().get("link_button")]
    assert links[:3] == ["api/model/voc", "api/model/photos", "api/model/scenes"]
    assert f"api/model/{RUN}" in links
    assert "api/model/broken" not in links  # the server does not hand it out


# ---- where a card leads


@pytest.mark.parametrize("name", [RUN, "mine"])
def test_look_opens_compare_with_the_model(name):
    app = press(open_models(), f"visibility-{name}")
    assert query(app)["model"] == name
    assert app.session_state["model"] == name
    labels = app.selectbox(key="model").options
    assert "mine · 3 classes · CAM alone · imported" in labels
    assert "broken · cannot be read" in labels
    assert any(label.startswith("scenes, quick look · 3 classes · trained here") for label in labels)


def test_look_keeps_the_picture_and_takes_a_scene_for_a_model_of_scenes(place):
    app = AppTest.from_file(SHELL, default_timeout=60)
    app.query_params["picture"] = "coffee"
    ran(app)
    app.switch_page(PAGE)
    press(ran(app), f"visibility-{RUN}")
    assert (app.session_state["picture"], app.session_state["model"]) == ("coffee", RUN)
    app.switch_page(PAGE)
    press(ran(app), "visibility-scenes")
    assert app.session_state["model"] == "scenes"
    assert app.session_state["picture"].startswith("scene-")


def test_evaluate_opens_the_form_with_the_model():
    app = press(open_models(), "troubleshoot-mine")
    assert app.selectbox(key="new-model").value == "mine"


# ---- renaming and deleting


def test_rename_a_run_and_find_it_under_its_new_name():
    app = open_models()
    press(app, f"edit-{RUN}")
    app.text_input(key=f"new-name-{RUN}").set_value("cats")
    press(app, f"edit-{RUN}", f"rename-{RUN}")
    assert "The model is called cats now." in words(app).replace("*", "")
    assert titles(app)[0] == "cats"
    assert query(app)["show"] == "cats"
    assert "is called" not in words(ran(app))  # said once


def test_a_name_that_is_taken_is_a_sentence():
    app = press(open_models(), "edit-mine")
    app.text_input(key="new-name-mine").set_value("scenes")
    press(app, "edit-mine", "rename-mine")
    assert "There is a model called “scenes” already; choose another name." in errors(app)
    assert "mine" in known_models()


def test_delete_asks_first(place):
    app = press(open_models(), "delete-mine")
    assert "mine" in known_models()
    press(app, "delete-mine", "keep-mine")
    assert "mine" in known_models()
    press(app, "delete-mine")
    press(app, "delete-mine", "really-mine")
    assert "mine was deleted." in words(app).replace("*", "")
    assert titles(app) == ["voc", "photos", "scenes", "scenes, quick look", "broken"]


def test_of_a_run_the_file_alone_or_everything_goes(place, stored):
    app = press(open_models(), f"delete-{RUN}")
    press(app, f"delete-{RUN}", f"really-{RUN}")
    assert [path.name for path in sorted((place / "runs" / RUN).iterdir())] == [jobs.JOB, jobs.STATUS]
    (place / "runs" / RUN / "model.safetensors").write_bytes(stored["pair"])
    app = press(open_models(), f"delete-{RUN}")
    app.radio(key=f"whole-{RUN}").set_value(True)
    press(app, f"delete-{RUN}", f"really-{RUN}")
    assert not (place / "runs" / RUN).exists()


def test_a_damaged_file_can_be_deleted(place):
    press(
        open_models(),
        "delete-broken",
    )
    app = press(open_models(), "delete-broken")
    press(app, "delete-broken", "really-broken")
    assert "broken" not in known_models()


# ---- importing


def test_a_model_of_this_project_is_sent_seen_and_imported(place, stored):
    app = send(open_models(), ("Given by a friend.safetensors", stored["pair"]))
    assert "a model of this project" in words(app)
    assert form(app, "text_input", "name").value == "Given-by-a-friend"
    press(app, "models-go-0")
    assert "Given-by-a-friend is listed under Models." in words(app).replace("*", "")
    assert titles(app)[0] == "Given-by-a-friend"
    assert load_pair("Given-by-a-friend").classes == ("cat", "dog", "*fish*")
    assert not form(app, "file_uploader", "files").value
    assert left_behind(place) == []


def left_behind(place):
    return [path.name for path in (place / "models").iterdir() if path.name.startswith(".")]


def test_what_is_no_checkpoint_is_refused_in_a_sentence_each(place, stored):
    files = (
        ("notes.pth", b"no tensors at all"),
        ("half.safetensors", stored["pair"][:3000]),
        ("empty.pt", b""),
        ("cat.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF"),
    )
    app = send(open_models(), *files)
    refusals = errors(app)[: len(files)]
    assert [name for (name, _), refusal in zip(files, refusals, strict=True) if name not in refusal] == []
    assert "a JPEG picture" in refusals[3]
    assert not [button for button in app.button if button.key == "models-go-0"]
    assert left_behind(place) == []


def test_a_file_that_wants_to_run_code_is_refused_and_runs_nothing(place):
    marker, stream = place / "marker", io.BytesIO()
    torch.save({"fc.weight": torch.zeros(2), "x": Hostile(marker)}, stream)
    for data in (stream.getvalue(), pickle.dumps(Hostile(marker))):
        app = send(open_models(), ("res50_cam.pth", data))
        assert "res50_cam.pth" in errors(app)[0]
        assert not marker.exists()
    assert left_behind(place) == []


@pytest.fixture
def asked(monkeypatch, stored):
    """What is imported, without the weights of a ResNet-50; ``asked.recognition`` is what files are recognised as."""

    class Asked(list):
        recognition = Recognised(
            "classifier", "resnet50_s16", 2, False, "a torchvision classifier: resnet50, 2 classes"
        )

    imports = Asked()

    def store(paths, path, name, **more):
        assert all(Path(source).is_file() for source in paths)
        imports.append(([Path(source).name for source in paths], name, more))
        path.write_bytes(stored["cam"])

    def recognise(path, backbone):
        return replace(imports.recognition, backbone=backbone or imports.recognition.backbone)

    monkeypatch.setattr(import_panel, "recognise", recognise)
    monkeypatch.setattr(import_form, "store_import", store)
    return imports


def test_what_a_file_does_not_say_is_asked(asked):
    app = send(open_models(), ("my net.pth", b"weights"))
    assert "resnet50, 2 classes" in words(app)
    assert "0 of 2 names are given." in words(app)
    form(app, "text_input", "architecture").set_value("timm:resnet43")  # there is none
    near = next(one for one in ran(app).button_group if "near" in one.key)
    assert "timm:resnet34" in near.options
    form(app, "text_input", "architecture").set_value("")
    ran(app)
    form(app, "text_area", "classes").set_value("cat\n\ncat\n")
    assert "'cat' stands there twice" in errors(ran(app))[0]
    form(app, "text_area", "classes").set_value("cat\n dog ")
    assert "which torchvision:resnet50 gives" in words(ran(app))  # at stride 16 probabilities are not the library's own
    form(app, "text_input", "architecture").set_value("timm:resnet34@16")
    assert "which timm:resnet34 gives" in words(ran(app))
    form(app, "text_input", "architecture").set_value("")
    ran(app)
    form(app, "button_group", "activation").set_value("softmax")
    form(app, "button_group", "stride").set_value("resnet50_s8")
    form(app, "text_input", "name").set_value("pets")
    press(ran(app), "models-go-0")
    more = {
        "class_names": ("cat", "dog"),
        "backbone": "resnet50_s8",
        "activation": "softmax",
        "onto": "",
        "average": True,
    }
    assert asked == [(["my_net.pth"], "pets", more)]
    assert "pets is listed under Models. Only CAM" in words(app).replace("*", "")


def test_known_numbers_of_classes_have_known_names(asked):
    asked.recognition = Recognised("cam", "resnet50_s16", 20, False, "a CAM network of the reference, 20 classes")
    app = press(send(open_models(), ("res50_cam.pth", b"weights")), "models-go-0")
    ((files, name, more),) = asked
    assert (files, name, more["class_names"]) == (["res50_cam.pth"], "res50_cam", CLASS_LISTS["VOC"]())
    assert more["activation"] == ""
    asked.recognition = Recognised("classifier", "resnet50_s16", 20, False, "a classifier of 20 classes")
    app = send(open_models(), ("other.pth", b"weights"))
    assert "Say which classes they are." in words(app)  # not every classifier of 20 classes is VOC's


def test_of_two_networks_a_person_says_which_comes_first(asked):
    asked.recognition = Recognised("cam", "resnet50_s16", 20, False, "a CAM network of the reference, 20 classes")
    app = send(open_models(), ("recam.pth", b"one"), ("plain.pth", b"two"))
    form(app, "selectbox", "first").set_value(1)
    press(ran(app), "models-go-0")
    assert asked[0][0] == ["plain.pth", "recam.pth"]


def test_an_irn_network_needs_a_model_to_go_onto(asked):
    asked.recognition = Recognised("irn", "resnet50_s16", 0, False, "an IRN network of the reference")
    app = send(open_models(), ("res50_irn.pth", b"weights"))
    assert "choose the model that gets its boundaries" in words(app)
    form(app, "selectbox", "onto").set_value("photos")
    press(ran(app), "models-go-0")
    assert asked[0][2]["onto"] == "photos"


def test_a_path_on_the_server_must_lie_inside_the_roots(place, stored, monkeypatch):
    (place / "data").mkdir()
    (place / "data" / "friend.safetensors").write_bytes(stored["pair"])
    monkeypatch.setenv("RECAM_DATA_ROOTS", str(place / "data"))
    app = open_models()
    form(app, "button_group", "way").set_value("path")
    ran(app)
    for path, sentence in (("/etc/passwd", "must lie in"), (str(place / "data" / "gone.pth"), "There is no file")):
        form(app, "text_area", "paths").set_value(path)
        assert sentence in errors(ran(app))[0]
    form(app, "text_area", "paths").set_value(str(place / "data" / "friend.safetensors"))
    press(ran(app), "models-go-0")
    assert "friend" in known_models()
    assert (place / "data" / "friend.safetensors").is_file()


def test_a_name_that_was_taken_meanwhile_is_a_sentence(stored):
    app = send(open_models(), ("x.safetensors", stored["pair"]))
    form(app, "text_input", "name").set_value("../x")
    press(ran(app), "models-go-0")
    assert "“../x” cannot be a model's name" in errors(app)[0]


def test_without_a_network_the_fetch_says_the_way_round(place, monkeypatch):
    def offline(address, timeout):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    app = open_models()
    form(app, "button_group", "way").set_value("fetch")
    press(ran(app), "models-fetch-0")
    assert "could not be fetched" in errors(app)[0]
    assert "import the file here" in errors(app)[0]
    assert left_behind(place) == []


def test_what_is_fetched_becomes_a_classifier_of_imagenet(asked, monkeypatch):
    def fetch(folder, say):
        say(1 << 20, 98 << 20)
        (folder / "resnet50-0676ba61.pth").write_bytes(np.zeros(3).tobytes())
        return folder / "resnet50-0676ba61.pth"

    monkeypatch.setattr(import_panel, "fetch_imagenet", fetch)
    app = open_models()
    form(app, "button_group", "way").set_value("fetch")
    press(ran(app), "models-fetch-0")
    more = {"class_names": None, "backbone": "resnet50_s16", "activation": "softmax", "onto": "", "average": True}
    assert asked == [(["resnet50-0676ba61.pth"], "imagenet-resnet50", more)]


# ---- an operator's rule


def test_an_operator_can_forbid_changes(place, monkeypatch):
    monkeypatch.setenv("RECAM_READ_ONLY", "1")
    app = open_models()
    assert titles(app) == ["voc", "photos", "scenes", "scenes, quick look", "broken", "mine"]
    assert "its operator has switched off importing, renaming and deleting" in words(app)
    assert not app.get("file_uploader")
    keys = {str(button.key).split("-")[0] for button in app.button}
    assert not keys & {"edit", "delete", "models", "model_training"}
    assert {"visibility", "troubleshoot"} <= keys
