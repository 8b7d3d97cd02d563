"""What a model's card says in words."""

import time
from dataclasses import asdict

import pytest

from recam_core.networks.readouts import READOUTS
from recam_core.records import TrainConfig
from ui.models import words
from ui.models.import_form import free_name
from ui.widgets.model_card import imported_words
from ui.widgets.model_choice import date_words


def test_a_backbone_is_told_with_its_stride():
    assert words.backbone_words("resnet50_s8") == ("ResNet-50", "output stride 8")
    assert words.backbone_words("timm:resnet34@16") == ("resnet34 of timm", "output stride 16")
    assert words.backbone_words("torchvision:regnet_y_400mf") == (
        "regnet_y_400mf of torchvision",
        "its own output stride",
    )
    assert words.backbone_words("vgg") == ("vgg", "")


def test_classes_readouts_and_sizes():
    assert words.classes_words(["a", "b"]) == "a, b"
    assert words.classes_words([*"abcdefgh"]) == "a, b, c, d, e, f and 2 more"
    assert words.readout_words(tuple(READOUTS)) == " · ".join(row.label for row in READOUTS.values())
    assert [words.size_words(size) for size in (10, 3 * 2**19, 2**20 * 3289 // 1000, 2**28)] == [
        "1 KB", "1.5 MB", "3.3 MB", "256 MB",
    ]  # fmt: skip


def test_what_is_missing():
    assert words.missing_words(("cam", "recam")) == ""
    assert "no FC2" in words.missing_words(("cam",))
    assert "stage-1 network" in words.missing_words(("recam",))


def test_the_best_readout_of_the_first_measurement():
    rows = {"cam": {"miou": 0.2}, "w": {"miou": 0.25}, "control": {"miou": 0.9}}
    card = {"scores": {"scenes test": {"pictures": 7, "readouts": rows}, "later": {"pictures": 1, "readouts": {}}}}
    assert words.best_score(card) == ("w 25.0 % mIoU", "CAM 20.0 %", "7 pictures of scenes test")
    rows["cam"]["miou"] = 0.3
    card["scores"]["scenes test"]["how"] = "at best"
    assert words.best_score(card) == ("CAM 30.0 % mIoU", "", "7 pictures of scenes test, at best")


@pytest.mark.parametrize(
    "scores", [None, {}, 3, [1], {"a": 3}, {"a": {"pictures": 1, "readouts": {}}}, {"a": {"readouts": 3}}]
)
def test_no_score_where_the_card_holds_none(scores):
    assert words.best_score({"scores": scores}) is None


def test_training_in_words():
    sentence = words.training_words(asdict(TrainConfig(stage1="voc", objective="sce", watch=("a",))) | {"older": 1})
    assert "Stage 1 taken from voc. Stage 2: 4 epochs of SCE alone. SGD, batches of 16" in sentence
    assert "from the start" not in sentence
    assert words.training_words({"seed": 3}) == ""
    assert words.training_words({"dataset": "scenes", "stage1_epochs": "x", "stage2_epochs": 2}) == ""
    rows = {
        row["setting"]: row["value"]
        for row in words.settings_rows({"a": True, "b": 1e-4, "c": (), "d": "", "e": ["x"]})
    }
    assert rows == {"a": "yes", "b": "0.0001", "c": "–", "d": "–", "e": "x"}


def test_where_a_model_was_imported_from():
    file = {"name": "res50_cam.pth", "kind": "cam", "sha256": "0123456789abcdef"}
    card = {"imported": {"files": [file], "onto": {"name": "voc"}, "note": "seen"}}
    assert imported_words(card) == "Imported from res50_cam.pth (cam, SHA-256 0123456789ab…); added to voc; seen."
    assert imported_words({}) == imported_words({"imported": {"files": [3]}}) == ""


def test_a_name_of_a_file_becomes_a_free_name_of_a_model():
    assert free_name("My net (2)") == "My-net-2"
    assert free_name("scenes") == "scenes-2"
    assert free_name("…") == "model"


def test_days_and_times_of_today():
    now = time.time()
    assert date_words(now) == time.strftime("%H:%M", time.localtime(now))
    noon = time.mktime((2025, 3, 5, 12, 0, 0, 0, 0, -1))
    assert date_words(noon) == "5 Mar 2025"
