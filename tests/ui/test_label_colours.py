"""Colours of label maps: far apart, none twice, and a legend that names them."""

import numpy as np

from ui.widgets.label_colours import label_colours, label_legend


def test_the_first_classes_have_colours_that_are_far_apart_and_none_has_anothers():
    colours = label_colours([3, 7])[[4, 8]].astype(int)
    assert np.abs(colours[0] - colours[1]).max() > 150
    assert np.array_equal(label_colours([3, 7])[0], (0, 0, 0))
    assert len(np.unique(label_colours(range(20)), axis=0)) == 256


def test_a_legend_names_what_is_there_as_text():
    legend = label_legend(["cat", "<b>"], [np.array([255, 176, 0]), np.array([1, 2, 3])])
    assert legend.count("rgb(255,176,0)") == legend.count("rgb(1,2,3)") == 1
    assert "&lt;b&gt;" in legend
    assert "<b>" not in legend
