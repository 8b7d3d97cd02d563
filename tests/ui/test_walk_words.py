"""What a walk did, in words that stand on its numbers."""

import pytest

from ui.walk.words import what_happened


def shares(covered, iou=None):
    quality = {"covered": [covered] * 101}
    return quality if iou is None else quality | {"iou": [iou] * 101}


def test_the_area_alone_where_no_truth_is_known():
    sentences = what_happened(shares(0.08), [shares(0.05), shares(0.21)], 1, 0.3)
    assert sentences == [
        "By t = 1 the area above 0.30 rose from 8 % to 21 % of the picture, against the map before the walk."
    ]
    assert "stayed at 8 %" in what_happened(shares(0.08), [shares(0.081)], 0, 0.3)[0]


@pytest.mark.parametrize(
    ("walk", "t", "expected"),
    [
        ((0.3, 0.55, 0.52), 2, "IoU with the true mask rose from 31 % to 52 %; it is best at t = 1, with 55 %."),
        ((0.3, 0.5, 0.6), 2, "IoU with the true mask rose from 31 % to 60 %, the best of all t."),
        (
            (0.3, 0.2, 0.1),
            2,
            "IoU with the true mask fell from 31 % to 10 %: at this threshold no t is better than no walk.",
        ),
    ],
)
def test_better_and_worse_are_both_said(walk, t, expected):
    sentences = what_happened(shares(0.1, 0.31), [shares(0.1, iou) for iou in walk], t, 0.3)
    assert sentences[1] == expected


def test_a_class_that_is_not_there_has_no_iou():
    assert len(what_happened(shares(0.1) | {"iou": [None] * 101}, [shares(0.1, 0.0)], 0, 0.5)) == 1
