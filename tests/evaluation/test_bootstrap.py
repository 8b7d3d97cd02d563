"""Figures at given thresholds against a plain argmax, and bootstrap intervals against resampling picture by picture."""

import tracemalloc

import numpy as np
import pytest
from plain_sweep import picture, plain_confusion

from recam_core.evaluation import bootstrap
from recam_core.evaluation.bootstrap import RESAMPLES, best_threshold, confusions, gain, gain_of_areas, row
from recam_core.evaluation.metrics import THRESHOLDS, Areas, figures
from recam_core.evaluation.sweep import count_pixels
from recam_core.experiments.study.seeds import seed_table

LABELS = 4


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    return [picture(rng, ids, 20) for ids in ([0, 2], [1], [0, 1, 2], [2], [], [1, 0])]


@pytest.fixture(scope="module")
def counts(pictures):
    return [count_pixels(maps, ids, mask, LABELS) for maps, ids, mask in pictures]


def test_each_picture_is_counted_at_its_own_threshold(pictures, counts):
    thresholds = [0, 5, 20, 55, 90, 99]
    matrices = confusions(counts, LABELS, thresholds)
    for matrix, one, index in zip(matrices, pictures, thresholds, strict=True):
        assert np.array_equal(matrix, plain_confusion([one], THRESHOLDS[index], LABELS))


def test_the_best_threshold_beats_all_others(pictures, counts):
    best = best_threshold(counts, LABELS)
    miou = [figures(plain_confusion(pictures, threshold, LABELS))["miou"] for threshold in THRESHOLDS]
    assert miou[best] == max(miou)
    assert miou.index(max(miou)) == best


def test_a_row_takes_all_pictures_together_and_says_what_the_wrong_part_lies_on():
    # background 6 right, 2 taken for a; a: 1 missed, 3 right, 1 taken for b; b: 4 right
    matrices = np.array([[[6, 2, 0], [0, 0, 0], [0, 0, 4]], [[0, 0, 0], [1, 3, 1], [0, 0, 0]]], float)
    expected = {
        "threshold": 0.2,
        "miou": (6 / 9 + 3 / 7 + 4 / 5) / 3,
        "fp": (2 / 7 + 1 / 5) / 2,
        "fn": (2 / 7 + 0) / 2,
        "precision": (3 / 5 + 4 / 5) / 2,
        "recall": (3 / 5 + 1) / 2,
        "on_background": 2 / 10,
        "on_others": 1 / 10,
    }
    assert row(matrices, [10, 30]) == pytest.approx(expected, abs=1e-5)


def halves(rng, count):
    """Confusion matrices of ``count`` pictures of two labels."""
    return rng.integers(1, 50, (count, 2, 2)).astype(float)


def test_the_interval_is_that_of_drawing_the_same_pictures_for_both_sides():
    rng = np.random.default_rng(1)
    ours, theirs = [halves(rng, 12) for _ in range(2)], [halves(rng, 12) for _ in range(2)]
    interval = gain(ours, theirs, seed=3)
    differences = []
    for weights in np.random.default_rng(3).multinomial(12, [1 / 12] * 12, RESAMPLES):
        again = np.repeat(np.arange(12), weights)
        differences.append(np.mean([
            figures(a[again].sum(axis=0))["miou"] - figures(b[again].sum(axis=0))["miou"]
            for a, b in zip(ours, theirs, strict=True)
        ]))  # fmt: skip
    low, high = np.percentile(differences, [2.5, 97.5])
    assert (interval["low"], interval["high"]) == pytest.approx((low, high), abs=1e-5)
    assert interval["low"] < interval["mean"] < interval["high"]


@pytest.mark.parametrize("most", [0, 1 << 24])
def test_draws_are_the_same_in_blocks(monkeypatch, most):
    monkeypatch.setattr(bootstrap, "BLOCK", 12 * 7)
    monkeypatch.setattr(bootstrap, "MOST_BYTES", most)
    blocks = list(bootstrap._draws(12, 3))
    assert max(map(len, blocks)) == 7
    expected = np.random.default_rng(3).multinomial(12, [1 / 12] * 12, RESAMPLES)
    assert np.array_equal(np.concatenate(blocks), expected)


def test_many_pictures_are_drawn_one_by_one(monkeypatch):
    monkeypatch.setattr(bootstrap, "MANY", 11)
    bootstrap._all_draws.cache_clear()
    draws = bootstrap._all_draws(12, 3)
    bootstrap._all_draws.cache_clear()
    assert draws.shape == (RESAMPLES, 12)
    assert set(draws.sum(axis=1)) == {12}
    np.testing.assert_allclose(draws.mean(axis=0), 1, atol=0.1)


def test_areas_without_their_zeros_give_the_same_gain(monkeypatch):
    rng = np.random.default_rng(5)
    ours, theirs = (np.zeros((40, 9, 9)) for _ in range(2))
    for i in range(40):
        for matrices in (ours, theirs):
            matrices[i][:2, :2] = rng.integers(1, 900, (2, 2))
            matrices[i][i % 7 + 2, i % 7 + 2] = rng.integers(1, 900)
    monkeypatch.setattr(bootstrap, "SPARSE", 0.5)
    sparse = gain([ours], [theirs])
    monkeypatch.setattr(bootstrap, "SPARSE", 0)
    assert sparse == gain([ours], [theirs])
    assert sparse["low"] < sparse["mean"] < sparse["high"]


def test_memory_is_bounded():
    rng = np.random.default_rng(4)
    ours, theirs = [Areas.of(halves(rng, 5000))], [Areas.of(halves(rng, 5000))]
    tracemalloc.start()
    gain_of_areas(ours, theirs)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 50e6


def test_equal_sides_gain_nothing_and_a_constant_gain_has_no_width():
    rng = np.random.default_rng(2)
    same = [halves(rng, 8)]
    assert gain(same, same) == {"mean": 0, "low": 0, "high": 0}
    right, wrong = [np.tile([[5.0, 0], [0, 5]], (8, 1, 1))], [np.tile([[5.0, 0], [5, 0]], (8, 1, 1))]
    assert gain(right, wrong) == {"mean": 0.75, "low": 0.75, "high": 0.75}  # IoU 1, 1 against 0.5, 0


def test_the_table_has_means_spread_and_gains(counts):
    low, high = [10] * len(counts), [60] * len(counts)
    runs = [{"cam": (counts, low), "control": (counts, low), "w": (counts, t)} for t in (low, high)]
    table = seed_table(runs, LABELS)
    assert table["pictures"] == len(counts)
    w, cam = table["readouts"]["w"], table["readouts"]["cam"]
    miou = [r["miou"] for r in w["runs"]]
    assert w["miou"] == pytest.approx(np.mean(miou), abs=1e-5)
    assert w["spread"] == pytest.approx(abs(miou[0] - miou[1]) / 2**0.5, abs=1e-5)
    assert w["over_cam"]["mean"] == pytest.approx((miou[1] - miou[0]) / 2, abs=1e-5)
    assert cam["spread"] == 0
    assert cam["over_cam"] == {"mean": 0, "low": 0, "high": 0}


def test_one_run_has_no_spread(counts):
    thresholds = [10] * len(counts)
    table = seed_table([{"cam": (counts, thresholds), "control": (counts, thresholds)}], LABELS)
    assert table["readouts"]["cam"]["spread"] is None
