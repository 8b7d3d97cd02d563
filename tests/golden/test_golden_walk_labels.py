"""Golden part 2, the last step: walked maps → label map."""

import numpy as np
import pytest

from recam_core.images.visualise import labels_from_maps
from recam_core.records import CamResult
from recam_core.refiners.random_walk.result import walked_result


@pytest.fixture
def vectors(golden):
    return golden("irn_semseg_label")


def start(v):
    height, width = (int(side) for side in v["image_size"])
    names = tuple(f"class {k}" for k in v["keys"])
    empty = np.zeros((len(names), height, width), np.float32)
    picture = np.zeros((height, width, 3), np.uint8)
    return CamResult(picture, names, np.ones(len(names)), empty, empty, v["cam"], readout="w")


@pytest.mark.parametrize("threshold", [0.25, 0.28, 0.60])
def test_labels_after_the_walk(vectors, threshold):
    result = walked_result(start(vectors), vectors["rw"][:, 0])
    labels = labels_from_maps(result.maps, vectors["keys"], threshold)
    np.testing.assert_array_equal(labels, vectors[f"label_th{round(100 * threshold)}"])
    assert len(np.unique(labels)) > 1


def test_one_maximum_for_all_classes(vectors):
    result = walked_result(start(vectors), vectors["rw"][:, 0])
    assert result.maps.max() == 1
    assert (result.maps.max(axis=(1, 2)) < 1).sum() == len(vectors["keys"]) - 1
