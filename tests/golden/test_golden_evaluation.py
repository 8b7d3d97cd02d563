"""Golden part 7: confusion matrices and scores of the reference's evaluation, at every threshold the file has."""

import re
from dataclasses import replace

import numpy as np

from recam_core.evaluation.metrics import figures
from recam_core.evaluation.store import MapMaker, open_store
from recam_core.evaluation.store.layout import PictureEntry, write_settings
from recam_core.evaluation.store.writing import PartWriter, store_settings
from recam_core.evaluation.sweep import ThresholdSweep, count_pixels
from recam_core.images.visualise import labels_from_maps
from recam_core.networks.pair import build_pair
from recam_core.records import HeatmapOptions


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


def test_a_store_agrees_at_every_threshold(golden, tmp_path):
    v = golden("eval_cam")
    names = sorted(key for key in v if re.fullmatch(r"confusion_th\d+", key))
    thresholds = np.array([int(name.removeprefix("confusion_th")) / 100 for name in names], np.float32)
    classes = tuple(f"class {k}" for k in range(len(v[names[0]]) - 1))
    maps = MapMaker(replace(build_pair("golden", "tiny", classes), sha256="0"), HeatmapOptions(), ("cam",))
    settings = store_settings(maps, Golden(v, classes), ("golden", "", ""), "", thresholds)
    part = PartWriter(tmp_path, settings)
    for i in range(int(v["n_images"])):
        mask, ids = v[f"label_{i}"], tuple(int(k) for k in v[f"keys_{i}"])
        counts = count_pixels(v[f"cam_{i}"], ids, mask, len(classes) + 1, thresholds)
        part.add(i, PictureEntry(f"{i}", mask.shape, ids, True, 1, "", {}), [(0, counts.cells, counts.pixels)])
    part.write()
    write_settings(tmp_path, settings, finished=True)
    store = open_store(tmp_path)
    for index, name in enumerate(names):
        suffix = name.removeprefix("confusion_")
        np.testing.assert_array_equal(store.confusion("cam", index), v[name])
        total = store.areas("cam", index).total()
        np.testing.assert_allclose(total["iou"], v[f"iou_{suffix}"], atol=1e-6)
        np.testing.assert_allclose(total["miou"], v[f"miou_{suffix}"], atol=1e-6)
        np.testing.assert_allclose(store.curves("cam").miou[index], v[f"miou_{suffix}"], atol=1e-6)


class Golden:
    """What the settings of a store ask of a data set."""

    def __init__(self, v, classes):
        self.count, self.classes = int(v["n_images"]), classes

    def __len__(self):
        return self.count

    def name(self, i):
        return str(i)
