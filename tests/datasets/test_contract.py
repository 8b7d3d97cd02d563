"""What every data set promises, whatever its kind."""

import pickle

import numpy as np
import pytest

from recam_core.datasets import DATASETS, missing_words, open_dataset
from recam_core.datasets.class_names import COCO_CLASSES, VOC_CLASSES
from recam_core.datasets.coco import Coco
from recam_core.records import UserError

# pycocotools 2.0.11 hands numpy 2 an object with the old form of __array__
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize("kind", DATASETS)
def test_every_data_set_keeps_its_contract(kind, request):
    splits = {"scenes": "samples", "coco": "val", "voc": "train", "folder": ""}
    roots = {"coco": "coco", "voc": "voc", "folder": "pets"}
    folder = str(request.getfixturevalue(roots[kind])) if kind in roots else ""
    dataset = open_dataset(kind, folder, splits[kind])
    assert isinstance(dataset.classes, tuple)
    assert len({dataset.name(i) for i in range(len(dataset))}) == len(dataset) > 0
    assert dataset.missing == ()
    assert missing_words(dataset) == ""
    assert all(isinstance(note, str) for note in dataset.notes)
    for i in range(len(dataset)):
        dataset.check(i)
        image, labels, mask = dataset.image(i), dataset.labels(i), dataset.mask(i)
        assert image.dtype == np.uint8
        assert image.shape[2:] == (3,)
        assert labels.shape == (len(dataset.classes),)
        assert labels.dtype == np.float32
        assert set(labels.tolist()) <= {0.0, 1.0}
        assert dataset.has_mask(i) == (mask is not None)
        if mask is not None:
            assert mask.shape == image.shape[:2]
            assert mask.dtype == np.uint8
            assert set(np.unique(mask)) <= {0, 255, *(np.flatnonzero(labels) + 1)}
    copy = pickle.loads(pickle.dumps(dataset))  # worker processes get one
    assert np.array_equal(copy.image(0), dataset.image(0))


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match="no data set kind 'imagenet'; choose one of scenes, voc, coco, folder"):
        open_dataset("imagenet", "", "train")


def test_lists_of_classes_are_in_their_agreed_order(coco128):
    assert (len(VOC_CLASSES), VOC_CLASSES[0], VOC_CLASSES[14], VOC_CLASSES[19]) == (
        20,
        "aeroplane",
        "person",
        "tvmonitor",
    )
    assert list(VOC_CLASSES) == sorted(VOC_CLASSES)
    assert Coco(str(coco128), "train2017").classes == COCO_CLASSES
