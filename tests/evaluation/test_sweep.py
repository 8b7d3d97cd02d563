"""The sweep against a plain argmax at every threshold, and figures worked out by hand."""

import numpy as np
import pytest
from plain_sweep import picture, plain_confusion

from recam_core.evaluation.metrics import THRESHOLDS, figures
from recam_core.evaluation.sweep import ThresholdSweep, count_pixels, count_stacks
from recam_core.records import UserError

K = 3


@pytest.mark.parametrize("steps", [20, 100, 997])
def test_the_sweep_equals_a_plain_argmax_at_every_threshold(steps):
    rng = np.random.default_rng(steps)
    pictures = [picture(rng, ids, steps) for ids in ([0, 2], [2, 0], [1], [0, 1, 2], [])]
    sweep = ThresholdSweep(K)
    for maps, ids, mask in pictures:
        sweep.add(count_pixels(maps, ids, mask, K + 1))
    for i, threshold in enumerate(THRESHOLDS):
        assert np.array_equal(sweep.confusion(i), plain_confusion(pictures, threshold, K + 1)), threshold


def test_a_stack_of_pictures_counts_what_each_of_them_does():
    rng = np.random.default_rng(5)
    pictures = [picture(rng, ids, 100) for ids in ([2, 0], [1], [0, 1])]
    alone, stacked = ThresholdSweep(K), ThresholdSweep(K)
    maps, ids = (
        np.full((3, 2, *pictures[0][2].shape), 0.9, np.float32),
        np.full((3, 2), -1),
    )  # what is not there never wins
    for i, (heatmaps, classes, mask) in enumerate(pictures):
        alone.add(count_pixels(heatmaps, classes, mask, K + 1))
        maps[i, : len(classes)], ids[i, : len(classes)] = heatmaps, classes
    stacked.add(count_stacks(maps, ids, np.stack([mask for _, _, mask in pictures]), K + 1))
    assert np.array_equal(alone.counts, stacked.counts)
    nothing = count_stacks(maps[:1], np.full((1, 2), -1), pictures[0][2][None], K + 1)
    assert {cell % (len(THRESHOLDS) + 1) for cell in nothing.cells} == {0}  # a picture without classes is background


def test_thresholds_are_hundredths_from_0_to_99():
    assert THRESHOLDS.dtype == np.float32
    assert THRESHOLDS.tolist() == [float(np.float32(i / 100)) for i in range(100)]


def test_a_tie_with_the_background_is_background_and_a_tie_of_classes_goes_to_the_first():
    sweep = ThresholdSweep(2, [0.0, 0.5])
    maps = np.array([[[0.5, 0.0, 0.7]], [[0.5, 0.0, 0.7]]], np.float32)
    sweep.add(count_pixels(maps, [1, 0], np.zeros((1, 3), np.uint8), 3, sweep.thresholds))
    assert sweep.confusion(0)[0].tolist() == [1, 0, 2]
    assert sweep.confusion(1)[0].tolist() == [2, 0, 1]


def test_a_picture_without_classes_is_all_background():
    sweep = ThresholdSweep(2)
    sweep.add(count_pixels(np.zeros((0, 1, 3), np.float32), [], np.array([[0, 2, 255]], np.uint8), 3))
    for i in (0, 99):
        assert sweep.confusion(i).tolist() == [[1, 0, 0], [0, 0, 0], [1, 0, 0]]


def test_a_wholly_ignored_picture_counts_nothing():
    sweep = ThresholdSweep(2)
    sweep.add(count_pixels(np.ones((1, 2, 2), np.float32), [0], np.full((2, 2), 255, np.uint8), 3))
    assert sweep.counts.sum() == 0


def test_sizes_and_labels_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match=r"\(2, 3\).*\(3, 2\).*same size"):
        count_pixels(np.ones((1, 2, 3), np.float32), [0], np.zeros((3, 2), np.uint8), 3)
    with pytest.raises(UserError, match="label 3, the model only 2 classes"):
        count_pixels(np.ones((1, 1, 1), np.float32), [0], np.full((1, 1), 3, np.uint8), 3)


def test_figures_of_a_small_confusion():
    # background 6 right, 2 taken for a; a: 3 right, 1 missed; b never occurs
    row = figures(np.array([[6, 2, 0], [1, 3, 0], [0, 0, 0]]))
    assert row["iou"][:2].tolist() == pytest.approx([6 / 9, 3 / 6])
    assert np.isnan(row["iou"][2])
    assert row["miou"] == pytest.approx((6 / 9 + 3 / 6) / 2)
    assert (row["fp"], row["fn"]) == pytest.approx((1 - 4 / 6, 1 - 5 / 6))
    assert (row["precision"], row["recall"]) == pytest.approx((3 / 5, 3 / 4))


def test_iou_fp_and_fn_add_up_to_one_for_each_class():
    rng = np.random.default_rng(0)
    for _ in range(20):
        confusion = rng.integers(0, 50, (K + 1, K + 1))
        row = figures(confusion)
        assert row["iou"][1:].mean() + row["fp"] + row["fn"] == pytest.approx(1)
        for k in range(1, K + 1):  # one class against all others
            rest = confusion.sum() - confusion[k].sum() - confusion[:, k].sum() + confusion[k, k]
            hit, missed, wrong = confusion[k, k], *(confusion.sum(axis=a)[k] - confusion[k, k] for a in (1, 0))
            alone = figures(np.array([[rest, wrong], [missed, hit]]))
            assert alone["iou"][1] == pytest.approx(row["iou"][k])
            assert alone["iou"][1] + alone["fp"] + alone["fn"] == pytest.approx(1)
            assert alone["fp"] == pytest.approx(wrong / (hit + missed + wrong))


def test_the_best_threshold_has_the_highest_miou_and_is_the_first_of_equals():
    sweep = ThresholdSweep(1)
    assert sweep.best() == 0  # nothing was counted
    sweep.add(count_pixels(np.array([[[0.3, 0.6, 0.9]]], np.float32), [0], np.array([[0, 0, 1]], np.uint8), 2))
    assert THRESHOLDS[sweep.best()] == np.float32(0.6)
