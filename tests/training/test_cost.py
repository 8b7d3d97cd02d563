"""The cost told before a run: steps counted by hand, times and sizes of what was tried, and no trace of the trial."""

import json
from dataclasses import replace

import pytest
import torch
from distributed_script import CONFIG, Squares

from recam_core.__main__ import main
from recam_core.networks.model import build_model
from recam_core.records import UserError
from recam_core.system.history import read_history
from recam_core.training import cost
from recam_core.training.cost import _gradient_bytes, estimate_cost
from recam_core.training.two_stage import train

CPU = torch.device("cpu")
SMALL = replace(CONFIG, stage1_epochs=3, stage2_epochs=2)


def test_steps_are_those_that_a_run_takes():
    assert estimate_cost(SMALL, 9, CPU).steps == (3 * 3, 2 * 3)
    assert estimate_cost(replace(SMALL, accumulate=2), 9, CPU).steps == (3 * 2, 2 * 2)
    assert estimate_cost(replace(SMALL, stage2_batch_size=9), 9, CPU).steps == (9, 2)
    assert estimate_cost(replace(SMALL, stage1="scenes"), 9, CPU).steps == (0, 6)


def test_the_whole_is_the_sum_of_its_parts(monkeypatch):
    monkeypatch.setattr(cost, "_seconds", lambda call, device: (call() and 0.0) or 0.5)
    cost_of_run = estimate_cost(SMALL, 8, CPU)
    assert cost_of_run.step_seconds == (1.5, 1.5)  # two pictures of four were tried, then the weights change once
    assert cost_of_run.seconds == (3 + 2) * 2 * 1.5
    scored = estimate_cost(replace(SMALL, validation="val", validation_pictures=10), 8, CPU)
    assert scored.validation_seconds == 5 * 10 * 0.5
    assert scored.seconds == cost_of_run.seconds + scored.validation_seconds
    given = estimate_cost(replace(SMALL, stage1="timm:resnet18"), 8, CPU)
    assert (given.step_seconds, given.seconds) == ((0, 1.5), 2 * 2 * 1.5)
    assert str(given).startswith("about 6 seconds: 4 steps of 1.50 s; ")


def test_reading_is_waited_for_unless_workers_do_it(monkeypatch):
    monkeypatch.setattr(cost, "_seconds", lambda call, device: (call() and 0.0) or 0.5)
    monkeypatch.setattr(cost, "_reading", lambda config, dataset: 0.4)
    data = Squares(((0,), (1,), (2,), ()))
    assert estimate_cost(SMALL, 8, CPU, data).step_seconds == pytest.approx((1.5 + 4 * 0.4,) * 2)
    assert estimate_cost(replace(SMALL, workers=1), 8, CPU, data).step_seconds == pytest.approx((4 * 0.4,) * 2)
    assert estimate_cost(replace(SMALL, workers=4), 8, CPU, data).step_seconds == (1.5, 1.5)


def test_disk_is_what_a_run_leaves_and_the_checkpoint_that_replaces_one(tmp_path):
    list(train(SMALL, Squares(((0,), (1,), (2,), ())), tmp_path, CPU))
    checkpoint, model = ((tmp_path / name).stat().st_size for name in ("checkpoint.pt", "model.safetensors"))
    cost_of_run = estimate_cost(SMALL, 4, CPU, classes=3)
    assert cost_of_run.disk_mib == pytest.approx((2 * checkpoint + model) / 2**20, rel=0.1)


def test_what_is_kept_for_gradients_is_counted_once():
    weight = torch.nn.Parameter(torch.ones(100, 50))
    x = torch.ones(10, 100, requires_grad=True)  # 4,000 bytes
    with _gradient_bytes() as held:
        y = (x @ weight).exp()  # keeps x, and its own result of 2,000 bytes; weights are counted elsewhere
        (x @ weight).sum()  # keeps x again
    assert held[0] == 4000 + 2000
    assert y.shape == (10, 50)


def test_more_pictures_at_a_time_need_more_memory():
    few, many, most = (estimate_cost(replace(SMALL, batch_size=size), 64, CPU).memory_mib for size in (4, 16, 28))
    assert 700 < few < many
    assert most - many == pytest.approx(many - few, abs=0.01)


def test_a_trial_leaves_no_trace():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    estimate_cost(SMALL, 8, CPU)
    assert torch.equal(torch.rand(3), expected)


def test_pictures_that_cannot_be_read_are_said_before():
    with pytest.raises(UserError, match="None of 4 pictures that were tried could be read, for example square-0"):
        estimate_cost(SMALL, 2, CPU, Squares(((0,), (1,)), broken=(0, 1)))
    assert estimate_cost(SMALL, 2, CPU, Squares(((0,), (1,)), broken=(0,))).picture_seconds > 0


def test_the_command_says_it_and_trains_nothing(tmp_path, capsys):
    out = tmp_path / "run"
    arguments = ["--recipe", "scenes", "--split", "samples", "--validation", "samples", "--device", "cpu"]
    assert main(["train", *arguments, "--estimate", "--json-lines", "--out", str(out)]) == 0
    output = capsys.readouterr().out
    assert output.startswith('{"event": "Cost", "seconds": ')
    assert not out.exists()
    assert read_history(out) == []


def test_the_networks_are_those_of_the_run():
    cost_of_run = estimate_cost(replace(SMALL, backbone="resnet18_s16"), 8, CPU)
    size = sum(p.nbytes for p in build_model("resnet18_s16", "cam", 20).parameters())
    assert cost_of_run.disk_mib * 2**20 > 2 * 2 * size


def test_the_command_says_it_without_a_folder_and_trains_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = ["--crop", "32", "--long-side-min", "32", "--long-side-max", "32", "--validation", ""]
    assert main(["train", "--recipe", "quick-scenes", *small, "--estimate", "--json-lines"]) == 0
    assert json.loads(capsys.readouterr().out)["event"] == "Cost"
    assert list(tmp_path.iterdir()) == []
    assert main(["train", "--recipe", "quick-scenes"]) == 2
    assert "--out runs/mine" in capsys.readouterr().err
