"""Temperature and preselection, on numbers that can be counted by hand."""

import numpy as np
import pytest

from recam_core.checkpoints.cards import clean_card
from recam_core.evaluation.classification import best_preselection, best_temperature, to_logits
from recam_core.records import Calibration, UserError


def test_logits_and_probabilities_are_inverse():
    logits = np.array([-4.0, 0.0, 2.5])
    np.testing.assert_allclose(to_logits(1 / (1 + np.exp(-logits))), logits)
    assert abs(to_logits(np.array([0.0, 1.0]))).max() <= 30


def test_logits_that_are_twice_too_large_are_halved():
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (4000, 5))
    labels = (rng.random(honest.shape) < 1 / (1 + np.exp(-honest))).astype(float)
    assert best_temperature(2 * honest, labels) == pytest.approx(2, abs=0.15)
    assert best_temperature(honest, labels) == pytest.approx(1, abs=0.1)


def test_preselection_is_the_lowest_threshold_at_which_nine_of_ten_are_there():
    probabilities = np.zeros((10, 3))
    probabilities[:, 0] = 0.95  # the best class of each picture, and it is there
    probabilities[:2, 1] = (0.6, 0.8)  # two more above a half: the first is not there
    labels = np.zeros((10, 3))
    labels[:, 0], labels[1, 1] = 1, 1
    assert best_preselection(probabilities, labels) == (0.5, round(11 / 12, 4))
    labels[1, 1] = 0  # neither is: 10 of 12 are too few, 10 of 11 are enough
    assert best_preselection(probabilities, labels) == (0.6, round(10 / 11, 4))
    labels[:2, 0] = 0  # two best classes are wrong: no threshold helps
    assert best_preselection(probabilities, labels) == (1.0, 0.8)


@pytest.mark.parametrize(
    "odd", [{"temperature": 0}, {"temperature": "hot"}, {"preselect": 2}, {"preselect": float("nan")}]
)
def test_a_calibration_that_cannot_be_is_left_out_of_a_card(odd):
    assert clean_card({"calibration": odd}) == {"calibration": {}}
    calibration = {"temperature": 2.0, "preselect": 0.8, "mean_ap": 0.9}
    assert clean_card({"calibration": calibration}) == {"calibration": calibration}
    with pytest.raises(UserError, match="temperature"):
        Calibration(temperature=0)
