"""Classifiers as training frameworks save them: prefixes, wrappers, moving averages, nested heads, settings beside them."""

import argparse
import pathlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from recam_core.checkpoints.importers import import_checkpoint, recognise
from recam_core.checkpoints.importers.parts import read_source
from recam_core.records import UserError
from recam_core.system.tensor_files import read_weights

NAMES = ("cat", "dog", "tree")


def under(prefix, state):
    return {f"{prefix}{name}": value for name, value in state.items()}


def head(state, name):
    return {key.replace("fc.", f"{name}.") if key.startswith("fc.") else key: value for key, value in state.items()}


def divided(state):
    """Backbone and head under names of their own, as several frameworks have them."""
    return {("head." if name.startswith("fc.") else "backbone.") + name: value for name, value in state.items()}


def classifier_of(source):
    return source.state["fc.weight"].flatten(1)


@pytest.mark.parametrize("change", [
    *(lambda s, p=p: under(p, s) for p in ("module.", "model.", "net.", "backbone.", "encoder.", "_orig_mod.", "student.",
      "module._orig_mod.", "model._orig_mod.module.", "model.net.backbone.", "my_own_name.")),
    lambda s: under("model.", s) | {"loss.weight": torch.ones(2), "train_acc.count": torch.ones(1)},
    lambda s: under("encoder.", {k: v for k, v in s.items() if "fc." not in k})
    | {f"head.1.{k[3:]}": s[k] for k in s if "fc." in k},
    lambda s: under("model.backbone.module.", {k: v for k, v in s.items() if "fc." not in k})
    | {f"model.classifier.{k[3:]}": s[k] for k in s if "fc." in k},
    *(lambda s, n=n: head(s, n) for n in ("fc.0", "fc.1", "fc.linear", "head.fc", "classifier", "last_linear", "head")),
    lambda s: head(s, "fc.1") | {"fc.1.weight": s["fc.weight"][:, :, None, None]},
    lambda s: {"state_dict": under("model.", s), "hyper_parameters": {"lr": 0.1}, "epoch": 3, "optimizer_states": [{"a": 1}]},
    lambda s: {"model_state": s, "optimizer": {"state": {0: {"step": torch.ones(1)}}}},
    lambda s: {"checkpoint": {"state_dict": s}},
    lambda s: {"params": s}, lambda s: {"model": s, "args": argparse.Namespace(lr=0.1, out=pathlib.Path("x"))},
    lambda s: {"model": s, "best": np.float64(0.5)}, lambda s: {"ema": {"module": s, "decay": 0.9}},
])  # fmt: skip
def test_one_network_is_found_however_it_is_wrapped(saved, classifier_state, change):
    state = classifier_state()
    source = read_source(saved(change(dict(state))))
    assert source.recognised.words.startswith("a torchvision or timm classifier: resnet18, 3 classes")
    assert source.state.keys() == state.keys()
    assert torch.equal(classifier_of(source), state["fc.weight"])
    assert torch.equal(source.state["layer4.1.conv2.weight"], state["layer4.1.conv2.weight"])


def test_what_stands_beside_is_named(saved, classifier_state):
    words = recognise(saved(under("model.", classifier_state()) | {"loss.weight": torch.ones(2)})).words
    assert words.endswith("; beside it loss.weight, which are left out")


@pytest.mark.parametrize("wrap", [
    lambda raw, ema: {"state_dict": raw, "state_dict_ema": ema}, lambda raw, ema: {"model": raw, "model_ema": ema},
    lambda raw, ema: {"model": raw, "ema": {"module": ema}}, lambda raw, ema: {"params": raw, "params_ema": ema},
    lambda raw, ema: under("model.", raw) | under("model_ema.module.", ema), lambda raw, ema: raw | under("ema.", ema),
    lambda raw, ema: under("student.", raw) | under("teacher.", ema), lambda raw, ema: {"student": raw, "teacher": ema},
    *(lambda raw, ema, p=p: divided(raw) | under(p, divided(ema)) for p in ("ema_", "teacher.", "model_ema.module.")),
])  # fmt: skip
def test_of_weights_and_their_average_it_says_which_was_taken(saved, classifier_state, wrap):
    raw = classifier_state()
    ema = raw | {"fc.weight": raw["fc.weight"] + 1}
    path = saved(wrap(raw, ema))
    averaged, plain = read_source(path), read_source(path, average=False)
    assert "its moving average (" in averaged.recognised.words
    assert "--no-average takes its raw weights (" in averaged.recognised.words
    assert "its raw weights (" in plain.recognised.words
    assert torch.equal(classifier_of(averaged), ema["fc.weight"])
    assert torch.equal(classifier_of(plain), raw["fc.weight"])


def test_the_average_is_imported_or_the_raw_weights(saved, classifier_state):
    raw = classifier_state()
    path = saved({"model": raw, "ema": {"module": raw | {"fc.weight": raw["fc.weight"] + 1}}})
    for average, expected in ((True, raw["fc.weight"] + 1), (False, raw["fc.weight"])):
        pair = import_checkpoint([path], "mine", class_names=NAMES, activation="softmax", average=average)
        assert torch.equal(pair.cam.head.fc1, expected)


@pytest.mark.process
def test_the_reader_in_a_process_of_its_own_says_it_too(saved):
    path = saved({"model": {"a": torch.zeros(1)}, "model_ema": {"a": torch.ones(1)}, "args": argparse.Namespace(x=1)})
    weights = read_weights(path, average=False)  # tests/checkpoints/test_hostile_files.py has the average
    assert (weights.tensors["a"].item(), (weights.taken, weights.other)) == (0, ("model", "model_ema"))


@pytest.mark.parametrize(("change", "reason"), [
    (lambda s: {"fc.0.weight": torch.zeros(64, 512), "fc.2.weight": torch.zeros(3, 64)}, r"2 linear layers .*\(fc\.0, fc\.2\)"),
    (lambda s: {"fc.0.weight": torch.zeros(512), "fc.1.weight": torch.zeros(3, 512)}, r"more in its head .*\(fc\.0\.weight\)"),
    (lambda s: s | under("other.", s), r"holds 2 networks \(their names begin with '', 'other\.'\)"),
])  # fmt: skip
def test_heads_and_networks_that_leave_doubt_are_refused(saved, classifier_state, change, reason):
    state = classifier_state()
    made = change(dict(state))
    trunk = {name: value for name, value in state.items() if not name.startswith("fc.")}
    with pytest.raises(UserError, match=reason):
        recognise(saved(trunk | made))


def odd_resnets(timm):
    for name, label in (
        ("resnet26", r"2, 2, 2, 2 blocks of three convolutions"), ("resnet34", "3, 4, 6, 3 blocks of two convolutions"),
        ("resnext50_32x4d", "is a ResNeXt"), ("wide_resnet50_2", "times as wide"), ("resnet50d", "stem of three"),
        ("seresnet50", "squeeze and excitation"),
    ):  # fmt: skip
        with torch.device("meta"):
            yield timm.create_model(name).state_dict(), label


def test_relatives_of_resnet_are_called_what_they_are():
    timm = pytest.importorskip("timm")
    from recam_core.checkpoints.importers.kinds import recognise_tensors

    for state, label in odd_resnets(timm):
        with pytest.raises(UserError, match=rf"file\.pth .*{label}.*resnet101"):
            recognise_tensors(state, "file.pth")


@pytest.mark.parametrize(("name", "content", "label"), [
    ("a.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:a\nsize 4\n", "a pointer of Git LFS"),
    ("a.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:a\nsize 4\n", "a pointer of Git LFS"),
    ("a.onnx", b"\x08\x07\x12\x07pytorch", "an ONNX file"), ("a.pth", b"\x08\x07\x12\x07pytorch\x1a\x03", "an ONNX file"),
    ("a.h5", b"\x89HDF\r\n\x1a\n", "an HDF5 file"), ("a.pth", b"<!DOCTYPE html><html>", "a web page"),
    ("a.tflite", b"\x1c\0\0\0TFL3", "a TensorFlow Lite file"),
])  # fmt: skip
def test_other_files_are_called_what_they_are(tmp_path, name, content, label):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name} is {label}"):
        recognise(tmp_path / name)


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning", "ignore:.torch.jit:DeprecationWarning")
def test_torchscript_is_not_run(tmp_path):
    torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)).save(tmp_path / "a.pt")
    with pytest.raises(UserError, match="is TorchScript, a program"):
        recognise(tmp_path / "a.pt")


def test_the_ending_of_a_name_is_not_believed(tmp_path, saved, classifier_state):
    save_file(classifier_state(), tmp_path / "a.pth")
    assert recognise(tmp_path / "a.pth").kind == "classifier"
    with pytest.raises(UserError, match=r"begins as a file of torch\.save"):
        recognise(saved(classifier_state(), "b.safetensors"))
