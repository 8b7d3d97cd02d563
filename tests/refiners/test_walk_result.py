"""Walked maps as heatmaps: one maximum, nothing invented where nothing is; settings from cards; readouts walk together."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from refined import subject_of, walk_of

from recam_core.evaluation.curves import class_curves
from recam_core.images.visualise import labels_from_maps
from recam_core.networks.model import build_branches
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS
from recam_core.records import CamResult, HeatmapOptions, RandomWalkOptions, UserError
from recam_core.refiners.random_walk.boundary import boundary_map
from recam_core.refiners.random_walk.result import enlarged, milestones, walk_defaults, walked_result
from recam_core.refiners.random_walk.walk import RandomWalk, walk

CLASSES = ("cat", "dog", "tree")


def start(grid, size):
    empty = np.zeros((len(grid), *size), np.float32)
    return CamResult(
        np.zeros((*size, 3), np.uint8), CLASSES[: len(grid)], np.ones(len(grid)), empty, empty, grid, readout="w"
    )


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(0)
    return build_pair("untrained", "tiny", CLASSES, {})


@pytest.fixture(scope="module")
def with_branches(pair):
    torch.manual_seed(1)
    return replace(pair, boundary=build_branches(pair.recam))


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 256, (50, 61, 3), dtype=np.uint8)


def test_enlarging_keeps_half_pixel_centres_and_crops_at_top_left():
    maps = np.array([[[0, 8]]], np.float32)
    assert enlarged(maps, (3, 7))[0].tolist() == [[0, 0, 1, 3, 5, 7, 8]] * 3


def test_maps_end_at_one_maximum_over_all_classes():
    maps = np.array([[[2, 2]], [[8, 4]]], np.float32)
    result = walked_result(start(np.zeros((2, 1, 2), np.float32), (4, 8)), maps)
    assert result.raw.max(axis=(1, 2)).tolist() == [2, 8]
    assert result.maps.max(axis=(1, 2)).tolist() == [0.25, 1]
    assert result.grid.tolist() == [[[0.25, 0.25]], [[1, 0.5]]]
    assert result.readout == "w"
    labels = labels_from_maps(result.maps, [4, 0], 0.5)
    assert labels[0].tolist() == [1, 1, 1, 1, 1, 1, 0, 0]  # exactly the threshold is background


def test_nothing_stays_nothing():
    result = walked_result(start(np.zeros((2, 2, 2), np.float32), (7, 8)), np.zeros((2, 2, 2), np.float32))
    assert result.maps.max() == result.grid.max() == 0
    assert not labels_from_maps(result.maps, [0, 1], 0.28).any()
    assert np.isfinite(class_curves(result).covered).all()


def test_what_is_no_walked_map_is_refused():
    before = start(np.zeros((1, 2, 2), np.float32), (8, 8))
    with pytest.raises(UserError, match="on the grid of their start"):
        walked_result(before, np.zeros((1, 2, 3), np.float32))
    with pytest.raises(UserError, match="not finite"):
        walked_result(before, np.full((1, 2, 2), np.nan, np.float32))


@pytest.mark.parametrize(("steps", "expected"), [
    (0, [0]), (1, [0, 1]), (5, [0, 1, 2, 3, 4, 5]), (16, [0, 1, 2, 3, 4, 6, 8, 12, 16]),
    (100, [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 100]),
])  # fmt: skip
def test_milestones(steps, expected):
    assert milestones(steps) == expected


def test_defaults_are_the_cards_else_the_references():
    def of(card):
        return walk_defaults(build_pair("p", "tiny", CLASSES, {"walk": card}))

    assert walk_defaults(build_pair("p", "tiny", CLASSES, {})) == RandomWalkOptions(5, 10.0, 256)
    assert of({"beta": 4, "steps": 32, "threshold": 0.3}) == RandomWalkOptions(5, 4, 32)
    for card in ([5, 10], {"radius": "far"}, {"steps": 2.5}, {"beta": None}):
        with pytest.raises(UserError, match="no usable walk settings"):
            of(card)
    with pytest.raises(UserError, match="radius"):
        of({"radius": 99})


@pytest.mark.parametrize("source", ["gradient", "learned"])
def test_the_walker_walks_as_the_walk_does_and_all_readouts_together(source, with_branches, picture):
    pair = with_branches
    options = RandomWalkOptions(steps=7)
    subject = subject_of(picture, pair, ["cat", "tree"], READOUTS, HeatmapOptions(flip=False))
    results, together = subject.results, walk_of(source, steps=7).results(subject)
    boundary = boundary_map(pair, picture, source)
    assert [r.readout for r in together] == list(READOUTS)
    for before, after in zip(results, together, strict=True):
        *_, last = walk(before, boundary, options)
        alone = walked_result(before, last.maps)
        assert after.classes == ("cat", "tree")
        np.testing.assert_allclose(after.raw, alone.raw, atol=1e-5)
        np.testing.assert_allclose(after.maps, alone.maps, atol=1e-5)
        assert not np.allclose(after.maps, before.maps, atol=1e-2)


def test_one_operator_serves_all_readouts(pair, picture, monkeypatch):
    made, products = [], []
    init, at = RandomWalk.__init__, RandomWalk.at

    def counted_init(self, *arguments, **more):
        made.append(1)
        init(self, *arguments, **more)

    def counted_at(self, maps, t):
        products.append(len(maps))
        return at(self, maps, t)

    monkeypatch.setattr(RandomWalk, "__init__", counted_init)
    monkeypatch.setattr(RandomWalk, "at", counted_at)
    walk_of(steps=2).results(subject_of(picture, pair, ["cat", "tree"], READOUTS))
    assert made == [1]
    assert products == [2 * len(READOUTS)]


def test_a_model_without_branches_says_what_trains_them(pair, picture):
    subject = subject_of(picture, pair, ["cat"], ["w"])
    with pytest.raises(UserError, match="train-boundary"):
        walk_of("learned", steps=2).results(subject)


def test_a_walker_says_what_it_walks_with(pair):
    walker = walk_of(radius=3, beta=2.0, steps=9)
    assert walker.to_json() == {"boundary": "gradient", "radius": 3, "beta": 2.0, "steps": 9}
