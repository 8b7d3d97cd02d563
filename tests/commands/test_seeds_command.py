"""``seeds`` without a screen: exit codes, sentences, resuming, and two real processes that share a data set."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from recam_core.__main__ import main
from recam_core.checkpoints.pair_file import save_pair
from recam_core.commands import seeds as command
from recam_core.datasets.scenes import SPLITS, Scenes
from recam_core.networks.pair import build_pair
from recam_core.records import MaskStep, UserError

ROOT = Path(__file__).parents[2]
SCORES = {"scenes test, one scale": {"readouts": {"w": {"threshold": 0.33}}}}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "untrained.safetensors"
    save_pair(build_pair("untrained", "tiny", Scenes.classes, {"scores": SCORES, "walk": {"steps": 8}}), path)
    return path


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setitem(SPLITS, "samples", 3)


def words(model, out, *more):
    return ["seeds", "--dataset", "scenes", "--split", "samples", "--model", str(model), "--no-flip", "--device", "cpu",
            "--out", str(out), *(str(m) for m in more)]  # fmt: skip


def run(*arguments):
    try:
        return main(words(*arguments))
    except SystemExit as stop:
        return stop.code


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(("refine", "threshold", "options"), [
    (("none",), 0.33, {}), (("climb",), 0.33, {"xi": 0.0723}),
    (("walk", "--boundary", "gradient"), 0.28, {"steps": 8, "radius": 5}),
])  # fmt: skip
def test_seeds_write_a_mask_a_picture_and_say_the_threshold(refine, threshold, options, few, model, tmp_path, capsys):
    assert run(model, tmp_path / "out", "--refine", *refine) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert f"background threshold {threshold:g}" in output.err
    assert "3/3 samples-0002 written" in output.err
    assert set(contents(tmp_path / "out")) == {"seeds.json", *(f"samples-000{i}.png" for i in range(3))}
    settings = json.loads((tmp_path / "out" / "seeds.json").read_text("utf-8"))
    assert settings["threshold"] == threshold
    assert options.items() <= settings.get(refine[0], {}).items()
    with Image.open(tmp_path / "out" / "samples-0001.png") as image:
        assert image.mode == "P"
        present = set(np.unique(np.array(image))) - {0}
    assert present <= {int(k) + 1 for k in np.flatnonzero(Scenes("samples").labels(1))}


def test_json_lines_are_only_events(few, model, tmp_path, capsys):
    assert run(model, tmp_path / "out", "--json-lines", "--threshold", 0.5) == 0
    output = capsys.readouterr()
    events = [json.loads(line, parse_constant=pytest.fail) for line in output.out.splitlines()]
    assert [e["event"] for e in events] == ["MaskStep"] * 3 + ["Finished"]
    assert events[1] == {
        "event": "MaskStep",
        "done": 2,
        "total": 3,
        "name": "samples-0001",
        "state": "written",
        "why": "",
    }
    assert events[-1]["detail"] == {"written": 3, "kept": 0, "skipped": 0}
    assert "0.5 (as asked for)" in output.err


def test_a_stopped_run_goes_on_where_it_was(few, model, tmp_path, capsys, monkeypatch):
    assert run(model, tmp_path / "straight") == 0

    def interrupted(self):
        if self.done == 2:
            raise KeyboardInterrupt
        return "step"

    with monkeypatch.context() as patch:
        patch.setattr(MaskStep, "__str__", interrupted)
        assert run(model, tmp_path / "out") == 130
    error = capsys.readouterr().err
    assert "The same command goes on" in error
    assert "Traceback" not in error
    assert run(model, tmp_path / "out") == 0
    assert "written 1  kept 2" in capsys.readouterr().err
    assert contents(tmp_path / "out") == contents(tmp_path / "straight")


def test_broken_pictures_are_counted_and_named(few, model, tmp_path, capsys, monkeypatch):
    def broken(self, i, image=Scenes.image):
        if i == 1:
            raise UserError("“one.jpg” is damaged.")
        return image(self, i)

    monkeypatch.setattr(Scenes, "image", broken)
    assert run(model, tmp_path / "out") == 0
    error = capsys.readouterr().err
    assert "2/3 samples-0001 skipped: “one.jpg” is damaged." in error
    assert error.splitlines()[-1] == "1 of 3 pictures could not be read and have no mask: samples-0001"


@pytest.mark.parametrize(("more", "complaint"), [
    (("--threshold", 7), "from 0 to 1; got 7"), (("--refine", "walk"), "train-boundary"),
    (("--steps", 8), "--steps would change nothing"), (("--refine", "walk", "--steps", -1), "t must be"),
    (("--refine", "walk", "--radius", 1), "radius must be"), (("--split", "nowhere"), "splits of scenes are"),
    (("--model", "nobody"), "no model 'nobody'"), (("--scales", 9), "0.25 to 4"),
    (("--dataset", "coco", "--root", "nowhere"), "Expected COCO's layout"), (("--device", "tpu"), "tpu"),
])  # fmt: skip
def test_seeds_refuse_in_one_sentence(more, complaint, few, model, tmp_path, capsys):
    assert run(model, tmp_path / "out", *more) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("python -m recam_core: ")
    assert complaint in error
    assert not list(tmp_path.rglob("*.png"))


def test_a_strange_launcher_is_refused(few, model, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("RANK", "3")
    assert run(model, tmp_path / "out") == 2
    assert "RANK must be below WORLD_SIZE" in capsys.readouterr().err


def test_each_process_of_a_machine_gets_its_own_card(model, tmp_path, monkeypatch):
    asked = []

    def pick(name):
        asked.append(name)
        raise UserError("enough")

    monkeypatch.setattr(command, "pick_device", pick)
    monkeypatch.setattr(command.torch.cuda, "device_count", lambda: 2)
    for name, value in (("RANK", "3"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    assert run(model, tmp_path / "out", "--device", "auto") == 2
    assert asked == ["cuda:1"]


@pytest.mark.process
def test_two_processes_write_exactly_what_one_writes(model, tmp_path):
    def process(out, **more):
        command = [sys.executable, "-m", "recam_core", *words(model, out, "--json-lines")]
        return subprocess.Popen(command, cwd=ROOT, env=os.environ | more, stdout=subprocess.PIPE, text=True)

    two = [process(tmp_path / "two", RANK=str(r), WORLD_SIZE="2", LOCAL_RANK=str(r)) for r in range(2)]
    printed = [p.communicate(timeout=120)[0] for p in two]
    assert [p.returncode for p in two] == [0, 0]
    done = [[json.loads(line)["name"] for line in text.splitlines()[:-1]] for text in printed]
    assert done[0] == [f"samples-{i:04d}" for i in range(0, 12, 2)]
    assert done[1] == [f"samples-{i:04d}" for i in range(1, 12, 2)]
    assert run(model, tmp_path / "one") == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(contents(tmp_path / "one")) == 13
