"""Classifiers of torchvision and timm: the same scores to the last digits, the bias in no map, and what is refused."""

import numpy as np
import pytest
import timm
import torch
from torchvision.models import resnet18

from recam_core.cam.pipeline import gather_evidence
from recam_core.checkpoints.importers import (
    CLASS_LISTS,
    import_checkpoint,
    parse_class_names,
    read_class_names,
    recognise,
)
from recam_core.checkpoints.importers.classes import names_for
from recam_core.checkpoints.importers.kinds import recognise_tensors
from recam_core.records import HeatmapOptions, UserError

NAMES = ("cat", "dog", "tree")
PICTURE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
PLAIN = HeatmapOptions(flip=False)


@pytest.mark.parametrize(
    ("name", "backbone"), [("resnet18", "resnet18_s16"), ("tf_efficientnet_lite0", "efficientnet_lite0")]
)
def test_a_classifier_is_recognised(saved, classifier_state, name, backbone):
    result = recognise(saved(classifier_state(name)))
    assert (result.kind, result.backbone, result.classes, result.softmax) == ("classifier", backbone, 3, False)
    assert result.words.startswith("a torchvision or timm classifier: ")


def test_depths_are_told_apart_by_their_blocks():
    for name in ("resnet18", "resnet50", "resnet101"):
        with torch.device("meta"):
            state = timm.create_model(name).state_dict()  # timm's ResNets have torchvision's names
        result = recognise_tensors(state, "file.pth")
        assert (result.backbone, result.classes, result.softmax) == (f"{name}_s16", 1000, True)
    for name, reason in (
        ("resnet34", "a ResNet with 3, 4, 6, 3 blocks"),
        ("tf_efficientnet_b0", "not tf_efficientnet_lite0"),
    ):
        with torch.device("meta"):
            state = timm.create_model(name).state_dict()
        with pytest.raises(UserError, match=rf"file\.pth is .*{reason}"):
            recognise_tensors(state, "file.pth")


def test_a_classifier_of_a_thousand_classes_is_imagenets_with_softmax(saved, classifier_state):
    pair = import_checkpoint([saved(classifier_state(classes=1000))], "mine")
    assert (pair.name, pair.backbone, pair.readouts) == ("mine", "resnet18_s16", ("cam",))
    assert pair.classes == CLASS_LISTS["ImageNet"]()
    assert pair.cam.head.settings == {"bias": True, "activation": "softmax"}
    evidence = gather_evidence(PICTURE, pair, PLAIN)
    assert (evidence.activation, evidence.backbone_passes) == ("softmax", 1)
    assert evidence.scores.sum() == pytest.approx(1, abs=1e-4)


def test_scores_are_those_of_the_classifier_where_strides_agree(saved, classifier_state):
    """On one position of features stride 16 and 32 are the same network; elsewhere ours sees more positions."""
    pair = import_checkpoint([saved(classifier_state())], "mine", class_names=NAMES, activation="sigmoid")
    theirs = resnet18(num_classes=3).eval()
    theirs.load_state_dict(classifier_state())
    x = torch.rand(2, 3, 16, 16)
    with torch.inference_mode():
        features = pair.cam.features(x)
        assert features.shape[2:] == (1, 1)
        torch.testing.assert_close(pair.cam.scores(features), theirs(x), atol=1e-5, rtol=1e-5)


def test_scores_of_lite0_are_timms_but_for_the_stride(saved, classifier_state):
    state = classifier_state("tf_efficientnet_lite0")
    pair = import_checkpoint([saved(state)], "mine", class_names=NAMES, activation="softmax")
    theirs = timm.create_model("tf_efficientnet_lite0", num_classes=3, output_stride=16).eval()
    theirs.load_state_dict(state)
    with torch.inference_mode():
        x = pair.cam.preprocess(PICTURE)
        torch.testing.assert_close(pair.cam.scores(pair.cam.features(x)), theirs(x), atol=1e-5, rtol=1e-5)
    assert "timm's settings say .5" in pair.card["imported"]["note"]


def test_the_bias_moves_scores_and_no_map(saved, classifier_state):
    state = classifier_state()
    moved = state | {"fc.bias": state["fc.bias"] + 5}
    first, second = (
        gather_evidence(PICTURE, import_checkpoint([saved(s)], "m", class_names=NAMES, activation="sigmoid"), PLAIN)
        for s in (state, moved)
    )
    assert (second.scores > first.scores).all()
    np.testing.assert_array_equal(first.scale_maps["cam"][0], second.scale_maps["cam"][0])


def test_another_stride_is_ours_to_choose_and_another_network_is_not(saved, classifier_state):
    path = saved(classifier_state())
    pair = import_checkpoint([path], "mine", class_names=NAMES, activation="sigmoid", backbone="resnet18_s8")
    assert pair.backbone == "resnet18_s8"
    assert gather_evidence(PICTURE, pair, PLAIN).scale_maps["cam"][0].shape == (3, 8, 12)
    with pytest.raises(UserError, match="fits resnet18_s16 or resnet18_s8; got the backbone 'tiny'"):
        import_checkpoint([path], "mine", class_names=NAMES, activation="sigmoid", backbone="tiny")


def test_what_a_file_does_not_say_is_asked(saved, classifier_state):
    path = saved(classifier_state())
    with pytest.raises(UserError, match="tells 3 classes apart and does not say which"):
        import_checkpoint([path], "mine", activation="sigmoid")
    with pytest.raises(
        UserError, match=r"does not say how its scores become probabilities; say so with --activation \(sigmoid: each"
    ):
        import_checkpoint([path], "mine", class_names=NAMES)
    with pytest.raises(UserError, match="activation is sigmoid or softmax; got 'relu'"):
        import_checkpoint([path], "mine", class_names=NAMES, activation="relu")


@pytest.mark.parametrize(("names", "reason"), [
    (("cat", "dog"), "tells 3 classes apart, and 2 class names were given"), (("cat", "dog", "cat"), "'cat' stands there twice"),
    (("cat", "", "dog"), "one is empty"),
])  # fmt: skip
def test_wrong_names_are_refused(saved, classifier_state, names, reason):
    with pytest.raises(UserError, match=reason):
        import_checkpoint([saved(classifier_state())], "mine", class_names=names, activation="sigmoid")


@pytest.mark.parametrize(("change", "fault"), [
    (lambda s: s.pop("layer3.0.conv1.weight"), r"backbone\.trunk\.layer3\.0\.conv1\.weight is missing"),
    (lambda s: s.update({"layer3.0.extra": torch.zeros(2)}), r"layer3\.0\.extra is not expected"),
    (lambda s: s.update({"conv1.weight": torch.zeros(64, 1, 7, 7)}), r"conv1\.weight is \(64, 1, 7, 7\), exp.*\(64, 3, 7, 7\)"),
    (lambda s: s.update({"fc.bias": torch.tensor([0.0, float("nan"), 0])}), "fc1_bias has values that are not finite"),
    (lambda s: s.update({"fc.weight": torch.zeros(3, 7)}), r"head\.fc1 is \(3, 7\), expected \(3, 512\)"),
    (lambda s: [s.pop(k) for k in list(s) if "bn2.bias" in k], "bn2.bias is missing.*; and 3 more"),
])  # fmt: skip
def test_tensors_that_do_not_fit_are_named(saved, classifier_state, change, fault):
    state = classifier_state()
    change(state)
    with pytest.raises(UserError, match=rf"file\.pth looks like .*resnet18, 3 classes, but does not fit: .*{fault}"):
        import_checkpoint([saved(state)], "mine", class_names=NAMES, activation="sigmoid")


def test_a_backbone_without_its_classifier_is_no_classifier(saved, classifier_state):
    state = {name: value for name, value in classifier_state().items() if not name.startswith("fc.")}
    with pytest.raises(UserError, match=r"a resnet18 without its classifier: expected fc\.weight.*--weights FILE"):
        recognise(saved(state))


def test_old_files_without_counters_and_linear_layers_without_bias_are_fine(saved, classifier_state):
    state = {k: v for k, v in classifier_state().items() if not k.endswith("num_batches_tracked") and k != "fc.bias"}
    pair = import_checkpoint([saved(state)], "mine", class_names=NAMES, activation="sigmoid")
    assert pair.cam.head.settings["bias"] is False


def test_class_names_from_lists_and_files(tmp_path):
    assert read_class_names("voc") == CLASS_LISTS["VOC"]()
    assert len(read_class_names("CoCo")) == 80
    (tmp_path / "names.txt").write_text("\ufeffcat\n\n  wine glass \nHütte\n", "utf-8")
    assert read_class_names(str(tmp_path / "names.txt")) == ("cat", "wine glass", "Hütte")
    (tmp_path / "names.txt").write_text("cat\r\nHütte", "utf-16")
    assert read_class_names(str(tmp_path / "names.txt")) == ("cat", "Hütte")
    assert parse_class_names('["a", "b"]') == ("a", "b")
    for text, reason in (("a\na", "'a' stands there twice"), ('["a", 3]', "no text"), ("[a", "no JSON list")):
        with pytest.raises(UserError, match=reason):
            parse_class_names(text)
    with pytest.raises(UserError, match="voc, coco, imagenet or a text file"):
        read_class_names(str(tmp_path / "nowhere.txt"))
    (tmp_path / "picture.bin").write_bytes(b"\xff\x81\x00")
    with pytest.raises(UserError, match="cannot be read as one"):
        read_class_names(str(tmp_path / "picture.bin"))


def test_names_of_known_numbers_of_classes():
    assert names_for(20, None, reference=True)[0] == "aeroplane"
    assert names_for(80, None, reference=True)[0] == "person"
    with pytest.raises(UserError, match="20 classes apart and does not say which"):
        names_for(20, None, reference=False)  # of anybody's: nothing says that it is VOC
    assert all(len(set(names())) == len(names()) for names in CLASS_LISTS.values())
