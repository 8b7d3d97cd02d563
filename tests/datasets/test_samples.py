"""The bundled pictures: their names tell the truth, and they are the same every time."""

import hashlib

import numpy as np
import pytest

from recam_core.datasets.samples import PHOTOS, SAMPLES, SCENES, read_sample, sample_model, sample_title
from recam_core.datasets.scenes import SHAPES
from recam_core.records import UserError

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
    assert (mask is None) == (name in PHOTOS)


def test_no_two_samples_are_alike():
    assert len({read_sample(name)[0].sha256 for name in SAMPLES}) == len(SAMPLES)


@pytest.mark.parametrize("name", SCENES)
def test_the_name_of_a_scene_lists_what_is_in_it(name):
    _, mask = read_sample(name)
    seen = {CLASSES[label - 1] for label in np.unique(mask) if label}
    assert seen == set(name.split("-")[1:])


def test_titles_and_models():
    titles = [sample_title(name) for name in SAMPLES]
    assert all(titles)
    assert len(set(titles)) == len(titles)
    assert all(word in sample_title("scene-fish-boat") for word in ("fish", "boat"))
    assert {sample_model(name) for name in PHOTOS} == {"photos"}
    assert {sample_model(name) for name in SCENES} == {"scenes"}


def test_an_unknown_sample_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match=r"no sample 'lena'; the samples are chelsea, .*scene-cat-dog-tree"):
        read_sample("lena")
