"""Pictures that a network never saw stand at a threshold that was chosen on those of the other folds."""

from types import SimpleNamespace

import numpy as np
import torch

from recam_core.datasets.scenes import Scenes
from recam_core.evaluation.sweep import THRESHOLDS, count_pixels
from recam_core.experiments.study import coco
from recam_core.experiments.study.runs import Workplace

WRONG = (0.25, 0.25, 0.25, 0.65)  # how loud the background is in each fold
TRUTH = np.array([[0, 0, 1, 1]], np.uint8)


def counts_of(fold):
    return count_pixels(np.array([[[WRONG[fold], 0, 1, 1]]], np.float32), [0], TRUTH, 9)


def test_every_fold_is_unseen_and_has_the_threshold_of_the_others(tmp_path, monkeypatch):
    trainings, tables = [], []

    def trained(config, dataset, out, device):
        trainings.append((out.name, config.recam_weight, set(dataset.indices)))
        yield from ()
        return SimpleNamespace(name=out.name)

    def counted(pair, dataset, options, path, readouts=("cam", "w")):
        assert not trainings[-1][2] & set(dataset.indices)  # nothing of what is scored was trained on
        yield from ()
        return {name: [counts_of(int(pair.name[-1]))] * len(dataset) for name in readouts}

    monkeypatch.setattr(coco, "open_dataset", lambda *_: Scenes("samples"))
    monkeypatch.setattr(coco, "trained", trained)
    monkeypatch.setattr(coco, "counted", counted)
    monkeypatch.setattr(coco, "seed_table", lambda runs, labels: tables.append((runs, labels)))
    assert not list(coco.folds_part(Workplace(tmp_path, torch.device("cpu"))))

    assert [name for name, *_ in trainings] == [f"{kind}{k}" for k in range(4) for kind in ("fold", "control")]
    assert {weight for name, weight, _ in trainings if name.startswith("control")} == {0.0}
    (((run,), labels),) = tables
    assert labels == 9
    assert set(run) == {"cam", "w", "control"}
    pictures, thresholds = run["w"]
    assert len(pictures) == len(thresholds) == 12
    values = THRESHOLDS[thresholds]
    assert np.allclose(values[9:], values[9])
    assert 0.25 <= values[9] < 0.3  # the loud fold does not choose its own
    assert values[0] >= 0.65  # nor do the others choose theirs: there 0.65 is right for one of three
