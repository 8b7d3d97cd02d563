"""What every line of ``REFINERS`` keeps to, whatever it does to the maps."""

import dataclasses

import numpy as np
import pytest
from refined import subject_of

from recam_core.networks.pair import build_pair
from recam_core.records import HeatmapOptions
from recam_core.refiners import REFINERS

CLASSES = ("cat", "dog", "tree")
FEW = {"steps": 4, "iterations": 4}  # in the words that refiners have for them
CHOICE = {"boundary": "gradient"}  # the pair of the tests learned no boundaries


@pytest.fixture
def subject():
    picture = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    return subject_of(picture, build_pair("p", "tiny", CLASSES), ("dog", "tree"), ("cam", "w"))


def few_steps(refiner, pair):
    options = refiner.defaults(pair)
    fields = {field.name for field in dataclasses.fields(options)}
    return dataclasses.replace(options, **{key: value for key, value in (FEW | CHOICE).items() if key in fields})


@pytest.mark.parametrize("name", REFINERS)
def test_results_are_maps_like_any_other(name, subject):
    refiner = REFINERS[name]
    before = [result.maps.copy() for result in subject.results]
    results = refiner.results(subject, few_steps(refiner, subject.pair))
    assert [result.readout for result in results] == ["cam", "w"]
    for result, start, maps in zip(results, subject.results, before, strict=True):
        assert result.classes == start.classes
        assert result.maps.shape == result.raw.shape == start.maps.shape
        assert result.grid.ndim == 3
        for values in (result.maps, result.raw, result.grid):
            assert np.isfinite(values).all()
        assert result.maps.min() >= 0
        assert result.maps.max() <= 1
        np.testing.assert_array_equal(start.maps, maps)  # what went in is as it was


@pytest.mark.parametrize("name", REFINERS)
def test_steps_are_counted_and_told(name, subject):
    refiner = REFINERS[name]
    alone = dataclasses.replace(subject, classes=("dog",), readouts=("w",))
    steps = list(refiner.steps(alone, few_steps(refiner, subject.pair)))
    assert len(steps) > 1
    assert [step.t for step in steps] == sorted({step.t for step in steps})
    assert {step.classes for step in steps} == {("dog",)}
    assert all(step.seconds >= 0 and step.to_json() for step in steps)


@pytest.mark.parametrize("name", REFINERS)
def test_a_refiner_says_who_it_is_and_what_suits_a_model(name, subject):
    refiner = REFINERS[name]
    options = refiner.defaults(subject.pair)
    threshold, reason = refiner.threshold(subject.pair, "w", HeatmapOptions())
    assert refiner.name == name
    assert all((refiner.label, refiner.help, reason, refiner.words(options)))
    assert 0 < threshold < 1
    assert set(refiner.flags) <= {field.name for field in dataclasses.fields(options)}
    flags = {f"--{flag.replace('_', '-')}" for flag in refiner.flags}
    assert all(word in flags for _, words in refiner.offers.values() for word in words if word.startswith("--"))


def test_no_two_offer_the_errors_page_the_same_key():
    keys = [key for refiner in REFINERS.values() for key in refiner.offers]
    assert len(keys) == len(set(keys))
