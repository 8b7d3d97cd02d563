"""``python -m recam_core import``: what it writes, what it says, and that a refused file leaves everything as it was."""

import pytest
import torch
from hostile import Hostile
from safetensors.torch import load_file

from recam_core.__main__ import main
from recam_core.checkpoints.pair_file import known_models, load_pair, read_header, save_pair
from recam_core.networks.pair import build_pair


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where imported models go."""
    monkeypatch.setenv("RECAM_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def names(tmp_path):
    (tmp_path / "names.txt").write_text("cat\ndog\ntree\n", "utf-8")
    return tmp_path / "names.txt"


def run(*arguments):
    try:
        return main(["import", *map(str, arguments)])
    except SystemExit as stop:
        return stop.code


def refused(capsys, *arguments):
    assert run(*arguments) == 2
    err = capsys.readouterr().err
    assert "Traceback" not in err
    return err


def test_a_classifier_becomes_a_model_in_the_list(saved, classifier_state, folder, names, capsys):
    path = saved(classifier_state(), "resnet18.pth")
    assert run(path, "--name", "my-cats", "--classes", names, "--activation", "softmax") == 0
    output = capsys.readouterr().out
    assert "resnet18.pth: a torchvision or timm classifier: resnet18, 3 classes" in output
    assert "3 classes, resnet18_s16, readouts cam" in output
    assert "it has no FC2" in output
    assert known_models()["my-cats"] == folder / "my-cats.safetensors"
    pair = load_pair("my-cats")
    assert (pair.name, pair.classes) == ("my-cats", ("cat", "dog", "tree"))
    assert [p.name for p in folder.iterdir()] == ["my-cats.safetensors"]


def test_other_commands_take_what_the_model_has(saved, classifier_state, names, tmp_path, capsys):
    path = saved(classifier_state(), "resnet18.pth")
    run(path, "--name", "mine", "--classes", names, "--activation", "softmax")
    look = ["--model", "mine", "--long-side", "64", "--no-flip"]
    assert main(["explain", "chelsea", *look, "--out", str(tmp_path / "explained")]) == 0
    output = capsys.readouterr().out
    assert "1 backbone pass in" in output
    assert "softmax probability" in output
    assert {p.name for p in (tmp_path / "explained").iterdir() if p.is_dir()} == {"cam"}
    assert main(["climb", "chelsea", *look, "--steps", "2", "--out", str(tmp_path / "climbed")]) == 0
    walk = ["--boundary", "gradient", "--steps", "4", "--out", str(tmp_path / "walked")]
    assert main(["walk", "chelsea", *look, *walk]) == 0
    capsys.readouterr()
    assert main(["explain", "chelsea", *look, "--readouts", "cam,w", "--out", str(tmp_path / "no")]) == 2
    assert "The model mine has the readout cam only: it has no FC2" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_a_name_that_is_taken_and_names_that_are_no_names(saved, classifier_state, folder, names, capsys):
    path = saved(classifier_state(), "resnet18.pth")
    arguments = ["--classes", names, "--activation", "sigmoid"]
    run(path, "--name", "mine", *arguments)
    before = (folder / "mine.safetensors").read_bytes()
    for name in ("mine", "mine ", "scenes"):
        message = refused(capsys, path, "--name", name, *arguments)
        assert f"There is a model called “{name.strip()}” already" in message
    assert (folder / "mine.safetensors").read_bytes() == before
    for name in ("../mine", "a/b", "a b", ".hidden", "", "x" * 61):
        assert "cannot be a model's name" in refused(capsys, path, "--name", name, *arguments)
    out = ("--out", folder / "mine.safetensors")
    assert "There is a file mine.safetensors" in refused(capsys, path, "--name", "other", *arguments, *out)
    long = ("--out", folder / f"{'x' * 300}.safetensors")
    assert "could not be written" in refused(capsys, path, "--name", "other", *arguments, *long)
    assert [p.name for p in folder.parent.glob("**/*.safetensors")] == ["mine.safetensors"]


def test_the_longest_name_fits_a_folder(saved, classifier_state, folder, names):
    name = "\U00020000" * 60  # 240 bytes
    path = saved(classifier_state(), "resnet18.pth")
    assert run(path, "--name", f"{name} ", "--classes", names, "--activation", "sigmoid") == 0
    assert [p.name for p in folder.iterdir()] == [f"{name}.safetensors"]


def test_a_hostile_file_leaves_nothing(tmp_path, saved, folder, capsys):
    path = saved({"fc.weight": Hostile(tmp_path / "marker")}, "evil.pth")
    assert "evil.pth wants to run code" in refused(capsys, path, "--name", "evil")
    assert not (tmp_path / "marker").exists()
    assert not folder.exists()


def test_a_model_of_this_project_is_copied_bit_for_bit(tmp_path, folder, capsys):
    torch.manual_seed(0)
    save_pair(
        build_pair("theirs", "tiny", ("a", "b"), {"about": "theirs"}), tmp_path / "theirs.safetensors", torch.float16
    )
    assert run(tmp_path / "theirs.safetensors", "--name", "ours") == 0
    before, after = load_file(tmp_path / "theirs.safetensors"), load_file(folder / "ours.safetensors")
    assert all(torch.equal(before[k], after[k]) and before[k].dtype == after[k].dtype for k in before)
    assert read_header(folder / "ours.safetensors") == read_header(tmp_path / "theirs.safetensors") | {"name": "ours"}


def test_a_damaged_model_of_this_project_is_not_copied(tmp_path, folder, capsys):
    save_pair(build_pair("theirs", "tiny", ("a", "b")), tmp_path / "theirs.safetensors")
    data = (tmp_path / "theirs.safetensors").read_bytes()
    (tmp_path / "theirs.safetensors").write_bytes(data[:-8])
    assert "theirs.safetensors is not a readable safetensors file" in refused(
        capsys, tmp_path / "theirs.safetensors", "--name", "ours"
    )
    assert not folder.exists()


def test_another_place_than_the_list(saved, classifier_state, names, folder, tmp_path):
    path = saved(classifier_state(), "resnet18.pth")
    out = tmp_path / "elsewhere" / "model.safetensors"
    assert run(path, "--name", "mine", "--classes", names, "--activation", "sigmoid", "--out", out) == 0
    assert load_pair(out).name == "mine"
    assert not folder.exists()
