"""Models that lack a network, through the whole engine: what they have is as ever, what they lack is said."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from refined import subject_of, walk_of
from stores import OPTIONS, run, scenes

from recam_core.cam.bundle import evidence_bundle
from recam_core.cam.explanation import explain
from recam_core.cam.lesson import picture_features
from recam_core.cam.pipeline import default_classes, gather_evidence, read_out
from recam_core.evaluation.evaluate import evaluate
from recam_core.evaluation.pseudo_masks import PseudoMaskOptions, pseudo_mask
from recam_core.evaluation.store import MapMaker, open_store, reset_pair
from recam_core.images.visualise import label_ids
from recam_core.networks.model import build_branches, build_edge_network
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS, recam_readouts
from recam_core.records import (
    CAM,
    AdvCamOptions,
    DisplayOptions,
    HeatmapOptions,
    RefitConfig,
    UserError,
)
from recam_core.refiners.advcam.climb import climb
from recam_core.refiners.advcam.result import climb_defaults, climbed_evidence
from recam_core.refiners.random_walk.boundary import boundary_map, boundary_sources
from recam_core.training.refit.feature_bank import gather_features
from recam_core.training.refit.look import refit_evidence, start_look
from recam_core.training.refit.refit import refit_heads

CLASSES = scenes(1).classes
PICTURE = scenes(1).image(0)
SOFTMAX = {name: {"bias": True, "activation": "softmax"} for name in ("cam", "recam")}
PLAIN = HeatmapOptions((1.0, 0.5), flip=False, long_side=64)


def made(networks, classes=CLASSES, heads=SOFTMAX):
    torch.manual_seed(3)
    pair = build_pair("alone", "tiny", classes, {}, networks, heads)
    with torch.no_grad():
        for network in pair.networks:
            network.requires_grad_(False)
            if network.head.fc1_bias is not None:
                network.head.fc1_bias.normal_()
    return pair


@pytest.fixture(scope="module")
def cam():
    return made((CAM,))


@pytest.fixture(scope="module")
def recam():
    return made(("recam",))


def test_one_network_is_looked_through_once_a_scale(cam, recam):
    for pair in (cam, recam):
        evidence = gather_evidence(PICTURE, pair, PLAIN)
        assert tuple(evidence.scale_maps) == pair.readouts
        assert evidence.backbone_passes == 2
        assert evidence.activation == "softmax"


def test_scores_are_the_softmax_of_logits_with_bias_and_maps_have_no_bias(cam):
    evidence = gather_evidence(PICTURE, cam, HeatmapOptions(flip=False, long_side=64))
    with torch.inference_mode():
        features = cam.cam.features(cam.cam.preprocess(evidence.picture))
        logits = features.mean(dim=(2, 3)) @ cam.cam.head.fc1.T + cam.cam.head.fc1_bias
        maps = torch.einsum("kd,dhw->khw", cam.cam.head.fc1, features[0]).relu()
    np.testing.assert_allclose(evidence.scores, logits.softmax(dim=-1)[0], rtol=1e-4)
    np.testing.assert_allclose(evidence.scale_maps[CAM][0], maps, rtol=1e-4, atol=1e-5)


def test_without_a_wish_everything_that_is_there_is_explained(cam, recam):
    assert tuple(explain(PICTURE, cam, options=PLAIN)) == (CAM,)
    assert tuple(explain(PICTURE, recam, options=PLAIN)) == recam_readouts()


@pytest.mark.parametrize("ask", [
    lambda pair, readout: gather_evidence(PICTURE, pair, PLAIN, [readout]),
    lambda pair, readout: explain(PICTURE, pair, readouts=[readout], options=PLAIN),
    lambda pair, readout: climb(PICTURE, pair, [CLASSES[0]], AdvCamOptions(steps=2), readout, PLAIN),
    lambda pair, readout: pseudo_mask(pair, PICTURE, [0], PseudoMaskOptions(threshold=0.2, readout=readout, view=PLAIN)),
    lambda pair, readout: list(evaluate(pair, scenes(1), OPTIONS, [readout])),
    lambda pair, readout: picture_features(PICTURE, pair, 64),
])  # fmt: skip
def test_what_a_model_lacks_is_refused_with_what_it_has(cam, recam, ask):
    with pytest.raises(
        UserError,
        match=r"alone has the readout cam only: it has no FC2, so .*w.* cannot be read out\. FC2 can be trained",
    ):
        ask(cam, "w")
    with pytest.raises(
        UserError, match=f"alone has the readouts {', '.join(recam_readouts())}: .*CAM cannot be read out"
    ):
        ask(recam, CAM)


def test_climbs_and_walks_start_from_what_there_is(cam):
    classes = [CLASSES[0]]
    before = gather_evidence(PICTURE, cam, PLAIN)
    steps = list(climb(PICTURE, cam, classes, climb_defaults(cam), CAM, PLAIN))
    climbed = read_out(climbed_evidence(before, steps), CAM, classes)
    assert climbed.maps.shape[1:] == before.picture.shape[:2]
    assert boundary_sources(cam) == ("gradient",)
    (walked,) = walk_of(steps=2).results(subject_of(PICTURE, cam, classes, [CAM], PLAIN))
    assert walked.readout == CAM


def test_boundaries_come_from_the_network_that_they_brought(cam):
    torch.manual_seed(5)
    network = build_edge_network("tiny")
    edged = replace(cam, boundary=build_branches(network), edge_network=network, edge_backbone="tiny")
    own = replace(cam, boundary=edged.boundary)
    assert boundary_sources(edged) == ("learned", "gradient")
    first, second = (boundary_map(pair, PICTURE) for pair in (edged, own))
    assert not np.allclose(first, second)
    np.testing.assert_allclose(boundary_map(edged.folded(), PICTURE), first, atol=1e-5)


def test_an_evaluation_measures_what_there_is(cam, tmp_path):
    *_, result = evaluate(cam, scenes(2), OPTIONS)
    assert list(result.sweeps) == [CAM]
    run(tmp_path, MapMaker(cam, OPTIONS, cam.readouts, reset=reset_pair(cam)), scenes(2))
    assert open_store(tmp_path).settings.maps == (CAM, "random", "everything", "centre", "reset-cam")


def test_random_weights_have_the_same_shape(cam, recam):
    for pair in (cam, recam):
        fresh = reset_pair(pair)
        assert (fresh.readouts, fresh.cam is fresh.recam) == (pair.readouts, True)
        assert fresh.recam.head.settings == pair.recam.head.settings
        assert MapMaker(pair, OPTIONS, (), reset=fresh).names[-1] == ("reset-cam" if pair is cam else "reset-w")


def test_heads_are_fitted_again_on_a_model_with_cam_alone(cam):
    *_, bank = gather_features(cam, scenes(3), range(3), 64)
    *_, fit = refit_heads(cam, bank, RefitConfig(steps=2, batch_size=3))
    read = refit_evidence(start_look(PICTURE, cam, OPTIONS), cam, fit)
    assert tuple(read.scale_maps) == tuple(READOUTS)
    assert read.activation == "softmax"
    assert read.scores.sum() == pytest.approx(1, abs=1e-5)
    plain = gather_evidence(PICTURE, cam, OPTIONS)
    np.testing.assert_allclose(read.scale_maps[CAM][0], plain.scale_maps[CAM][0], atol=1e-4)


def test_heads_need_a_network_trained_with_bce_alone(recam):
    with pytest.raises(UserError, match="CAM cannot be read out"):
        list(gather_features(recam, scenes(1), range(1), 64))


def test_the_lesson_counts_the_bias_of_a_whole_pair():
    pair = made(("cam", "recam"))
    inside = picture_features(PICTURE, pair, 64)
    logits = inside.weights["w"] @ inside.stage2.mean(axis=(1, 2)) + inside.bias
    scores = gather_evidence(PICTURE, pair, HeatmapOptions(flip=False, long_side=64)).scores
    np.testing.assert_allclose(np.exp(logits) / np.exp(logits).sum(), scores, rtol=1e-4)


def test_more_classes_than_labels():
    names = [f"class {i}" for i in range(300)]
    pair = made((CAM,), names)
    evidence = gather_evidence(PICTURE, pair, PLAIN)
    assert len(default_classes(evidence)) == 1
    chosen = [names[3], names[299]]
    files = evidence_bundle(
        [read_out(evidence, CAM, chosen)], class_ids=pair.class_ids(chosen), display=DisplayOptions(), manifest={}
    )
    assert b'"id": 299' in files["manifest.json"]
    assert b'"label": 2' in files["manifest.json"]  # its place among those shown: no label map has 300
    with pytest.raises(UserError, match="tells 300 classes apart, and masks hold 254 at most"):
        list(evaluate(pair, scenes(1), OPTIONS))


def test_labels_are_class_ids_as_long_as_they_fit():
    assert label_ids([5, 253]) == [5, 253]
    assert label_ids([5, 254]) == [0, 1]
    assert label_ids([]) == []
