"""The bundled pictures: their names tell the truth, and they are the same every time."""

import hashlib

import numpy as np
import pytest

from recam_core.datasets.class_names import COCO_CLASSES, VOC_CLASSES
from recam_core.datasets.samples import (
    PHOTO_CLASSES,
    PHOTOS,
    SAMPLES,
    SCENE_CLASSES,
    SCENES,
    read_sample,
    sample_labels,
    sample_mask,
    sample_model,
    sample_title,
)
from recam_core.datasets.scenes import SHAPES
from recam_core.records import IGNORE, UserError

CLASSES = tuple(SHAPES)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_an_upright_picture_with_its_own_hash(name):
    picture, mask = read_sample(name)
    again, _ = read_sample(name)
    assert np.array_equal(picture.pixels, again.pixels)
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.ndim == 3
    assert picture.name == name
    assert picture.original_size == picture.pixels.shape[1::-1]
    assert picture.sha256 == hashlib.sha256(picture.pixels.tobytes()).hexdigest()
    assert mask.shape == picture.pixels.shape[:2]
    assert mask.dtype == np.uint8
    assert mask.any()


@pytest.mark.parametrize("name", PHOTOS)
def test_the_mask_of_a_photo_shows_what_its_labels_say(name):
    mask = read_sample(name)[1]
    names = {PHOTO_CLASSES[value - 1] for value in np.unique(mask) if 0 < value < IGNORE}
    assert names == set(sample_labels(name, PHOTO_CLASSES))
    assert 0.005 < np.isin(mask, (0, IGNORE), invert=True).mean() < 0.95
    assert (mask == IGNORE).mean() < 0.4
    assert (mask == 0).any()  # what a map that covers everything gets wrong


@pytest.mark.parametrize("classes", [VOC_CLASSES, COCO_CLASSES], ids=["voc", "coco"])
@pytest.mark.parametrize("name", PHOTOS)
def test_the_mask_of_a_photo_speaks_the_classes_of_a_model(name, classes):
    mask, drawn = sample_mask(name, classes), read_sample(name)[1]
    names = [classes[value - 1] for value in np.unique(mask) if 0 < value < IGNORE]
    assert names
    assert set(names) == set(sample_labels(name, classes))
    assert np.array_equal(mask == IGNORE, drawn == IGNORE)


def test_a_table_is_one_table_under_both_its_names():
    voc, coco = sample_mask("coffee", VOC_CLASSES), sample_mask("coffee", COCO_CLASSES)
    table = voc == VOC_CLASSES.index("diningtable") + 1
    assert table.any()
    assert np.array_equal(table, coco == COCO_CLASSES.index("dining table") + 1)
    cup = coco == COCO_CLASSES.index("cup") + 1
    assert cup.any()
    assert not voc[cup].any()  # background to a model that knows no cup


def test_a_model_that_knows_nothing_of_a_picture_gets_no_mask():
    assert sample_mask("astronaut", SCENE_CLASSES) is None
    assert sample_mask("scene-cat-dog-tree", VOC_CLASSES) is None
    assert np.array_equal(sample_mask("scene-cat-dog-tree", SCENE_CLASSES), read_sample("scene-cat-dog-tree")[1])


def test_no_two_samples_are_alike():
    assert len({read_sample(name)[0].sha256 for name in SAMPLES}) == len(SAMPLES)


@pytest.mark.parametrize("name", SCENES)
def test_the_name_of_a_scene_lists_what_is_in_it(name):
    _, mask = read_sample(name)
    names = {CLASSES[label - 1] for label in np.unique(mask) if label}
    assert names == set(name.split("-")[1:])


def test_titles_and_models():
    titles = [sample_title(name) for name in SAMPLES]
    assert all(titles)
    assert len(set(titles)) == len(titles)
    assert all(word in sample_title("scene-fish-boat") for word in ("fish", "boat"))
    assert {sample_model(name) for name in PHOTOS} == {"voc"}
    assert {sample_model(name) for name in SCENES} == {"scenes"}


def test_an_unknown_sample_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match=r"no sample 'lena'; the samples are chelsea, .*scene-cat-dog-tree"):
        read_sample("lena")
