import numpy as np

from ui.widgets.truth import class_truth

LABELS = np.array([[0, 1, 2], [255, 3, 1]], np.uint8)  # label = class id + 1


def test_label_values_become_one_map_per_shown_class():
    truth, known = class_truth(LABELS, (2, 3), [0, 2, 7])
    np.testing.assert_array_equal(truth, [
        [[0, 1, 0], [255, 0, 1]],
        [[0, 0, 0], [255, 1, 0]],
        [[0, 0, 0], [255, 0, 0]],
    ])  # fmt: skip
    assert truth.dtype == np.uint8
    assert known == [True, True, True]


def test_a_yes_no_mask_is_about_one_class_and_the_others_are_not_counted():
    truth, known = class_truth(np.array([[0, 1]], np.uint8), (1, 2), [4, 9], binary_for=9)
    np.testing.assert_array_equal(truth, [[[255, 255]], [[0, 1]]])
    assert known == [False, True]


def test_a_mask_is_brought_to_the_working_size_without_new_values():
    truth, _ = class_truth(np.kron(LABELS, np.ones((4, 4), np.uint8)), (2, 3), [0])
    np.testing.assert_array_equal(truth[0], [[0, 1, 0], [255, 0, 1]])
