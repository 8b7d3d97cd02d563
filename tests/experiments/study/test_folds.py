"""Every picture is in exactly one fold, and a subset is the pictures it says."""

import numpy as np

from recam_core.datasets.scenes import Scenes
from recam_core.experiments.study.folds import Subset, fold_of


def test_folds_part_the_pictures_evenly_and_are_the_same_every_time():
    fold = fold_of(130, 4)
    assert sorted(np.bincount(fold)) == [32, 32, 33, 33]
    assert np.array_equal(fold, fold_of(130, 4))
    assert not np.array_equal(fold, np.arange(130) % 4)  # neighbours in a folder are often alike


def test_a_subset_gives_the_pictures_asked_for_in_their_order():
    whole = Scenes("samples")
    part = Subset(whole, np.array([5, 2]))
    assert len(part) == 2
    assert part.classes == whole.classes
    for i, j in enumerate((5, 2)):
        assert part.name(i) == whole.name(j)
        for read in ("image", "labels", "mask"):
            assert np.array_equal(getattr(part, read)(i), getattr(whole, read)(j))
