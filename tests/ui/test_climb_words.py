"""Sentences about a climb: said only where the numbers say so, and with the numbers."""

from dataclasses import replace

import numpy as np
import pytest

from recam_core import AdvCamOptions, RefineStep
from ui.climb.words import what_happened

OPTIONS = AdvCamOptions(steps=4)


def climbed(y, others=None, peaks=None, objective=None):
    """Steps with these figures, one class, one scale."""
    count = len(y)
    others, peaks = others or [1.0] * count, peaks or [1.0] * count
    objective = objective or [a - b for a, b in zip(y, others, strict=True)]
    steps = []
    for t in range(count):
        grid, empty = np.full((1, 2, 2), peaks[t], np.float32), np.zeros(1, np.float32)
        steps.append(
            RefineStep(
                t=t,
                steps=count,
                scale=1.0,
                scale_index=0,
                readout="w",
                classes=("cat",),
                map=grid,
                accumulated=grid,
                hold_mask=grid > 0,
                change=np.zeros((1, 2, 2, 3), np.float16),
                score=empty + y[t],
                others=empty + others[t],
                regulariser=empty,
                objective=empty + objective[t],
                first_peak=empty + peaks[0],
                seconds=0.1,
            )
        )
    return steps


def sentences_of(*arguments, sure=True, options=OPTIONS, **more):
    return " ".join(what_happened(climbed(*arguments, **more), options, sure))


def test_a_good_climb_is_told_in_one_sentence():
    assert what_happened(climbed([10, 12, 15], [4, 3, 2]), OPTIONS) == [
        "By step 3, y of cat rose from 10 to 15 (+50 %); the other classes together fell from 4 to 2 (−50 %)."
    ]


def test_it_ran_away_where_the_map_exceeds_its_first_peak_by_far():
    assert "ran away: at step 2 the map’s peak is 5.0 times" in sentences_of([10, 12, 13], peaks=[1, 5, 4])
    assert "ran away" not in sentences_of([10, 12, 13], peaks=[1, 2.9, 2])


@pytest.mark.parametrize(("sure", "is_frozen"), [(True, True), (False, False)])
def test_it_froze_is_said_at_the_end_only(sure, is_frozen):
    assert ("It froze: y moved by 0.5 %" in sentences_of([10, 10.02, 10.05], sure=sure)) == is_frozen


def test_a_frozen_climb_names_the_knob():
    assert "Raise ξ or lower μ" in sentences_of([10, 10, 10])
    assert "ξ is 0." in sentences_of([10, 10, 10], options=replace(OPTIONS, xi=0.0))


def test_it_bled_where_others_gained_a_good_part_of_what_the_class_gained():
    assert "they gained 3, 60 % of what cat gained" in sentences_of([10, 12, 15], [1, 2, 4])
    assert "bled" not in sentences_of([10, 12, 15], [1, 1.2, 1.5])
    assert "while cat lost" in sentences_of([10, 9, 8], [1, 2, 4])


def test_it_went_down():
    assert "the objective fell from 9 to 6" in sentences_of([10, 9, 8], [1, 1, 2])


def test_one_step_is_no_climb_and_says_so():
    (sentence,) = what_happened(climbed([10]), replace(OPTIONS, steps=1))
    assert sentence.startswith("T is 1")
    assert what_happened(climbed([10, 11])[:1], OPTIONS) == []
