"""Two processes of batch B learn what one learns from batches of 2B, whatever is missing from a batch; one speaks for all."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import distributed_script
import pytest
import torch
from distributed_script import CASES, COMMAND
from safetensors.torch import load_file

from recam_core.__main__ import main
from recam_core.checkpoints.pair_file import RUN_MODEL
from recam_core.system.history import read_history

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")


def launched(out):
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    launcher = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone")
    whole = [*launcher, str(ROOT / "tests" / "distributed_script.py"), str(out)]
    with subprocess.Popen(whole, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            out, err = process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            process.terminate()  # it then ends its processes, which a kill would leave behind
            raise
        return subprocess.CompletedProcess(whole, process.returncode, out, err)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """All cases and the command by two processes, and how they ended."""
    out = tmp_path_factory.mktemp("together")
    return out, launched(out)


def weights(folder):
    return load_file(folder / RUN_MODEL)


def assert_close(one, two):
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")


def events_of(folder, *fields):
    return [{name: event.get(name) for name in ("event", *fields)} for event in read_history(folder)]


@pytest.mark.parametrize("case", CASES)
def test_two_processes_are_one_with_batches_twice_as_large(together, tmp_path, case):
    config = CASES[case][0]
    distributed_script.run(tmp_path, case, replace(config, batch_size=2 * config.batch_size))
    assert_close(weights(together[0] / case), weights(tmp_path / case))
    same = ("stage", "epoch", "step", "steps", "name", "reason", "pictures", "skipped")
    assert events_of(together[0] / case, *same) == events_of(tmp_path / case, *same)
    for mine, theirs in zip(read_history(tmp_path / case), read_history(together[0] / case), strict=True):
        if mine["event"] in ("TrainStep", "EpochEnd"):
            assert (mine["loss_bce"], mine["loss_sce"]) == pytest.approx(
                (theirs["loss_bce"], theirs["loss_sce"]), abs=1e-5
            )


@pytest.mark.parametrize("case", ["uneven", "broken", "without-class"])
def test_accumulated_batches_are_one_large_batch(tmp_path, case):
    config = CASES[case][0]
    distributed_script.run(tmp_path / "one", case, replace(config, batch_size=4, accumulate=1))
    distributed_script.run(tmp_path / "several", case, replace(config, batch_size=2, accumulate=2))
    assert_close(weights(tmp_path / "one" / case), weights(tmp_path / "several" / case))


def test_a_launcher_s_own_accumulation_changes_nothing(tmp_path, monkeypatch):
    config = CASES["uneven"][0]
    distributed_script.run(tmp_path / "plain", "uneven", config)
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    distributed_script.run(tmp_path / "said", "uneven", config)
    assert_close(weights(tmp_path / "plain" / "uneven"), weights(tmp_path / "said" / "uneven"))


def test_all_stop_together_and_one_says_why(together):
    done = together[1]
    assert done.returncode != 0
    assert done.stdout.count("None of the 2 pictures of scenes train could be read") == 1
    assert "refused" not in done.stderr
    assert "-15" not in done.stderr.split("Root Cause")[-1]  # nobody had to be ended before they could speak


def test_the_command_is_one_program_however_many_run_it(together, tmp_path):
    two, one = together[0] / "command", tmp_path / "one"
    assert together[1].stderr.count("stage 2 epoch 1/1 done") == 1, together[1].stderr
    assert main([*COMMAND, "--batch-size", "10", "--out", str(one)]) == 0
    assert_close(weights(two), weights(one))
    assert events_of(two, "stage", "epoch", "step", "file") == events_of(one, "stage", "epoch", "step", "file")
    assert sorted(p.name for p in two.rglob("*")) == sorted(p.name for p in one.rglob("*"))
