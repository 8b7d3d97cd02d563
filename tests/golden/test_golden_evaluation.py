"""Golden part 7: confusion matrices and scores of the reference's evaluation, at every threshold the file has."""

import re

import numpy as np

from recam_core.sweep import ThresholdSweep, count_pixels, figures
from recam_core.visualise import labels_from_maps


def test_confusion_and_scores(golden):
    v = golden("eval_cam")
    names = sorted(key for key in v if re.fullmatch(r"confusion_th\d+", key))
    thresholds = np.array([int(name.removeprefix("confusion_th")) / 100 for name in names], np.float32)
    sweep = ThresholdSweep(len(v[names[0]]) - 1, thresholds)
    for i in range(int(v["n_images"])):
        sweep.add(count_pixels(v[f"cam_{i}"], v[f"keys_{i}"], v[f"label_{i}"], sweep.labels, thresholds))
    for index, name in enumerate(names):
        suffix = name.removeprefix("confusion_")
        confusion = sweep.confusion(index)
        scores = figures(confusion)
        np.testing.assert_array_equal(confusion, v[name])
        np.testing.assert_allclose(scores["iou"], v[f"iou_{suffix}"], atol=1e-6)
        np.testing.assert_allclose(scores["miou"], v[f"miou_{suffix}"], atol=1e-6)
        foreground = confusion[:, 1:].sum()
        np.testing.assert_allclose(confusion[0, 1:].sum() / foreground, v[f"false_fg_frac_{suffix}"], atol=1e-6)


def test_predicted_labels(golden):
    v = golden("eval_cam")
    for key in (key for key in v if key.startswith("pred_th")):
        threshold, i = re.fullmatch(r"pred_th(\d+)_(\d+)", key).groups()
        labels = labels_from_maps(v[f"cam_{i}"], v[f"keys_{i}"], int(threshold) / 100)
        np.testing.assert_array_equal(labels, v[key])
