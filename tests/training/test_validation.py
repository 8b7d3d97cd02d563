"""Scores after an epoch: a ranking counted by hand, seeds as `evaluate` counts them, and nothing left behind."""

import numpy as np
import pytest
import torch

from recam_core.datasets.scenes import Scenes
from recam_core.evaluation.classification import average_precision, mean_average_precision
from recam_core.evaluation.evaluate import Evaluation, evaluate
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import recam_readouts
from recam_core.records import HeatmapOptions, PictureSkipped, TrainConfig, UserError, Validated
from recam_core.training.validation import Validation, open_validation

CONFIG = TrainConfig(validation="samples", validation_pictures=5, long_side_min=64, long_side_max=160)


def test_average_precision_by_hand():
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    # the positives are at places 1 and 3: precisions 1/1 and 2/3
    assert average_precision(scores, np.array([1, 0, 1, 0], bool)) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(scores, np.array([0, 0, 0, 1], bool)) == pytest.approx(1 / 4)
    assert average_precision(scores, np.ones(4, bool)) == 1


def test_equal_scores_share_the_last_place_whatever_their_order():
    scores = np.array([0.5, 0.5, 0.5, 0.1])
    for first in range(3):
        assert average_precision(scores, np.arange(4) == first) == pytest.approx(1 / 3)


def test_the_mean_is_over_classes_that_occur():
    scores = np.array([[0.9, 0.2, 0.7], [0.1, 0.3, 0.9]])
    labels = np.array([[1, 0, 1], [0, 0, 0]], np.float32)
    assert mean_average_precision(scores, labels) == pytest.approx((1 + 1 / 2) / 2)  # the second class is nowhere
    assert mean_average_precision(scores, np.zeros((2, 3))) is None


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(0)
    return build_pair("random", "tiny", Scenes.classes)


@pytest.mark.parametrize("stage", [1, 2])
def test_seeds_are_those_of_an_evaluation_and_one_pass_serves_all(pair, stage, monkeypatch):
    validation = open_validation(CONFIG, Scenes.classes)
    assert validation.pictures.tolist() == [0, 3, 6, 8, 11]
    model, names = (pair.cam, ("cam",)) if stage == 1 else (pair.recam, recam_readouts())
    passes, features = [], model.features
    monkeypatch.setattr(model, "features", lambda x: passes.append(x) or features(x))
    (scores,) = validation.score(model, stage, 4)
    assert len(passes) == 5
    assert isinstance(scores, Validated)
    assert (scores.stage, scores.epoch, scores.pictures, tuple(scores.miou)) == (stage, 4, 5, names)

    class Chosen(Scenes):
        def __len__(self):
            return 5

        def _draw(self, i):
            return super()._draw(int(validation.pictures[i]))

    *_, expected = evaluate(pair, Chosen("samples"), HeatmapOptions(flip=False, long_side=160), names)
    assert isinstance(expected, Evaluation)
    figures = expected.to_json()["readouts"]
    assert scores.miou == {name: pytest.approx(figures[name]["miou"]) for name in names}
    assert scores.thresholds == {name: pytest.approx(figures[name]["threshold"]) for name in names}


def test_nothing_is_left_behind(pair):
    state, training = torch.get_rng_state(), pair.recam.training
    list(open_validation(CONFIG, Scenes.classes).score(pair.recam, 2, 0))
    assert torch.equal(torch.get_rng_state(), state)
    assert pair.recam.training == training
    assert all(p.grad is None and p.requires_grad for p in pair.recam.parameters())


class Damaged(Scenes):
    def image(self, i):
        if i == 6:
            raise UserError("scene 6 is damaged.")
        return super().image(i)

    def mask(self, i):
        return super().mask(i)[:-1] if i == 8 else super().mask(i)


def test_what_cannot_be_read_is_named_and_left_out(pair):
    events = list(Validation(Damaged("samples"), CONFIG).score(pair.cam, 1, 0))
    assert [e.name for e in events[:-1] if isinstance(e, PictureSkipped)] == ["samples-0006", "samples-0008"]
    assert "is damaged" in events[0].reason
    assert "must have the same size" in events[1].reason
    assert events[-1].pictures == 3


class Unmasked(Scenes):
    def mask(self, i):
        return None


def test_without_masks_there_is_a_ranking_only(pair):
    (scores,) = Validation(Unmasked("samples"), CONFIG).score(pair.recam, 2, 0)
    assert scores.miou == {}
    assert 0 < scores.mean_ap <= 1


def test_other_classes_are_refused_and_no_split_is_no_validation():
    with pytest.raises(UserError, match="has 8 classes, the one that is trained on 1"):
        open_validation(CONFIG, ("cat",))
    assert open_validation(TrainConfig(), Scenes.classes) is None
