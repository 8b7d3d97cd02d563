"""Files that nobody should trust: nothing in them runs, and every one is refused with one sentence."""

import argparse
import io
import pickle
import resource
import sys
import zipfile

import numpy as np
import pytest
import torch
from hostile import Hostile
from safetensors.torch import save_file

from recam_core.checkpoints.importers import import_checkpoint, recognise
from recam_core.records import UserError
from recam_core.system import tensor_files, unpickling
from recam_core.system.tensor_files import read_tensors, read_weights


def as_zip(content, path):
    torch.save(content, path)


def as_legacy(content, path):
    torch.save(content, path, _use_new_zipfile_serialization=False)


def as_pickle(content, path):
    path.write_bytes(pickle.dumps(content, protocol=2))


def imported(path):
    return import_checkpoint([path], "bad")


def imported_onto(path):
    return import_checkpoint([path], "bad", onto="scenes")


@pytest.mark.parametrize("write", [as_zip, as_legacy, as_pickle])
@pytest.mark.parametrize(
    "wrap", [lambda bad: {"fc.weight": bad}, lambda bad: {"state_dict": {}, "args": bad}, lambda bad: bad]
)
def test_a_file_that_wants_to_run_code_is_refused_and_nothing_runs(tmp_path, write, wrap):
    path, marker = tmp_path / "model.pth", tmp_path / "marker"
    write(wrap(Hostile(marker)), path)
    for read in (read_tensors, recognise, imported, imported_onto):
        with pytest.raises(UserError, match=r"model\.pth wants to run code .*\.mkdir.* nothing of it was run"):
            read(path)
        assert not marker.exists(), read
    if write is not as_pickle:
        torch.load(path, weights_only=False)
        assert marker.exists()  # the file would have done it


def test_a_network_instead_of_its_tensors_is_refused(saved):
    with pytest.raises(UserError, match=r"wants to run code .*Linear.*torch\.save\(model\.state_dict\(\), FILE\)"):
        read_tensors(saved(torch.nn.Linear(2, 3)))


@pytest.mark.parametrize("name", ["model.pth", "model.safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"garbage" * 99, b"PK\x03\x04" + b"\0" * 99, b"\x80\x02}q\x00(", b"\x00garbage" * 20]
)
def test_garbage_is_refused_by_name(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    for read in (read_tensors, recognise):
        with pytest.raises(
            UserError, match=rf"{name}.*(could not be read as a weights file|not a readable safetensors file)"
        ):
            read(path)


@pytest.mark.parametrize("keep", [100, 0.5, -1])
@pytest.mark.parametrize("write", [as_zip, as_legacy])
def test_a_truncated_checkpoint_is_refused(tmp_path, write, keep, classifier_state):
    path = tmp_path / "model.pth"
    write({"fc.weight": torch.zeros(300, 300)}, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    with pytest.raises(UserError, match=r"model\.pth could not be read as a weights file"):
        read_tensors(path)


@pytest.mark.process
def test_an_archive_whose_end_is_missing_is_called_that(saved):
    path = saved({"fc.weight": torch.zeros(30, 30)})
    path.write_bytes(path.read_bytes()[:-99])
    with pytest.raises(UserError, match="its end is missing"):
        read_tensors(path)


@pytest.mark.parametrize("protocol", [2, 4])
def test_names_that_a_pickle_asks_for_are_followed_through_its_memory(protocol):
    data = pickle.dumps({"a": np.ones(3), "b": np.ones(4, np.float32), "c": sys.exit}, protocol)
    asked = set(unpickling._asked_for(data))
    assert {"numpy.ndarray", "numpy.dtype", "sys.exit"} <= asked
    assert all(name.startswith(("numpy.", "sys.", "_codecs.")) for name in asked)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(UserError, match=r"no weights file at .*nowhere\.pth"):
        read_tensors(tmp_path / "nowhere.pth")
    with pytest.raises(UserError, match="is a folder"):
        read_tensors(tmp_path)


@pytest.mark.parametrize(("content", "reason"), [
    ([torch.zeros(2)], "got a list"), ({}, "a dict with nothing"), (torch.zeros(2), "got a Tensor"),
    ({"epoch": 3, "best": 0.5}, "a dict with epoch, best"),
    ({"a": torch.zeros(2), "b": "text"}, "tensors, and beside them b, which are none"),
    ({"state_dict": {"a": 1}}, "a dict with a"), ({1: torch.zeros(2)}, "tensors without names"),
    ({"a": torch.zeros(2, dtype=torch.complex64)}, "a in file.pth is no plain tensor"),
    ({"a": torch.eye(2).to_sparse()}, "a in file.pth is no plain tensor"),
])  # fmt: skip
def test_what_is_no_dict_of_tensors_is_refused_with_what_it_is(saved, content, reason):
    with pytest.raises(UserError, match=reason):
        read_tensors(saved(content))


@pytest.mark.parametrize("wrap", [
    lambda s: s, lambda s: {"state_dict": s, "epoch": 3}, lambda s: {"model": s}, lambda s: {"model_state_dict": s, "loss": 0.5},
    lambda s: {"state_dict": {"model": s}}, lambda s: {f"module.{k}": v for k, v in s.items()},
    lambda s: {"model": {f"module.{k}": v for k, v in s.items()}},
])  # fmt: skip
@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_are_found_in_what_others_wrap_them_in(saved, wrap, zipped):
    state = {"fc.weight": torch.rand(3, 4).half(), "fc.count": torch.tensor(3)}
    tensors = read_tensors(saved(wrap(state), _use_new_zipfile_serialization=zipped))
    assert tensors.keys() == state.keys()
    assert torch.equal(tensors["fc.weight"], state["fc.weight"].float())
    assert tensors["fc.count"].dtype == torch.int64


def test_only_a_prefix_that_all_names_have_is_taken_off(saved):
    tensors = read_tensors(saved({"module.a": torch.zeros(1), "b": torch.zeros(1)}))
    assert tensors.keys() == {"module.a", "b"}


def test_what_is_too_large_is_refused_before_it_is_taken_in(saved, tmp_path, monkeypatch):
    path = saved({"a": torch.zeros(30_000)})
    monkeypatch.setattr(tensor_files, "MAX_BYTES", 100_000)
    with pytest.raises(UserError, match=r"file\.pth is larger than"):
        read_tensors(path)
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in archive.infolist():
            packed.writestr(entry.filename, archive.read(entry))
    assert (tmp_path / "bomb.pth").stat().st_size < 10_000
    with pytest.raises(UserError, match=r"bomb\.pth would unfold to more than it is"):
        read_tensors(tmp_path / "bomb.pth")


def test_a_tensor_that_claims_to_be_huge_is_refused(saved):
    with pytest.raises(UserError, match="claims to have 1000000000000 numbers"):
        read_tensors(saved({"a": torch.zeros(1, dtype=torch.float16).expand(1_000_000, 1_000_000)}))


def test_many_tensors_that_claim_to_be_large_together_are_refused(saved):
    one = torch.zeros(1, dtype=torch.float16)
    with pytest.raises(UserError, match="claims to have 536870912 numbers, more than the file holds"):
        read_tensors(saved({str(i): one.expand(2**29) for i in range(64)}))
    whole = torch.zeros(2**20, dtype=torch.float16)
    with pytest.raises(UserError, match="claims to have 67108864 numbers, which a file of"):
        read_tensors(saved({str(i): whole for i in range(64)}))


def test_tensors_that_share_their_numbers_are_each_whole(saved):
    one = torch.arange(6.0)
    tensors = read_tensors(saved({"a": one, "b": one, "c": one.reshape(2, 3).T, "d": torch.nn.Parameter(one[2:4])}))
    assert torch.equal(tensors["a"], one)
    assert torch.equal(tensors["b"], one)
    assert torch.equal(tensors["c"], one.reshape(2, 3).T)
    assert tensors["d"].tolist() == [2, 3]


@pytest.mark.parametrize("write", [as_zip, as_legacy])
def test_a_dict_that_holds_itself_is_refused(tmp_path, write):
    content: dict = {}
    content["state_dict"] = content
    write(content, tmp_path / "model.pth")
    with pytest.raises(UserError, match=r"is not a state dict.*got a dict with state_dict"):
        read_tensors(tmp_path / "model.pth")


# ---- the process that reads


def hanging(depth=60):
    """A pickle of a dict whose key is a tuple of a tuple twice, and so on: its hash takes 2**depth steps."""
    nested = b")" + b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(depth))
    return b"\x80\x02}" + nested + b"K\x01s."


def legacy(body):
    """A file of torch.save's older form around a pickle."""
    number, protocol = torch.serialization.MAGIC_NUMBER, torch.serialization.PROTOCOL_VERSION
    system = {"protocol_version": protocol, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    return b"".join(pickle.dumps(part, 2) for part in (number, protocol, system)) + body + pickle.dumps([], 2)


@pytest.mark.process
def test_a_file_that_keeps_its_reader_busy_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(unpickling, "SECONDS", 4.0)
    (tmp_path / "model.pth").write_bytes(legacy(hanging()))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with pytest.raises(UserError, match=r"model\.pth was given up after (4|40) seconds"):
        read_tensors(tmp_path / "model.pth")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 6


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux")
def test_a_file_that_asks_for_all_memory_is_refused(tmp_path):
    body = b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\0\0\0\0\x01\x85R."  # bytearray(2**32)
    (tmp_path / "model.pth").write_bytes(legacy(body))
    with pytest.raises(UserError, match=r"model\.pth could not be read as a weights file"):
        read_tensors(tmp_path / "model.pth")


@pytest.mark.process
def test_what_the_other_process_reads_and_refuses_comes_back(saved, tmp_path):
    state = {"a": torch.rand(3, 4).half(), "b": torch.tensor(3), "c": torch.tensor([True, False]), "ä": torch.rand(0)}
    raw = {"a": torch.zeros(3, 4)}
    read = read_weights(saved({"state_dict": raw, "state_dict_ema": state, "args": argparse.Namespace(x=1)}))
    tensors = read.tensors
    assert (read.taken, read.other) == ("state_dict_ema", "state_dict")
    assert tensors.keys() == state.keys()
    assert torch.equal(tensors["a"], state["a"].float())
    assert (tensors["b"].item(), tensors["b"].dtype, tensors["c"].dtype) == (3, torch.int64, torch.bool)
    marker = tmp_path / "marker"
    with pytest.raises(UserError, match=r"bäd\.pth wants to run code .*\.mkdir.* nothing of it was run"):
        read_tensors(saved(Hostile(marker), "bäd.pth"))
    assert not marker.exists()
    with pytest.raises(UserError, match=r"cannot be kept|could not be read"):
        read_tensors(saved({"__metadata__": torch.zeros(2)}))


def test_unknown_tensors_are_refused_with_their_first_names_and_what_can_be_imported(tmp_path):
    save_file({f"decoder.{i}": torch.zeros(1) for i in range(9)}, tmp_path / "vae.safetensors")
    with pytest.raises(
        UserError, match=r"vae\.safetensors is none of the kinds.*has 9 tensors, the first of them decoder\.0, "
    ) as refusal:
        recognise(tmp_path / "vae.safetensors")
    assert "a CAM network of the reference" in str(refusal.value)
    assert "decoder.4" not in str(refusal.value)


def test_complex_tensors_of_safetensors_are_refused(tmp_path):
    save_file({"a": torch.zeros(2, dtype=torch.complex64)}, tmp_path / "file.safetensors")
    with pytest.raises(UserError, match=r"a in file\.safetensors is no plain tensor"):
        read_tensors(tmp_path / "file.safetensors")


def test_a_pickle_named_as_safetensors_is_not_unpickled(tmp_path):
    stream = io.BytesIO()
    torch.save({"a": Hostile(tmp_path / "marker")}, stream)
    (tmp_path / "model.safetensors").write_bytes(stream.getvalue())
    with pytest.raises(UserError, match="not a readable safetensors file"):
        recognise(tmp_path / "model.safetensors")
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("shape", [(), (3,), (3, 4, 1)])
@pytest.mark.parametrize("more", [{}, {"resnet50.conv1.weight": torch.zeros(1)}])
def test_a_classifier_that_is_no_layer_is_a_sentence(tmp_path, shape, more):
    torch.save({"classifier.weight": torch.zeros(shape), **more}, tmp_path / "odd.pth")
    with pytest.raises(UserError, match=r"odd\.pth has a classifier\.weight of shape .*expected classes × channels"):
        recognise(tmp_path / "odd.pth")
