"""MaxBoxAcc and pixel average precision, by hand."""

import numpy as np
import pytest

from recam_core.evaluation.localisation import (
    average_precision,
    best_iou,
    box_counts,
    boxes_of,
    joined_objects,
    localisation,
    no_objects,
    object_counts,
)

THRESHOLDS = np.array([0.0, 0.5], np.float32)


def picture(rows):
    return np.array([[float(c) / 10 for c in row] for row in rows], np.float32)


# the object is the left half, 4 × 2 pixels; the map is 0.9 on 2 × 2 of it and 0.3 on all of the upper half
MASK = np.array([[1, 1, 1, 1, 0, 0, 0, 0]] * 2, np.uint8)
MAP = picture(["99333333", "99333333"])


def test_boxes_lie_around_connected_parts():
    area = np.array([[1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], bool)  # the right part is connected over a corner
    assert sorted(boxes_of(area).tolist()) == [[0, 0, 2, 1], [2, 1, 4, 3]]
    assert best_iou(boxes_of(area), np.array([[0, 0, 4, 1], [3, 1, 4, 2]])) == 0.5
    assert best_iou(boxes_of(area & False), boxes_of(area)) == 0


def test_figures_of_one_object_by_hand():
    counts = object_counts(0, MAP[None], [0], MASK, THRESHOLDS)
    # above 0: all 16 pixels, IoU 8/16; above .5: 2 × 2, IoU 4/8
    assert counts.iou.tolist() == [[0.5, 0.5]]
    assert (counts.inside.tolist(), counts.outside.tolist()) == ([[0, 4, 4]], [[0, 8, 0]])
    figures = localisation(counts, THRESHOLDS)
    assert figures.box_accuracy == (1, 1, 0)  # at IoU .3, .5, .7
    assert figures.max_box_acc == pytest.approx(2 / 3)
    # precision 4/4 for the first half of the pixels, 8/16 for the second
    assert figures.pxap == pytest.approx(0.5 * 1 + 0.5 * 0.5)


def test_every_iou_has_the_threshold_that_suits_it_and_objects_are_counted_together():
    small = MASK * (np.arange(8) < 2)
    both = joined_objects([object_counts(i, MAP[None], [0], mask, THRESHOLDS) for i, mask in enumerate((MASK, small))])
    assert both.iou.tolist() == [[0.5, 0.5], [0.25, 1.0]]
    figures = localisation(both, THRESHOLDS)
    assert (figures.box_accuracy, figures.thresholds) == ((1, 1, 0.5), (0.5, 0.5, 0.5))
    assert localisation(both[both.picture == 1], THRESHOLDS).box_accuracy == (1, 1, 1)


def test_classes_without_a_pixel_and_ignored_pixels_count_nowhere():
    mask = MASK.copy()
    mask[:, 4:] = 255
    counts = object_counts(0, np.stack([MAP, MAP]), [0, 1], mask, THRESHOLDS)
    assert counts.label.tolist() == [1]
    assert counts.outside.sum() == 0
    assert counts.iou[0, 0] == 1
    everything = np.ones_like(MAP)
    mask = np.array([[1, 1, 1, 255, 0, 0, 255, 0]] * 2, np.uint8)  # with a border that nobody labelled
    bordered = object_counts(0, everything[None], [0], mask, THRESHOLDS)
    assert bordered.iou.tolist() == [
        [0.375, 0.375]
    ]  # one part, 3/8 of it the object; cut at the border it would be all of it
    nothing = localisation(no_objects(2), THRESHOLDS)
    assert np.isnan([nothing.max_box_acc, nothing.pxap]).all()


def test_pixel_average_precision_of_a_perfect_and_of_a_blind_map():
    assert average_precision(np.array([0, 0, 5]), np.array([9, 0, 0])) == 1
    assert average_precision(np.array([5, 0, 0]), np.array([15, 0, 0])) == 0.25  # the share of the object


def test_boxes_alone_give_box_accuracy_and_no_pixel_precision():
    boxes = {0: np.array([[0.0, 0, 4, 2], [4.5, 0, 8, 2]])}  # the left half, and most of the right one
    counts = box_counts(7, np.stack([MAP, MAP]), [0, 1], boxes, THRESHOLDS)  # nobody drew a box of the second class
    assert (counts.picture.tolist(), counts.label.tolist()) == ([7], [1])
    # above 0: all 8 × 2 pixels, IoU 8/16 with the left box; above .5: 2 × 2 of its 4 × 2
    assert counts.iou.tolist() == [[0.5, 0.5]]
    figures = localisation(counts, THRESHOLDS)
    assert figures.box_accuracy == (1, 1, 0)
    assert figures.max_box_acc == pytest.approx(2 / 3)
    assert np.isnan(figures.pxap)
