"""FC1 from ImageNet's classifier: the right rows under the right names, and a photo that tells cat from dog."""

import json

import pytest
import torch
from skimage import data
from torchvision.models import EfficientNet_B0_Weights

from recam_core.networks import initial_weights
from recam_core.networks.backbones.efficientnet import imagenet_tensors
from recam_core.networks.initial_weights import NAMES, imagenet_counterparts, imagenet_rows
from recam_core.networks.model import build_model
from recam_core.records import UserError


def test_rows_are_means_of_the_centred_rows_with_the_listed_names():
    index = {name: i for i, name in enumerate(EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"])}
    listed = json.loads(NAMES.read_text("utf-8"))
    weight = imagenet_tensors()["classifier.weight"]
    rows = imagenet_rows(["motorcycle", "unheard of", "cat"])
    for row, name in ((rows[0], "motorcycle"), (rows[2], "cat")):
        expected = torch.stack([weight[index[n]] - weight.mean(dim=0) for n in listed[name]]).mean(dim=0)
        torch.testing.assert_close(row, expected)
    assert not rows[1].any()


def test_every_listed_class_has_a_row():
    names = list(json.loads(NAMES.read_text("utf-8")))
    assert imagenet_rows(names).any(dim=1).all()


def test_a_photo_of_a_cat_is_a_cat_without_any_training():
    classes = list(json.loads(NAMES.read_text("utf-8")))
    model = build_model("efficientnet_lite0", "cam", len(classes), "imagenet")
    model.head.load_state_dict({"fc1": imagenet_rows(classes)})
    with torch.inference_mode():
        scores = model.scores(model.features(model.preprocess(data.chelsea())))[0]
    assert classes[int(scores.argmax())] == "cat"
    assert scores[classes.index("cat")] > scores[classes.index("dog")] + 1


def test_a_class_may_have_an_imagenet_name_itself():
    index = {name: i for i, name in enumerate(EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"])}
    weight = imagenet_tensors()["classifier.weight"]
    rows = imagenet_rows(["Egyptian cat", "scratch"])
    torch.testing.assert_close(rows[0], weight[index["Egyptian cat"]] - weight.mean(dim=0))
    assert not rows[1].any()
    assert imagenet_counterparts(["scratch", "Egyptian cat", "motorcycle"]) == ("Egyptian cat", "motorcycle")


def test_a_typo_in_the_list_is_an_error_and_no_silent_zero(tmp_path, monkeypatch):
    path = tmp_path / "names.json"
    path.write_text(json.dumps({"cat": ["tabby", "tigre cat"]}))
    monkeypatch.setattr(initial_weights, "NAMES", path)
    with pytest.raises(UserError, match=r"names\.json lists names that ImageNet does not have: tigre cat"):
        imagenet_rows(["cat"])
