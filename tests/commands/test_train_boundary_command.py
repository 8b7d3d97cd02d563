"""``train-boundary`` as people call it."""

import json

import pytest
import torch
from safetensors.torch import load_file

from recam_core.__main__ import main
from recam_core.checkpoints.pair_file import load_pair, save_pair
from recam_core.datasets.scenes import SPLITS, Scenes
from recam_core.networks.pair import build_pair
from recam_core.training.recipes import BOUNDARY_RECIPES


@pytest.fixture
def model(tmp_path, monkeypatch):
    """The file of an untrained pair, and a data set of eight pictures."""
    monkeypatch.setitem(SPLITS, "train", 8)
    torch.manual_seed(0)
    save_pair(build_pair("mine", "tiny", Scenes.classes), tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


def train(model, out, *more):
    settings = ("--epochs", 2, "--batch-size", 4, "--crop", 64, "--radius", 3, "--refinement", "none")
    return main([str(part) for part in ("train-boundary", "--model", model, "--out", out, *settings, *more)])


def test_branches_are_trained_from_seeds_to_model(model, tmp_path, capsys):
    assert train(model, tmp_path / "run") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "8/8 train-0007 written" in err
    assert "epoch 2/2 done" in err
    pair = load_pair(tmp_path / "run")
    assert pair.boundary is not None
    settings = pair.card["boundary"]["training"]
    assert (settings["epochs"], settings["readout"]) == (2, BOUNDARY_RECIPES["scenes"].readout)


def test_progress_as_json_lines(model, tmp_path, capsys):
    assert train(model, tmp_path / "run", "--json-lines") == 0
    events = [json.loads(line, parse_constant=pytest.fail) for line in capsys.readouterr().out.splitlines()]
    steps = ["BoundaryStep", "BoundaryStep", "BoundaryEpoch"]
    assert [e["event"] for e in events] == ["MaskStep"] * 8 + steps * 2 + ["Finished"]
    assert events[8]["negative"] > 0


def test_a_stopped_training_says_how_to_go_on_and_does(model, tmp_path, capsys, monkeypatch):
    assert train(model, tmp_path / "straight") == 0
    reads = []

    def until_the_twentieth(self, i, image=Scenes.image):
        reads.append(i)
        if len(reads) == 20:  # 8 seeds, 8 of the first epoch, 4 of the second
            raise KeyboardInterrupt
        return image(self, i)

    with monkeypatch.context() as patch:
        patch.setattr(Scenes, "image", until_the_twentieth)
        assert train(model, tmp_path / "run") == 130
    error = capsys.readouterr().err
    assert "the same command and --resume" in error
    assert "Traceback" not in error
    assert train(model, tmp_path / "run") == 2
    assert "holds a run already" in capsys.readouterr().err
    assert train(model, tmp_path / "run", "--resume") == 0
    straight, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("straight", "run"))
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)


def test_bad_input_is_refused_in_one_sentence(model, tmp_path, capsys):
    for arguments, complaint in (
        (("--resume",), "nothing to resume"),
        (("--crop", 50), "multiple of 4"),
        (("--radius", 12), "at least 92 pixels"),
        (("--foreground", 0.1, "--background", 0.2), "0 ≤ background ≤ foreground"),
        (("--dataset", "coco", "--root", tmp_path / "no data"), "Expected COCO's layout"),
        (("--split", "nowhere"), "splits of scenes are"),
        (("--model", "nobody"), "no model 'nobody'"),
        (("--device", "gpu"), "'gpu' is no device"),
    ):
        assert train(model, tmp_path / "run", *arguments) == 2, arguments
        error = capsys.readouterr().err
        assert complaint in error
        assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", BOUNDARY_RECIPES)
def test_every_recipe_is_a_choice(name, capsys):
    with pytest.raises(SystemExit):
        main(["train-boundary", "--help"])
    assert name in capsys.readouterr().out


def test_it_is_one_process(model, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert train(model, tmp_path / "run") == 2
    assert "one process; start it without a launcher" in capsys.readouterr().err
