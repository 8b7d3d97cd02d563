"""What was trained or counted is found again, and only as long as it is the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from recam_core.datasets.scenes import Scenes
from recam_core.experiments.study.diagnosis import double_negatives, without_double_negatives
from recam_core.experiments.study.folds import Subset
from recam_core.experiments.study.runs import counted, sce_of_epochs, trained
from recam_core.records import EpochEnd, HeatmapOptions, TrainStep, UserError
from recam_core.training.recipes import RECIPES

CONFIG = replace(RECIPES["scenes"], stage1_epochs=1, stage2_epochs=2, crop=64, long_side_min=64, long_side_max=64)
CPU = torch.device("cpu")


def finish(part):
    """The events of a generator and what it returns."""
    events = []
    while True:
        try:
            events.append(next(part))
        except StopIteration as end:
            return events, end.value


@pytest.fixture(scope="module")
def scenes():
    return Subset(Scenes("samples"), range(4))


@pytest.fixture(scope="module")
def run(tmp_path_factory, scenes):
    out = tmp_path_factory.mktemp("study") / "run"
    events, pair = finish(trained(CONFIG, scenes, out, CPU))
    return out, events, pair


def test_a_finished_run_is_loaded_and_not_trained_again(run, scenes):
    out, events, pair = run
    assert sum(isinstance(event, TrainStep) for event in events) == 3
    again, loaded = finish(trained(CONFIG, scenes, out, CPU))
    assert not any(isinstance(event, TrainStep) for event in again)
    assert loaded.sha256 == pair.sha256
    assert loaded.name == "run"


def test_the_sce_of_every_epoch_of_stage_2_is_kept(run, scenes):
    out, events, _ = run
    ends = [event.loss_sce for event in events if isinstance(event, EpochEnd) and event.stage == 2]
    assert sce_of_epochs(out) == [round(value, 4) for value in ends]
    assert len(ends) == 2
    assert min(ends) > 0


def test_a_run_made_with_other_settings_is_refused(run, scenes):
    with pytest.raises(UserError, match="another fc2_rate"):
        finish(trained(replace(CONFIG, fc2_rate=1e-3), scenes, run[0], CPU))


def test_counts_are_kept_for_the_same_weights_only(run, scenes, tmp_path):
    pair, path = run[2], tmp_path / "counts.npz"
    first, counts = finish(counted(pair, scenes, HeatmapOptions(flip=False), path))
    assert len(first) == 4
    again, loaded = finish(counted(pair, scenes, HeatmapOptions(flip=False), path))
    assert again == []
    for name, pictures in counts.items():
        for a, b in zip(pictures, loaded[name], strict=True):
            assert np.array_equal(a.cells, b.cells)
            assert np.array_equal(a.pixels, b.pixels)
    events, _ = finish(counted(replace(pair, sha256="other"), scenes, HeatmapOptions(flip=False), path))
    assert len(events) == 4


def test_without_double_negatives_only_the_negative_weights_change(run):
    pair = run[2]
    positive = without_double_negatives(pair)
    w, v = pair.recam.head.fc1, pair.recam.head.fc2
    assert torch.equal(positive.recam.class_weights("product"), w.relu() * v.relu())
    assert torch.equal(positive.recam.class_weights("w"), w.relu())
    state, other = pair.recam.state_dict(), positive.recam.state_dict()
    assert all(torch.equal(state[name], other[name]) for name in state if not name.startswith("head."))
    assert (w < 0).any()  # the shared pair is as it was


def test_shares_of_negative_weights(run):
    pair = run[2]
    pair = replace(pair, recam=without_double_negatives(pair).recam)
    with torch.no_grad():
        pair.recam.head.fc1.fill_(-3 / 128**0.5)
        pair.recam.head.fc2.fill_(2)
        pair.recam.head.fc2[:4] = -2
    assert double_negatives(pair) == pytest.approx(
        {"w_negative": 1, "wprime_negative": 0.5, "both_negative": 0.5, "w_length": 3, "wprime_length": 2 * 128**0.5},
        abs=1e-3,
    )
