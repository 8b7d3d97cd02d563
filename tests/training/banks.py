"""Feature banks of a few labelled noise pictures."""

import numpy as np

from recam_core.datasets.labelled import Labelled
from recam_core.records import Picture
from recam_core.training.refit.feature_bank import gather_features

CLASSES = ("cat", "dog", "tree")


def picture(name, height, width):
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Picture(pixels, name, name, (width, height))


def labelled(*labels, sizes=((48, 64), (64, 40), (48, 64))):
    pictures = [picture(f"p{i}", *sizes[i]) for i in range(len(labels))]
    return Labelled(CLASSES, pictures, {f"p{i}": names for i, names in enumerate(labels)})


def bank_of(pair, dataset, **settings):
    *steps, bank = gather_features(pair, dataset, range(len(dataset)), 512, **settings)
    assert [step.done for step in steps] == list(range(1, len(dataset) + 1))
    return bank
