"""Evaluations of a few small scenes, kept in stores."""

from recam_core.datasets.scenes import Scenes
from recam_core.evaluation.store import (
    evaluate_into,
)
from recam_core.records import HeatmapOptions

K = len(Scenes.classes)
OPTIONS = HeatmapOptions(flip=False, long_side=64)
WHERE = ("scenes", "", "samples")


class Pictures:
    """A data set in memory: rows of (picture, labels, mask)."""

    classes = Scenes.classes

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def name(self, i):
        return f"picture {i}"

    def image(self, i):
        return self.rows[i][0]

    def labels(self, i):
        return self.rows[i][1]

    def mask(self, i):
        return self.rows[i][2]


def scenes(count=4):
    drawn = Scenes("samples")
    return Pictures([(drawn.image(i), drawn.labels(i), drawn.mask(i)) for i in range(count)])


def run(folder, maps, dataset, **more):
    return list(evaluate_into(folder, maps, dataset, WHERE, **more))
