"""Parts of the Walk page that are plain functions."""

import numpy as np
import pytest

from ui.walk.flow import half_area
from ui.walk.knobs import steps_in_words
from ui.walk.labels import label_iou


def test_half_of_the_weight_lies_on_so_many_positions():
    assert half_area(np.array([[0.5, 0.3], [0.1, 0.1]])) == 1 / 4
    assert half_area(np.array([[0.4, 0.3], [0.2, 0.1]])) == 2 / 4
    assert half_area(np.full((4, 5), 1 / 20)) == pytest.approx(10 / 20)


def test_powers_of_two_are_spelled_out():
    assert [steps_in_words(t) for t in (256, 1024, 100, 1)] == ["256 = 2⁸", "1024 = 2¹⁰", "100", "1"]


def test_iou_of_a_label_leaves_out_what_nobody_knows():
    labels = np.array([[2, 2, 0], [2, 0, 0]], np.uint8)
    truth = np.array([[2, 0, 2], [255, 255, 0]], np.uint8)
    assert label_iou(labels, truth, 1) == pytest.approx(1 / 3)
    assert np.isnan(label_iou(labels, truth, 4))
