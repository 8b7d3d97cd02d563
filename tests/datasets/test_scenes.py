"""Drawn scenes: the same for everybody, with labels and masks that agree."""

import pickle

import numpy as np
import pytest

from recam_core.datasets.scenes import COMPANIONS, SPLITS, SceneOptions, Scenes
from recam_core.records import UserError

SMALL = SceneOptions(size=64)
SOME = range(24)


def test_the_same_seed_draws_the_same_pixels():
    one, two = Scenes("train", 5, SMALL), Scenes("train", 5, SMALL)
    list(map(one.image, (3, 1)))  # the order of asking does not matter
    for i in (0, 1, 3):
        assert np.array_equal(one.image(i), two.image(i))
        assert np.array_equal(one.mask(i), two.mask(i))
        assert np.array_equal(one.labels(i), two.labels(i))


def test_another_split_seed_or_number_draws_another_picture():
    pictures = [Scenes(split, seed, SMALL).image(i) for split in SPLITS for seed in (0, 1) for i in (0, 1)]
    assert len({p.tobytes() for p in pictures}) == len(pictures)


def test_masks_agree_with_labels():
    scenes = Scenes("val", options=SMALL)
    for i in SOME:
        image, labels, mask = scenes.image(i), scenes.labels(i), scenes.mask(i)
        assert image.shape == (64, 64, 3)
        assert mask.shape == (64, 64)
        assert image.dtype == mask.dtype == np.uint8
        assert labels.dtype == np.float32
        values, counts = np.unique(mask[mask > 0], return_counts=True)
        assert (values - 1).tolist() == np.flatnonzero(labels).tolist()
        assert (counts >= 40).all()
        assert labels.any()  # the object drawn last is never hidden


def test_every_class_occurs_and_the_order_is_fixed():
    scenes = Scenes("train", options=SMALL)
    assert scenes.classes == ("cat", "dog", "bird", "fish", "car", "bus", "boat", "tree")  # stored models rely on it
    assert sum(scenes.labels(i) for i in range(60)).all()
    assert set(COMPANIONS) == set(COMPANIONS.values()) == set(scenes.classes)


def test_the_mask_lies_on_the_object():
    """Twice the same picture but for the strength of the body pattern: only bodies change."""
    faint, strong = (Scenes("test", options=SceneOptions(size=96, body_contrast=c)) for c in (0, 60))
    for i in range(6):
        changed = np.abs(faint.image(i).astype(int) - strong.image(i)).max(axis=2) > 3
        inside = faint.mask(i) > 0
        assert changed[inside].mean() > 0.3
        assert changed[~inside].mean() < 0.02


def test_knobs_do_what_they_say():
    alone = Scenes(options=SceneOptions(size=64, max_objects=1, together=0))
    assert all(alone.labels(i).sum() == 1 for i in SOME)
    together = Scenes(options=SceneOptions(size=64, max_objects=2, together=1))
    pairs = [{together.classes[k] for k in np.flatnonzero(together.labels(i))} for i in SOME]
    assert all(COMPANIONS[name] in pair for pair in pairs if len(pair) == 2 for name in pair)
    assert any(len(pair) == 2 for pair in pairs)
    areas = [np.mean([(Scenes(options=SceneOptions(64, (r, r), max_objects=1)).mask(i) > 0).mean() for i in SOME])
             for r in (0.1, 0.3)]  # fmt: skip
    assert areas[1] > 3 * areas[0]


@pytest.mark.parametrize("knobs", [
    {"size": 16}, {"radius": (0.3, 0.1)}, {"radius": (0, 0.1)}, {"radius": (0.1, 0.9)}, {"together": 1.5}, {"max_objects": 0},
])  # fmt: skip
def test_impossible_knobs_are_refused(knobs):
    with pytest.raises(UserError, match="draw no scene"):
        SceneOptions(**knobs)


def test_an_unknown_split_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match="train, val, test, samples; got 'validation'"):
        Scenes("validation")


def test_names_and_lengths():
    scenes = Scenes("samples")
    assert len(scenes) == SPLITS["samples"]
    assert [scenes.name(i) for i in (0, 11)] == ["samples-0000", "samples-0011"]


def test_scenes_travel_to_other_processes():
    scenes = pickle.loads(pickle.dumps(Scenes("train", 2, SMALL)))  # our own bytes
    assert np.array_equal(scenes.image(0), Scenes("train", 2, SMALL).image(0))
