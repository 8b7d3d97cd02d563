"""From a picture to heatmaps: how often networks run, what is left behind, symmetry, and what is refused."""

import copy
import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from recam_core.cam.explanation import explain
from recam_core.cam.pipeline import default_classes, gather_evidence, read_out
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS, recam_readouts
from recam_core.records import Evidence, HeatmapOptions, UserError

CLASSES = ("cat", "dog", "tree")
PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
PLAIN = HeatmapOptions(flip=False)


def new_pair(backbone="tiny", seed=0):
    torch.manual_seed(seed)
    return build_pair("p", backbone, CLASSES)


@pytest.fixture(scope="module")
def pair():
    return new_pair()


class Counting(nn.Module):
    """A backbone that counts how often it runs, and over how many pictures."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.batches = inner, []

    def forward(self, x):
        self.batches.append(len(x))
        return self.inner(x)


@pytest.mark.parametrize("scales", [(1.0,), (1.0, 0.5, 1.5)])
@pytest.mark.parametrize(("readouts", "networks"), [
    (READOUTS, (1, 1)), (recam_readouts(), (0, 1)), (("product",), (0, 1)), (("cam", "sum"), (1, 1)),
])  # fmt: skip
def test_one_backbone_pass_for_each_network_and_scale(readouts, networks, scales):
    pair = new_pair()
    for model in (pair.cam, pair.recam):
        model.backbone = Counting(model.backbone)
    evidence = gather_evidence(PICTURE, pair, HeatmapOptions(scales), readouts)
    expected = [[2] * len(scales) * n for n in networks]  # the picture and its mirror image in one batch
    assert [pair.cam.backbone.batches, pair.recam.backbone.batches] == expected
    assert evidence.backbone_passes == sum(networks) * len(scales)
    assert {name: len(maps) for name, maps in evidence.scale_maps.items()} == dict.fromkeys(readouts, len(scales))


def test_a_cpu_looks_at_large_pictures_one_by_one_with_the_same_result(monkeypatch):
    pair = new_pair()
    expected = gather_evidence(PICTURE, pair, HeatmapOptions())
    monkeypatch.setattr("recam_core.networks.model.LARGE_PIXELS", PICTURE.shape[0] * PICTURE.shape[1])
    pair.recam.backbone = Counting(pair.recam.backbone)
    evidence = gather_evidence(PICTURE, pair, HeatmapOptions())
    assert pair.recam.backbone.batches == [1, 1]
    assert evidence.backbone_passes == expected.backbone_passes
    for readout in READOUTS:
        np.testing.assert_allclose(evidence.scale_maps[readout][0], expected.scale_maps[readout][0], atol=1e-5)
    pair.recam.backbone.batches.clear()
    pair.recam.features(torch.rand(2, 3, 48, 64))  # somebody who learns has the batch as it is
    assert pair.recam.backbone.batches == [2]


def test_a_folded_pair_sees_the_same_and_keeps_what_a_pair_says_about_itself():
    pair = new_pair("efficientnet_lite0")
    for module in pair.recam.backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
    folded = pair.folded()
    assert (folded.name, folded.classes, folded.card, folded.sha256) == (pair.name, CLASSES, pair.card, pair.sha256)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.recam.modules())
    assert any(isinstance(m, nn.BatchNorm2d) for m in pair.recam.modules())
    ours, theirs = (explain(PICTURE, p, CLASSES) for p in (folded, pair))
    for readout in READOUTS:
        np.testing.assert_allclose(ours[readout].maps, theirs[readout].maps, atol=1e-3)
    x = torch.rand(1, 3, 48, 64)
    for mine, its in zip(folded.recam.stages(x), pair.recam.stages(x), strict=True):
        torch.testing.assert_close(mine, its, atol=1e-3, rtol=1e-3)


def test_reading_out_touches_no_model():
    pair = new_pair()
    evidence = gather_evidence(PICTURE, pair, HeatmapOptions())
    first = {readout: read_out(evidence, readout, ["tree", "cat"]).raw for readout in READOUTS}
    for model in (pair.cam, pair.recam):
        model.backbone = model.head = None
    again = {readout: read_out(evidence, readout, ["tree", "cat"]).raw for readout in READOUTS}
    assert all(np.array_equal(first[readout], again[readout]) for readout in READOUTS)


def plain_maps(model, readout, picture, scales, flip):
    """Raw maps at picture size as tests/golden/README.md, part 5, says, one readout and one view after another."""
    height, width = picture.shape[:2]
    padded = (-(-height // 16) * 16, -(-width // 16) * 16)
    total = torch.zeros(len(CLASSES), *padded)
    with torch.no_grad():
        for scale in scales:
            views = []
            for mirror in (False, True) if flip else (False,):
                x = model.preprocess(picture, scale)
                features = model.features(x.flip(-1) if mirror else x)
                maps = torch.einsum("kd,bdhw->bkhw", model.class_weights(readout), features).relu()
                views.append(maps.flip(-1) if mirror else maps)
            total += nn.functional.interpolate(sum(views), padded, mode="bilinear", align_corners=False)[0]
    return total[:, :height, :width].numpy()


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("readout", READOUTS)
def test_maps_equal_the_plain_form(pair, readout, flip):
    picture = PICTURE[:35, :39]  # up to 48 in sixteens, to 40 in eights
    options = HeatmapOptions((1.0, 0.5), flip)
    result = explain(picture, pair, CLASSES, [readout], options)[readout]
    raw = plain_maps(pair.network(readout), readout, picture, options.scales, flip)
    np.testing.assert_allclose(result.raw, raw, atol=1e-5)
    np.testing.assert_allclose(result.maps, raw / (raw.max(axis=(1, 2), keepdims=True) + 1e-5), atol=1e-5)
    assert result.raw.dtype == result.maps.dtype == np.float32
    assert result.grid.shape == (3, 9, 10)
    assert result.readout == readout
    np.testing.assert_allclose(result.peaks, raw.max(axis=(1, 2)), atol=1e-5)


def test_rows_follow_the_classes_asked_for(pair):
    evidence = gather_evidence(PICTURE, pair, PLAIN)
    all_rows, some = read_out(evidence, "w", CLASSES), read_out(evidence, "w", ["tree", "cat"])
    assert some.classes == ("tree", "cat")
    assert np.array_equal(some.raw, all_rows.raw[[2, 0]])
    assert np.array_equal(some.scores, all_rows.scores[[2, 0]])


@pytest.mark.parametrize("width", [64, 57])
def test_a_mirrored_picture_has_mirrored_evidence(pair, width):
    picture = PICTURE[:, :width]
    here, there = (gather_evidence(p, pair, HeatmapOptions((1.0, 0.5))) for p in (picture, picture[:, ::-1].copy()))
    np.testing.assert_allclose(here.scores, there.scores, atol=1e-6)
    for readout in READOUTS:
        for a, b in zip(here.scale_maps[readout], there.scale_maps[readout], strict=True):
            np.testing.assert_allclose(a, b[..., ::-1], atol=1e-5)


def test_a_mirrored_picture_has_mirrored_maps(pair):
    # 64 is a multiple of 16: no column is cropped after the resize
    here, there = (explain(p, pair, CLASSES) for p in (PICTURE, PICTURE[:, ::-1].copy()))
    for readout in READOUTS:
        np.testing.assert_allclose(here[readout].maps, there[readout].maps[..., ::-1], atol=1e-4)


def test_scores_are_stage_2_probabilities_at_the_first_scale(pair):
    evidence = gather_evidence(PICTURE, pair, HeatmapOptions((0.5, 1.0), flip=False))
    with torch.inference_mode():
        logits = pair.recam.scores(pair.recam.features(pair.recam.preprocess(PICTURE, 0.5)))
    np.testing.assert_allclose(evidence.scores, logits.sigmoid()[0], atol=1e-6)


@pytest.mark.parametrize("readouts", [("cam",), ("product", "cam"), ("wprime",)])
def test_scores_do_not_depend_on_the_readouts_asked_for(pair, readouts):
    expected = gather_evidence(PICTURE, pair, HeatmapOptions()).scores
    np.testing.assert_allclose(gather_evidence(PICTURE, pair, HeatmapOptions(), readouts).scores, expected, atol=1e-6)


def trace(pair):
    """Everything about both networks that looking at a picture could change."""
    marks = []
    for model in (pair.cam, pair.recam):
        for m in model.modules():
            marks.append((m.training, len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)))
        marks += [(p.requires_grad, p.grad is None, p.is_inference(), p._version) for p in model.parameters()]
    return marks


@pytest.mark.parametrize("backbone", ["tiny", "resnet18_s16"])
def test_explaining_leaves_no_trace(backbone):
    pair = new_pair(backbone)
    pair.recam.head.fc2.requires_grad_(False)  # whatever it was, it stays
    before, weights = trace(pair), copy.deepcopy({**pair.cam.state_dict(), **pair.recam.state_dict()})
    picture, grad = PICTURE.copy(), torch.is_grad_enabled()
    explain(picture, pair)
    assert trace(pair) == before
    after = {**pair.cam.state_dict(), **pair.recam.state_dict()}
    assert all(torch.equal(weights[name], after[name]) for name in weights)
    assert np.array_equal(picture, PICTURE)
    assert torch.is_grad_enabled() == grad
    pair.recam.scores(pair.recam.features(pair.recam.preprocess(PICTURE))).sum().backward()  # still able to learn
    assert pair.recam.head.fc1.grad.abs().sum() > 0


def evidence_of(scores, maps=None):
    maps = np.ones((len(scores), 2, 2), np.float32) if maps is None else maps
    picture = np.zeros((8, 8, 3), np.uint8)
    return Evidence(picture, CLASSES, np.array(scores, np.float32), {"w": (maps,)}, PLAIN, "cpu", 0, 1)


@pytest.mark.parametrize(("scores", "chosen"), [
    ((0.6, 0.9, 0.1), ["dog", "cat"]), ((0.2, 0.1, 0.4), ["tree"]), ((0.5, 0.5, 0.5), ["cat"]),
    ((0.7, 0.7, 0), ["cat", "dog"]),
])  # fmt: skip
def test_default_classes_are_those_above_one_half_else_the_best(scores, chosen):
    assert default_classes(evidence_of(scores)) == chosen


def test_the_limit_of_default_classes_can_be_chosen():
    evidence = dataclasses.replace(evidence_of((0.6, 0.9, 0.2)), preselect=0.1)
    assert default_classes(evidence) == ["dog", "cat", "tree"]


def test_explain_shows_the_default_classes(pair):
    evidence = gather_evidence(PICTURE, pair, HeatmapOptions())
    assert explain(PICTURE, pair, readouts=["w"])["w"].classes == tuple(default_classes(evidence))


def test_an_empty_map_is_exactly_zero_and_finite():
    maps = np.stack([np.zeros((2, 2)), np.eye(2), np.full((2, 2), 1e-30)]).astype(np.float32)
    result = read_out(evidence_of((0, 0, 0), maps), "w", CLASSES)
    for array in (result.raw[0], result.maps[0], result.grid[0]):
        assert (array == 0).all()
    assert result.peaks[0] == 0
    assert all(np.isfinite(a).all() for a in (result.raw, result.maps, result.grid))
    assert (result.maps <= 1).all()


def test_a_network_without_positive_evidence_gives_empty_maps():
    pair = new_pair()
    with torch.no_grad():
        pair.recam.head.fc1.copy_(-pair.recam.head.fc1.abs())
    result = explain(PICTURE, pair, CLASSES, ["w"])["w"]
    assert (result.maps == 0).all()
    assert (result.peaks == 0).all()


@pytest.mark.parametrize(("readouts", "named"), [(("nobody",), "nobody"), (("cam", "w'"), "w'"), ((), "none")])
def test_unknown_readouts_are_refused_with_the_known_ones(pair, readouts, named):
    for look in (explain, gather_evidence):
        with pytest.raises(UserError, match=f"Readouts are {', '.join(READOUTS)}; got {named}"):
            look(PICTURE, pair, options=PLAIN, readouts=readouts)


def test_a_readout_that_was_not_gathered_is_refused_with_those_that_were(pair):
    evidence = gather_evidence(PICTURE, pair, PLAIN, ["cam", "w"])
    with pytest.raises(UserError, match="cam, w"):
        read_out(evidence, "product", ["cat"])


@pytest.mark.parametrize("classes", [["horse"], ["cat", "horse"], []])
def test_unknown_classes_are_refused_with_the_known_ones(pair, classes):
    with pytest.raises(UserError, match=f"among cat, dog, tree; got {'.*horse' if classes else 'none'}"):
        explain(PICTURE, pair, classes)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(("network", "name"), [("recam", "fc1"), ("recam", "fc2"), ("cam", "fc1")])
def test_weights_that_are_not_finite_are_refused(network, name, value):
    pair = new_pair()
    with torch.no_grad():
        getattr(getattr(pair, network).head, name)[1] = value
    with pytest.raises(UserError, match="not finite"):
        explain(PICTURE, pair, CLASSES)


def test_two_threads_at_once_give_the_same_numbers_as_one(pair):
    pictures = [np.roll(PICTURE, 7 * i, axis=1) for i in range(8)]
    alone = [explain(p, pair, CLASSES) for p in pictures]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda p: explain(p, pair, CLASSES), pictures))
    for one, two in zip(alone, together, strict=True):
        assert all(np.array_equal(one[r].raw, two[r].raw) for r in READOUTS)


@pytest.fixture(scope="module", params=["tiny", "efficientnet_lite0", "resnet18_s16"])
def any_pair(request):
    return new_pair(request.param)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (7, 33)])
def test_pictures_smaller_than_the_stride(any_pair, size):
    result = explain(PICTURE[: size[0], : size[1]], any_pair, ["cat"], options=HeatmapOptions((1.0, 0.25)))
    for readout in READOUTS:
        assert result[readout].maps.shape == (1, *size)
        assert np.isfinite(result[readout].maps).all()


def test_large_pictures_are_brought_down_to_the_working_size_and_small_ones_stay(pair):
    large = np.repeat(np.repeat(PICTURE, 2, 0), 2, 1)
    assert explain(large, pair, ["cat"], ["cam"], HeatmapOptions(long_side=64))["cam"].maps.shape == (1, 48, 64)
    assert explain(PICTURE, pair, ["cat"], ["cam"], HeatmapOptions(long_side=100))["cam"].maps.shape == (1, 48, 64)
