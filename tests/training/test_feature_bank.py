"""What fits start from: features on each picture's own grid, sampled masks worked out by hand, and what to keep in mind."""

import numpy as np
import pytest
import torch
from banks import CLASSES, bank_of, labelled

from recam_core.checkpoints.pair_file import load_pair
from recam_core.datasets.scenes import Scenes
from recam_core.evaluation.evaluate import measure
from recam_core.evaluation.metrics import figures
from recam_core.evaluation.sweep import ThresholdSweep
from recam_core.networks.pair import build_pair
from recam_core.records import HeatmapOptions, RefitConfig, UserError
from recam_core.training.refit.feature_bank import FeatureBank, _sampled, gather_features
from recam_core.training.refit.refit import Learner, scaled
from recam_core.training.refit.scores import seed_scores


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(0)
    return build_pair("p", "tiny", CLASSES)


@pytest.mark.parametrize("last_block", [False, True])
def test_every_picture_fills_its_own_grid_and_nothing_lies_past_it(pair, last_block):
    dataset = labelled(["cat"], ["cat", "tree"])
    bank = bank_of(pair, dataset, last_block=last_block)
    assert bank.grids == ((6, 8), (8, 5))
    assert bank.features.shape == (2, 96 if last_block else 128, 8, 8)
    assert bank.labels.tolist() == [[1, 0, 0], [1, 0, 1]]
    assert bank.present.tolist() == [[0, -1], [0, 2]]
    assert not bank.masked.any()
    for i, (rows, columns) in enumerate(bank.grids):
        x = pair.cam.preprocess(dataset.image(i))
        wanted = (pair.cam.before_last(x) if last_block else pair.cam.features(x))[0]
        torch.testing.assert_close(bank.features[i, :, :rows, :columns], wanted)
        assert bank.features[i, :, rows:].abs().sum() == bank.features[i, :, :, columns:].abs().sum() == 0


def test_gathering_leaves_the_model_alone_and_its_features_can_be_trained_on(pair):
    bank = bank_of(pair, labelled(["cat"]))
    assert not bank.features.requires_grad
    assert not bank.features.is_inference()
    assert all(p.grad is None for p in pair.cam.parameters())


def test_masks_are_sampled_at_the_middles_of_finer_cells():
    # 24 × 32 pixels lie on 32 × 32 covered ones; a grid of 2 × 2 has finer cells of 8 pixels, whose middles are 4, 12, 20, 28
    mask = np.arange(24 * 32).reshape(24, 32).astype(np.int64)
    sampled = _sampled((mask % 200).astype(np.uint8), (24, 32), (2, 2))
    assert sampled.tolist()[:3] == [[(32 * y + x) % 200 for x in (4, 12, 20, 28)] for y in (4, 12, 20)]
    assert sampled.tolist()[3] == [255] * 4  # below the picture nobody knows
    assert _sampled(None, (24, 32), (2, 2)) is None


@pytest.mark.parametrize(("labels", "words"), [
    ([["cat"]], ["There is one picture", "labelled cat and nothing else", "2 of the model’s 3 classes are in no picture"]),
    ([["cat"], ["cat"]], ["labelled cat and nothing else", "2 of the model’s 3"]),
    ([["cat"], ["dog"], ["tree"]], ["one class only: SCE tells classes of different pictures apart"]),
    ([["cat", "dog"], ["tree"]], []),
])  # fmt: skip
def test_sets_that_say_little_are_told_so(pair, labels, words):
    cautions = bank_of(pair, labelled(*labels)).cautions()
    assert len(cautions) == len(words)
    assert all(word in caution for word, caution in zip(words, cautions, strict=True))


def test_no_picture_and_foreign_classes_and_broken_weights_get_a_sentence(pair):
    with pytest.raises(UserError, match="There is no picture to fit on"):
        next(gather_features(pair, labelled(["cat"]), [], 512))
    with pytest.raises(UserError, match="must be the same"):
        next(gather_features(pair, Scenes("val"), [0], 512))
    broken = build_pair("broken", "tiny", CLASSES)
    with torch.no_grad():
        broken.cam.backbone.stem[0].weight[:] = float("nan")
    with pytest.raises(UserError, match="not finite; its weights are broken"):
        list(gather_features(broken, labelled(["cat"]), [0], 512))


def test_sampled_scores_are_close_to_those_of_every_pixel():
    """Both at one and the same threshold, without mirror image: what is left is the sampling."""
    pair, scenes, pictures = load_pair("scenes"), Scenes("val"), range(24)
    *_, bank = gather_features(pair, scenes, pictures, 512)
    assert isinstance(bank, FeatureBank)
    learner = Learner(pair, RefitConfig())
    score = seed_scores(pair, bank, learner, scaled(bank.features, bank.grids))["cam"]
    sweep = ThresholdSweep(len(pair.classes))
    subset = [
        measured
        for _, measured in zip(pictures, measure(pair, scenes, HeatmapOptions(flip=False), ("cam",)), strict=False)
    ]
    for counts in subset:
        sweep.add(counts["cam"])
    at = round(100 * score.threshold)
    exact = max(float(figures(sweep.confusion(i))["miou"]) for i in range(at - 2, at + 3))
    assert score.miou == pytest.approx(exact, abs=0.02)
    assert score.miou > 0.3
    assert 0 < score.fp < 1


def test_without_masks_nothing_is_scored(pair):
    bank = bank_of(pair, labelled(["cat"], ["dog"]))
    assert seed_scores(pair, bank, Learner(pair, RefitConfig()), bank.features) == {}
