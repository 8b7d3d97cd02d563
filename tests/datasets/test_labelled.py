"""Pictures with labels that a person gave: known names only, and every picture has one."""

import numpy as np
import pytest

from recam_core.datasets.labelled import Labelled
from recam_core.records import Picture, UserError

CAT = Picture(np.zeros((40, 50, 3), np.uint8), "mine.jpg", "a", (50, 40))


def test_labels_become_multi_hot_rows():
    dataset = Labelled(("cat", "dog"), [CAT], {"a": ["dog", "cat"]})
    assert len(dataset) == 1
    assert dataset.name(0) == "mine.jpg"
    assert dataset.image(0).shape == (40, 50, 3)
    assert dataset.labels(0).tolist() == [1, 1]
    assert dataset.mask(0) is None


def test_an_unknown_label_is_refused_with_what_was_meant():
    with pytest.raises(
        UserError, match=r"“mine.jpg” is labelled “Katze”, which the model does not know; it knows cat, dog"
    ):
        Labelled(("cat", "dog"), [CAT], {"a": ["Katze"]})
    with pytest.raises(UserError, match="did you mean dog"):
        Labelled(("cat", "dog"), [CAT], {"a": ["Dogs"]})


def test_a_picture_without_labels_is_refused():
    with pytest.raises(UserError, match="has no label"):
        Labelled(("cat", "dog"), [CAT], {})
