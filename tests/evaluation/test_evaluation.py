"""Measuring a data set against looking at each picture, and the JSON people script against."""

import json

import numpy as np
import pytest
import torch
from plain_sweep import picture, plain_confusion
from refined import subject_of, walk_of

from recam_core.cam.explanation import explain
from recam_core.datasets.scenes import Scenes
from recam_core.evaluation.evaluate import Evaluation, evaluate, to_size
from recam_core.evaluation.metrics import THRESHOLDS, figures
from recam_core.evaluation.sweep import ThresholdSweep, count_pixels
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS
from recam_core.records import EvalStep, HeatmapOptions, UserError

K = 3
OPTIONS = HeatmapOptions(flip=False)


def measured(sweeps, pictures=2):
    return Evaluation("m", "scenes", "test", pictures, HeatmapOptions((1.0, 0.5)), ("cat", "dog", "tree"), sweeps)


def test_json_has_the_layout_of_the_contract():
    sweep = ThresholdSweep(K)
    maps, ids, mask = picture(np.random.default_rng(0), [0, 1], 50)
    sweep.add(count_pixels(maps, ids, np.where(mask == 3, 0, mask), K + 1))
    out = json.loads(json.dumps(measured({"product": sweep, "cam": sweep}).to_json(), allow_nan=False))
    assert {key: value for key, value in out.items() if key != "readouts"} == {
        "model": "m", "dataset": "scenes", "split": "test", "pictures": 2, "scales": [1.0, 0.5], "flip": True,
        "long_side": 512,
    }  # fmt: skip
    assert list(out["readouts"]) == ["product", "cam"]
    row = out["readouts"]["cam"]
    assert list(row) == ["miou", "threshold", "fp", "fn", "precision", "recall", "per_class", "sweep"]
    assert set(row["per_class"]) == {"background", "cat", "dog"}  # tree is neither there nor predicted
    assert [list(point) for point in row["sweep"]] == [["threshold", "miou", "fp", "fn"]] * 100
    assert [point["threshold"] for point in row["sweep"]] == [i / 100 for i in range(100)]
    best = max(row["sweep"], key=lambda point: point["miou"])
    assert {key: row[key] for key in best} == best
    expected = figures(
        plain_confusion([(maps, ids, np.where(mask == 3, 0, mask))], np.float32(row["threshold"]), K + 1)
    )
    assert row["miou"] == pytest.approx(expected["miou"], abs=1e-6)
    assert row["precision"] == pytest.approx(expected["precision"], abs=1e-6)
    assert row["per_class"]["dog"] == pytest.approx(expected["iou"][2], abs=1e-6)
    assert all(0 <= value <= 1 for value in (*row["per_class"].values(), row["recall"], row["fp"], row["fn"]))


def test_nan_never_reaches_json():
    only_background = ThresholdSweep(K)
    only_background.add(count_pixels(np.zeros((0, 2, 2), np.float32), [], np.zeros((2, 2), np.uint8), K + 1))
    for sweep in (ThresholdSweep(K), only_background):
        out = measured({"w": sweep}).to_json()
        json.dumps(out, allow_nan=False)
        assert out["readouts"]["w"]["precision"] is None
    assert out["readouts"]["w"]["per_class"] == {"background": 1.0}


class Four:
    """The first four test scenes, drawn small; the last one has no mask, the third no labels."""

    def __init__(self):
        self.scenes = Scenes("samples")
        self.classes = self.scenes.classes

    def __len__(self):
        return 4

    def name(self, i):
        return f"scene {i}"

    def image(self, i):
        return self.scenes.image(i)

    def labels(self, i):
        return np.zeros_like(self.scenes.labels(i)) if i == 2 else self.scenes.labels(i)

    def mask(self, i):
        return None if i == 3 else self.scenes.mask(i)


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(0)
    return build_pair("untrained", "tiny", Scenes.classes)


@pytest.mark.parametrize("options", [OPTIONS, HeatmapOptions((1.0, 0.5), long_side=64)])
def test_evaluating_four_scenes_equals_looking_at_each(pair, options):
    dataset = Four()
    *steps, result = evaluate(pair, dataset, options, source=("scenes", "samples"))
    assert steps == [EvalStep(i + 1, 4, f"scene {i}") for i in range(4)]
    assert (result.model, result.dataset, result.split, result.pictures) == ("untrained", "scenes", "samples", 3)
    for readout in READOUTS:
        pictures = [(np.zeros((0, 160, 160), np.float32), [], dataset.mask(2))]
        for i in (0, 1):
            ids = np.flatnonzero(dataset.labels(i)).tolist()
            maps = explain(dataset.image(i), pair, [dataset.classes[k] for k in ids], [readout], options)[readout].maps
            pictures.append((to_size(maps, (160, 160)), ids, dataset.mask(i)))
        for index in (0, 20, 50):
            assert np.array_equal(
                result.sweeps[readout].confusion(index),
                plain_confusion(pictures, THRESHOLDS[index], len(Scenes.classes) + 1),
            )


def test_evaluating_after_the_walk_equals_walking_with_each_picture(pair):
    dataset, refinement = Four(), walk_of(steps=5)
    *_, result = evaluate(pair, dataset, OPTIONS, refinement=refinement)
    for readout in READOUTS:
        pictures = [(np.zeros((0, 160, 160), np.float32), [], dataset.mask(2))]
        for i in (0, 1):
            ids = np.flatnonzero(dataset.labels(i)).tolist()
            names = [dataset.classes[k] for k in ids]
            (walked,) = refinement.results(subject_of(dataset.image(i), pair, names, [readout], OPTIONS))
            pictures.append((walked.maps, ids, dataset.mask(i)))
        expected = plain_confusion(pictures, THRESHOLDS[28], len(Scenes.classes) + 1)
        # columns of a product may be added in another order beside other columns: a pixel at the threshold may differ
        assert np.abs(result.sweeps[readout].confusion(28) - expected).sum() <= 8
    assert "after 5 steps of the walk" in str(result)


def test_json_says_so_when_and_only_when_maps_have_walked(pair):
    refinement = walk_of(radius=3, beta=2.0, steps=5)
    *_, plain = evaluate(pair, Four(), OPTIONS)
    *_, walked = evaluate(pair, Four(), OPTIONS, refinement=refinement)
    before, after = plain.to_json(), walked.to_json()
    assert list(after) == [*list(before)[:-1], "refine", "walk", "readouts"]
    assert after["refine"] == "walk"
    assert after["walk"] == {"boundary": "gradient", "radius": 3, "beta": 2.0, "steps": 5}
    assert before["readouts"] != after["readouts"]
    assert {k: v for k, v in after.items() if k in before and k != "readouts"} == {
        k: v for k, v in before.items() if k != "readouts"
    }


def test_only_the_readouts_asked_for_are_measured(pair):
    *_, result = evaluate(pair, Four(), OPTIONS, ["product", "cam"])
    assert list(result.sweeps) == ["product", "cam"]


def test_another_list_of_classes_is_refused():
    pair = build_pair("p", "tiny", Scenes.classes[::-1])
    with pytest.raises(UserError, match="same, in the same order"):
        next(evaluate(pair, Four(), OPTIONS))


def test_a_split_without_any_mask_is_refused(pair):
    dataset = Four()
    dataset.mask = lambda i: None
    with pytest.raises(UserError, match="No picture of this split has a mask"):
        list(evaluate(pair, dataset, OPTIONS))


def test_resizing_maps():
    maps = np.arange(8, dtype=np.float32).reshape(1, 2, 4)
    assert to_size(maps, (2, 4)) is maps
    assert to_size(maps, (4, 8))[0, 0].tolist() == [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]
