"""Which trainings the parts on Pascal VOC ask for, what each begins with, and which are compared."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from recam_core.experiments.study import voc
from recam_core.experiments.study.plans import SEEDS, VOC_DEEPER
from recam_core.experiments.study.runs import Workplace


@pytest.fixture
def course(monkeypatch, tmp_path):
    """Run a part without training or scoring: the settings of each run by its folder, and the pairs that were compared."""
    settings, compared = {}, []

    def trained(config, dataset, out, device):
        settings[out.name] = config
        yield
        return SimpleNamespace(name=out.name)

    def counts(place, pair, control, split, view):
        compared.append((pair.name, control and control.name, split, view))
        yield
        return {"cam": []}

    monkeypatch.setattr(voc, "trained", trained)
    monkeypatch.setattr(voc, "_with_control", counts)
    monkeypatch.setattr(voc, "_split", lambda place, split: SimpleNamespace(classes=("cat",)))
    monkeypatch.setattr(voc, "check_masks", lambda dataset: None)
    monkeypatch.setattr(voc, "best_threshold", lambda counts, labels: 0)
    monkeypatch.setattr(voc, "seed_table", lambda runs, labels: len(runs))

    def run(part):
        events = part(Workplace(tmp_path, torch.device("cpu")))
        while True:
            try:
                next(events)
            except StopIteration as stop:
                return stop.value, settings, compared

    return run


def test_more_of_the_network_learns_in_runs_of_their_own_with_their_own_control(course, tmp_path):
    result, settings, compared = course(voc.deeper_part)
    assert set(settings) == {f"deeper-{name}{seed}" for name in ("seed", "control-seed") for seed in SEEDS}
    assert settings["deeper-seed1"] == replace(voc.RECIPE, **VOC_DEEPER, seed=1)
    start = str(tmp_path / "voc" / "deeper-seed1")
    assert settings["deeper-control-seed1"] == replace(settings["deeper-seed1"], stage1=start, recam_weight=0.0)
    assert set(compared) == {
        (f"deeper-seed{seed}", f"deeper-control-seed{seed}", split, "one scale")
        for seed in SEEDS
        for split in ("train", "val")
    }
    assert result["views"] == {"train, one scale": 3, "val, one scale": 3}


def test_another_weight_begins_with_the_stage_1_of_the_same_settings(course, tmp_path):
    _, settings, _ = course(voc.deeper_small_lambda_part)
    other = settings["deeper-variant-recam_weight-0.1-seed2"]
    assert other.stage1 == str(tmp_path / "voc" / "deeper-seed2")
    assert (other.recam_weight, other.frozen_parts) == (0.1, VOC_DEEPER["frozen_parts"])


def test_four_scales_are_measured_with_the_first_seed_and_without_the_control(course):
    _, settings, compared = course(voc.seeds_part)
    assert "recipe-seed0" in settings
    assert "control-seed0" in settings
    assert [entry for entry in compared if entry[3] == "four scales"] == [
        ("recipe-seed0", None, "train", "four scales"), ("recipe-seed0", None, "val", "four scales")
    ]  # fmt: skip
