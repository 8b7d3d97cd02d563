"""The benchmark's own measuring: peaks counted by hand, medians and ratios, the layout that scripts read."""

import json
import re
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from recam_core.__main__ import main
from recam_core.checkpoints.pair_file import load_pair
from recam_core.datasets import open_dataset
from recam_core.datasets.samples import read_sample
from recam_core.evaluation.store import open_store
from recam_core.evaluation.sweep import PixelCounts
from recam_core.experiments.benchmarks import BENCHMARKS, evaluate, refit, share, store, walk
from recam_core.experiments.benchmarks.climb import step_row
from recam_core.experiments.benchmarks.explain import backbone_row, parts_row
from recam_core.experiments.benchmarks.measure import Row, matrix_rate, paired, peak_mib
from recam_core.experiments.benchmarks.train import class_feature_rows, throughput_row, whole_step_row, write_photos
from recam_core.networks.model import build_model
from recam_core.records import RefitConfig, TrainConfig

pytestmark = pytest.mark.slow

MIB = 2**18  # float32 numbers in a MiB


def test_peak_counts_what_lives_at_the_same_time():
    def call():
        a = torch.zeros(MIB)
        del a
        b = torch.zeros(2 * MIB)
        return b + 1  # 2 + 2 MiB at once, the first one is gone

    assert peak_mib(call) == pytest.approx(4, abs=0.01)


def test_views_and_what_was_there_before_cost_nothing():
    before = torch.zeros(8 * MIB)
    assert peak_mib(lambda: before.view(8, -1)[2:].t()) == pytest.approx(0, abs=0.01)


def test_paired_gives_medians_of_both():
    ours, plain, spread = paired(lambda: time.sleep(0.001), lambda: time.sleep(0.02), rounds=3)
    assert 0.001 <= ours < 0.02 <= plain
    assert "ours" in spread


def test_a_store_that_repeats_measured_pictures_is_opened_and_asked(tmp_path):
    cells = np.array([0, 5, 2 * 81 * 101 + 3 * 101 + 7])  # background, background at level 5, label 2 that 3 wins
    counted = [dict.fromkeys(store.MAPS[:-1], PixelCounts(cells, np.array([90, 5, 40])))]
    store.write_store(tmp_path, tuple(f"class {k}" for k in range(80)), counted, 300)
    assert open_store(tmp_path).sweep("cam").counts.sum(axis=(0, 1)).astype(bool).nonzero()[0].tolist() == [0, 5, 7]
    answers = {answer.what: answer for answer in store.visit(str(tmp_path))}
    assert list(answers) == ["start", "open", "curves", "sides", "threshold", "filter", "interval"]
    assert all(answer.seconds >= 0 and answer.mib > 10 for answer in answers.values())


def test_two_shares_of_an_evaluation_count_what_one_process_counts(tmp_path):
    row = share.two_processes_row(tmp_path, 2)  # which asserts it
    assert row.plain_s is not None
    assert row.ratio == pytest.approx(row.plain_s / row.ours_s)


def test_class_features_need_a_small_part_of_the_plain_memory():
    rows = {row.name: row for row in class_feature_rows(torch.device("cpu"), side=8, rounds=1)}
    assert set(rows) == {"train/recam-k20", "train/recam-k80"}
    row = rows["train/recam-k80"]
    assert row.plain_mib / row.ours_mib >= 20
    assert row.ratio == pytest.approx(row.plain_s / row.ours_s)


def test_a_climb_step_is_compared_with_the_plain_form_and_leaves_no_hooks():
    torch.manual_seed(0)
    model = build_model("resnet18_s16", "cam", 20).requires_grad_(False)
    row = step_row(model, np.random.default_rng(0).integers(0, 256, (64, 80, 3), dtype=np.uint8), "80×64", rounds=1)
    assert row.name == "climb/step"
    assert row.ratio == pytest.approx(row.plain_s / row.ours_s)
    assert not any(m._forward_hooks or m._backward_hooks for m in model.modules())


def test_a_walk_is_compared_with_dense_squaring(monkeypatch):
    monkeypatch.setattr(walk, "GRIDS", ((9, 11),))
    monkeypatch.setattr(walk, "SMALL", ((6, 7), (7, 9)))
    rows = {row.name: row for row in walk.walk_rows(torch.device("cpu"))}
    assert set(rows) == {"walk/9x11", "walk/kept-t", "walk/jump"}
    row = rows["walk/9x11"]
    assert row.ratio == pytest.approx(row.plain_s / row.ours_s)
    assert row.plain_mib == pytest.approx(2 * 99**2 * 4 / 2**20)
    assert 0 < row.ours_mib < 1


def test_evaluating_is_compared_with_each_readout_and_with_one_threshold():
    pair = load_pair("scenes")
    data = evaluate.sample_photos(pair, ["coffee"])
    rows = [evaluate.readouts_row(pair, data, rounds=1), evaluate.thresholds_row(pair, data, rounds=1)]
    assert [row.name for row in rows] == ["evaluate/readouts", "evaluate/thresholds"]
    assert all(row.ratio == pytest.approx(row.plain_s / row.ours_s) for row in rows)
    assert "100 thresholds cost" in rows[1].note


def test_a_moved_lambda_is_timed_with_its_scores(monkeypatch):
    monkeypatch.setattr(refit, "LAMBDAS", (1.0,))
    monkeypatch.setattr(refit, "default_refit", lambda backbone: RefitConfig(steps=2, batch_size=2))
    pair = load_pair("photos")
    data = refit.sample_crops(pair, 3)
    assert {len(ids) for ids in data.ids} == {1, 3}
    assert set(np.unique(data.mask(2))) == {0, *(k + 1 for k in data.ids[2])}
    row = refit.refit_row("refit/photos", pair, data, 3, 96, "chelsea")
    assert row.shape.startswith("3 pictures, 1280×")
    assert row.ours_s > 0
    assert row.ratio is None
    assert "of which fitting and scoring" in row.note


def test_matrix_rate_is_a_rate():
    assert matrix_rate(torch.device("cpu"), side=128) > 1e6


def test_json_has_the_documented_layout(tmp_path, monkeypatch, capsys):
    row = Row("explain/readouts", "500×375", 1.0, 4.0, 4.0, note="four passes")
    monkeypatch.setattr("recam_core.commands.benchmark.BENCHMARKS", {"explain": lambda device: iter([row])})
    path = tmp_path / "rows.json"
    assert main(["benchmark", "explain", "--device", "cpu", "--json", str(path)]) == 0
    report = json.loads(path.read_text("utf-8"))
    assert set(report) == {"device", "threads", "torch", "date", "rows"}
    assert report["rows"] == [
        {
            "name": "explain/readouts",
            "shape": "500×375",
            "ours_s": 1.0,
            "plain_s": 4.0,
            "ratio": 4.0,
            "ours_mib": None,
            "plain_mib": None,
            "floor_s": None,
            "note": "four passes",
        }
    ]
    assert "4.00×" in capsys.readouterr().out


def test_a_whole_step_is_compared_with_the_masked_features_and_needs_less_memory():
    row = whole_step_row(torch.device("cpu"), 8, backbone="tiny", batch=2, side=64, rounds=1)
    assert row.name == "train/step-k8"
    assert row.ratio == pytest.approx(row.plain_s / row.ours_s)
    assert row.ours_mib < row.plain_mib


@pytest.mark.process
def test_the_training_command_is_timed_on_pictures_of_its_own(tmp_path):
    config = TrainConfig(
        backbone="tiny", crop=32, long_side_min=40, long_side_max=48, batch_size=2, stage1_epochs=1, stage2_epochs=1
    )
    other = replace(
        config, backbone="resnet18_s16", validation="val2017", workers=2
    )  # the command would take a recipe's split
    for name, settings, loaded in (("tiny", config, "the process itself"), ("resnet", other, "2 workers")):
        row = throughput_row(name, settings, torch.device("cpu"))
        assert (row.name, row.shape) == (f"train/{name}", "2×3×32×32")
        assert row.ours_s > 0
        assert f"loaded by {loaded}: " in row.note
        assert "% of the time waiting for data" in row.note
    write_photos(tmp_path, "timed", 3)
    dataset = open_dataset("coco", str(tmp_path), "timed")
    assert [int(dataset.labels(i).sum()) for i in range(3)] == [2, 2, 2]
    assert dataset.image(0).shape == (480, 640, 3)


def test_a_backbone_pass_is_compared_with_the_plain_one_and_with_its_floor(monkeypatch):
    monkeypatch.setattr("recam_core.experiments.benchmarks.explain.matrix_rate", lambda device: 1e11)
    torch.manual_seed(0)
    model = build_model("resnet18_s16", "cam", 5).requires_grad_(False)
    row = backbone_row("explain/backbone", "a net", model, np.zeros((64, 80, 3), np.uint8), "80×64", rounds=1)
    assert row.ratio == pytest.approx(row.plain_s / row.ours_s)
    assert row.floor_s == pytest.approx(float(re.search(r"([\d.]+) GFLOP", row.note)[1]) * 1e9 / 1e11, rel=0.1)
    assert min(row.ours_mib, row.plain_mib) > 0
    assert f"{row.ours_s / row.floor_s:.2f}× the matrix floor" in row.note


def test_the_parts_of_a_picture_s_time_are_named_and_sum_to_a_whole():
    pair = load_pair("scenes").folded()
    row = parts_row(pair, read_sample("scene-fish-boat")[0].pixels, "a scene")
    shares = [int(number) for number in re.findall(r"(\d+)%", row.note)]
    assert len(shares) == 4
    assert sum(shares) == pytest.approx(100, abs=2)


def test_everything_that_is_registered_is_run_by_all(monkeypatch, capsys):
    rows = {name: Row(f"{name}/row", "", 1.0) for name in ("one", "two")}
    monkeypatch.setattr(
        "recam_core.commands.benchmark.BENCHMARKS",
        {name: lambda device, r=row: iter([r]) for name, row in rows.items()},
    )
    assert main(["benchmark", "all", "--device", "cpu"]) == 0
    output = capsys.readouterr().out
    assert all(f"{name}/row" in output for name in rows)
    assert set(BENCHMARKS) >= {"explain", "train", "climb", "walk", "serve"}
