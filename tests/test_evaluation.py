"""The sweep against a plain argmax at every threshold, figures worked out by hand, and the JSON people script against."""

import json

import numpy as np
import pytest
import torch

from recam_core.datasets.scenes import Scenes
from recam_core.evaluation import THRESHOLDS, Evaluation, ThresholdSweep, evaluate, figures, to_size
from recam_core.model import build_pair
from recam_core.pipeline import explain
from recam_core.records import READOUTS, EvalStep, HeatmapOptions, UserError

K = 3
OPTIONS = HeatmapOptions(flip=False)


def plain_prediction(maps, class_ids, threshold):
    """Per pixel argmax over [background = threshold, maps]; the first wins a tie."""
    stacked = np.concatenate([np.full((1, *maps.shape[1:]), threshold, np.float32), maps])
    return np.array([0, *[k + 1 for k in class_ids]])[stacked.argmax(axis=0)]


def plain_confusion(pictures, threshold, labels):
    confusion = np.zeros((labels, labels), int)
    for maps, class_ids, mask in pictures:
        predicted = plain_prediction(maps, class_ids, threshold)
        for truth, guess in zip(mask.ravel(), predicted.ravel(), strict=True):
            if truth != 255:
                confusion[truth, guess] += 1
    return confusion


def picture(rng, class_ids, steps):
    """Random maps in hundredths or twentieths: many pixels lie exactly on a threshold, or tie between classes."""
    maps = (rng.integers(0, steps + 1, (len(class_ids), 7, 9)) / steps).astype(np.float32)
    mask = rng.choice(np.array([0, 1, 2, 3, 255], np.uint8), (7, 9))
    return maps, class_ids, mask


@pytest.mark.parametrize("steps", [20, 100, 997])
def test_the_sweep_equals_a_plain_argmax_at_every_threshold(steps):
    rng = np.random.default_rng(steps)
    pictures = [picture(rng, ids, steps) for ids in ([0, 2], [2, 0], [1], [0, 1, 2], [])]
    sweep = ThresholdSweep(K)
    for maps, ids, mask in pictures:
        sweep.add(maps, ids, mask)
    for i, threshold in enumerate(THRESHOLDS):
        assert np.array_equal(sweep.confusion(i), plain_confusion(pictures, threshold, K + 1)), threshold


def test_thresholds_are_hundredths_from_0_to_99():
    assert THRESHOLDS.dtype == np.float32
    assert THRESHOLDS.tolist() == [float(np.float32(i / 100)) for i in range(100)]


def test_a_tie_with_the_background_is_background_and_a_tie_of_classes_goes_to_the_first():
    sweep = ThresholdSweep(2, [0.0, 0.5])
    maps = np.array([[[0.5, 0.0, 0.7]], [[0.5, 0.0, 0.7]]], np.float32)
    sweep.add(maps, [1, 0], np.zeros((1, 3), np.uint8))
    assert sweep.confusion(0)[0].tolist() == [1, 0, 2]
    assert sweep.confusion(1)[0].tolist() == [2, 0, 1]


def test_a_picture_without_classes_is_all_background():
    sweep = ThresholdSweep(2)
    sweep.add(np.zeros((0, 1, 3), np.float32), [], np.array([[0, 2, 255]], np.uint8))
    for i in (0, 99):
        assert sweep.confusion(i).tolist() == [[1, 0, 0], [0, 0, 0], [1, 0, 0]]


def test_a_wholly_ignored_picture_counts_nothing():
    sweep = ThresholdSweep(2)
    sweep.add(np.ones((1, 2, 2), np.float32), [0], np.full((2, 2), 255, np.uint8))
    assert sweep.counts.sum() == 0


def test_sizes_and_labels_that_do_not_fit_are_refused():
    sweep = ThresholdSweep(2)
    with pytest.raises(UserError, match=r"\(2, 3\).*\(3, 2\).*same size"):
        sweep.add(np.ones((1, 2, 3), np.float32), [0], np.zeros((3, 2), np.uint8))
    with pytest.raises(UserError, match="label 3, the model only 2 classes"):
        sweep.add(np.ones((1, 1, 1), np.float32), [0], np.full((1, 1), 3, np.uint8))


def test_figures_of_a_small_confusion():
    # background 6 right, 2 taken for a; a: 3 right, 1 missed; b never occurs
    row = figures(np.array([[6, 2, 0], [1, 3, 0], [0, 0, 0]]))
    assert row["iou"][:2].tolist() == pytest.approx([6 / 9, 3 / 6])
    assert np.isnan(row["iou"][2])
    assert row["miou"] == pytest.approx((6 / 9 + 3 / 6) / 2)
    assert (row["fp"], row["fn"]) == pytest.approx((1 - 4 / 6, 1 - 5 / 6))
    assert (row["precision"], row["recall"]) == pytest.approx((3 / 5, 3 / 4))


def test_iou_fp_and_fn_add_up_to_one_for_each_class():
    rng = np.random.default_rng(0)
    for _ in range(20):
        confusion = rng.integers(0, 50, (K + 1, K + 1))
        row = figures(confusion)
        assert row["iou"][1:].mean() + row["fp"] + row["fn"] == pytest.approx(1)
        for k in range(1, K + 1):  # one class against all others
            rest = confusion.sum() - confusion[k].sum() - confusion[:, k].sum() + confusion[k, k]
            hit, missed, wrong = confusion[k, k], *(confusion.sum(axis=a)[k] - confusion[k, k] for a in (1, 0))
            alone = figures(np.array([[rest, wrong], [missed, hit]]))
            assert alone["iou"][1] == pytest.approx(row["iou"][k])
            assert alone["iou"][1] + alone["fp"] + alone["fn"] == pytest.approx(1)
            assert alone["fp"] == pytest.approx(wrong / (hit + missed + wrong))


def measured(sweeps, pictures=2):
    return Evaluation("m", "scenes", "test", pictures, HeatmapOptions((1.0, 0.5)), ("cat", "dog", "tree"), sweeps)


def test_json_has_the_layout_of_the_contract():
    sweep = ThresholdSweep(K)
    maps, ids, mask = picture(np.random.default_rng(0), [0, 1], 50)
    sweep.add(maps, ids, np.where(mask == 3, 0, mask))
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
    only_background.add(np.zeros((0, 2, 2), np.float32), [], np.zeros((2, 2), np.uint8))
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
