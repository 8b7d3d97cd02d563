"""Model pairs as files: exact round trips, files that are not what they should be, and the list."""

import hashlib
import json
import os
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from recam_core.checkpoints import pair_file as pair_file_module
from recam_core.checkpoints.pair_file import (
    FORMAT,
    copy_pair,
    find_model,
    known_models,
    load_pair,
    read_header,
    save_pair,
    stored_readouts,
    update_card,
)
from recam_core.networks.model import build_branches, build_edge_network
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS, recam_readouts
from recam_core.records import CAM, UserError

CLASSES = ("cat", "wine glass", "Hütte")
HEADS = {name: {"bias": False, "activation": "sigmoid"} for name in ("cam", "recam")}
CARD = {"training": {"seed": 3}, "scores": {}, "warning": "only drawn"}


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(0)
    return build_pair("mine", "tiny", CLASSES, CARD)


@pytest.fixture
def path(pair, tmp_path):
    save_pair(pair, tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


@pytest.fixture
def no_bundled(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setattr(pair_file_module, "BUNDLED_MODELS", folder)
    return folder


def weights(pair):
    return {**{f"cam.{k}": v for k, v in pair.cam.state_dict().items()},
            **{f"recam.{k}": v for k, v in pair.recam.state_dict().items()}}  # fmt: skip


def rewrite(path, change, header=None):
    """Store the file's tensors again after a change, under the same or another header."""
    tensors = load_file(path)
    change(tensors)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    save_file(tensors, path, metadata if header is None else header)


def test_a_round_trip_is_exact_in_float32(pair, path):
    loaded = load_pair(path)
    assert (loaded.name, loaded.classes, loaded.backbone, loaded.card) == ("mine", CLASSES, "tiny", CARD)
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    before, after = weights(pair), weights(loaded)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_half_precision_is_close_and_comes_back_as_float32(pair, path, tmp_path):
    save_pair(pair, tmp_path / "half.safetensors", torch.float16)
    after = weights(load_pair(tmp_path / "half.safetensors"))
    for name, value in weights(pair).items():
        assert after[name].dtype == torch.float32
        torch.testing.assert_close(after[name], value, rtol=1e-3, atol=1e-6)
    assert (tmp_path / "half.safetensors").stat().st_size < 0.6 * path.stat().st_size


def test_integers_stay_integers_in_half_precision(tmp_path):
    pair = build_pair("bn", "resnet18_s16", ("a", "b"))
    save_pair(pair, tmp_path / "bn.safetensors", torch.float16)
    assert load_file(tmp_path / "bn.safetensors")["cam.backbone.trunk.bn1.num_batches_tracked"].dtype == torch.int64


def test_a_loaded_pair_is_ready_to_look_and_not_to_learn(path):
    pair = load_pair(path)
    for model in (pair.cam, pair.recam):
        assert not any(p.requires_grad for p in model.parameters())
        assert not any(module.training for module in model.modules())
        assert not any(p.is_inference() for p in model.parameters())  # a climb needs gradients through them


def test_the_header_says_what_it_is_without_reading_weights(path):
    header = read_header(path)
    assert header == {"format": FORMAT, "name": "mine", "classes": list(CLASSES), "backbone": "tiny",
                      "heads": HEADS, "card": CARD}  # fmt: skip


@pytest.fixture
def with_branches(pair, tmp_path):
    """A pair with boundary branches, and its file."""
    torch.manual_seed(1)
    pair = replace(pair, boundary=build_branches(pair.recam))
    save_pair(pair, tmp_path / "edged.safetensors")
    return pair, tmp_path / "edged.safetensors"


def test_boundary_branches_travel_with_their_pair(with_branches):
    pair, path = with_branches
    update_card(path, {"boundary": {"training": {"epochs": 3}}})
    loaded = load_pair(path)
    assert loaded.card == CARD | {"boundary": {"training": {"epochs": 3}}}
    before, after = pair.boundary.state_dict(), loaded.boundary.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(p.requires_grad for p in loaded.boundary.parameters())
    assert not loaded.boundary.training
    assert weights(loaded).keys() == weights(pair).keys()
    assert all(torch.equal(value, weights(loaded)[name]) for name, value in weights(pair).items())


def test_a_pair_without_branches_has_none(path):
    assert load_pair(path).boundary is None


@pytest.mark.parametrize(("change", "complaint"), [
    pytest.param(lambda t: t.pop("boundary.fc_edge2.0.weight"), r"fc_edge2\.0\.weight is missing", id="missing"),
    pytest.param(lambda t: t.update({"boundary.fc_dp1.0.weight": torch.zeros(2)}), "fc_dp1.* is not expected", id="extra"),
    pytest.param(lambda t: t["boundary.fc_edge4.bias"].fill_(float("nan")), r"fc_edge4\.bias has .*not finite", id="nan"),
])  # fmt: skip
def test_branches_that_do_not_fit_are_named(with_branches, change, complaint):
    _, path = with_branches
    rewrite(path, change)
    with pytest.raises(UserError, match=r"edged\.safetensors does not fit its own header: .*" + complaint):
        load_pair(path)


@pytest.mark.parametrize("keep", [0, 5, 2000, -1])
def test_a_truncated_file_is_refused_by_name(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"mine\.safetensors is not a readable safetensors file"):
        load_pair(path)


def test_another_kind_of_file_is_refused_by_name(path):
    path.write_text("no tensors at all, but long enough to hold a header's length")
    with pytest.raises(UserError, match=r"mine\.safetensors is not a readable safetensors file"):
        load_pair(path)


@pytest.mark.parametrize("metadata", [
    pytest.param({}, id="none"),
    pytest.param({"pair": json.dumps({"format": "something-else-2"})}, id="another format"),
    pytest.param({"pair": json.dumps([FORMAT])}, id="no object"),
])  # fmt: skip
def test_tensors_without_our_header_are_refused(path, metadata):
    rewrite(path, lambda tensors: None, metadata)
    with pytest.raises(UserError, match=r"mine\.safetensors holds tensors but not a model pair"):
        load_pair(path)


@pytest.mark.parametrize("missing", ["name", "classes", "backbone", "card"])
def test_an_incomplete_header_is_refused(path, missing):
    header = {key: value for key, value in read_header(path).items() if key != missing}
    rewrite(path, lambda tensors: None, {"pair": json.dumps(header)})
    with pytest.raises(UserError, match=missing):
        load_pair(path)


def test_a_header_with_an_unknown_backbone_is_refused(path):
    rewrite(path, lambda tensors: None, {"pair": json.dumps(read_header(path) | {"backbone": "vgg"})})
    with pytest.raises(UserError, match="no backbone 'vgg'"):
        load_pair(path)


@pytest.mark.parametrize(("change", "complaint"), [
    pytest.param(lambda t: t.pop("recam.head.fc2"), r"head\.fc2 is missing", id="missing"),
    pytest.param(lambda t: t.update({"cam.head.fc9": torch.zeros(2)}), r"head\.fc9 is not expected", id="extra"),
    pytest.param(lambda t: t.update({"stray": torch.zeros(2)}), r"stray is not expected", id="stray"),
    pytest.param(lambda t: t.update({"cam.head.fc1": torch.zeros(3, 7)}),
                 r"head\.fc1 is \(3, 7\), expected \(3, 128\)", id="shape"),
    pytest.param(lambda t: t["recam.head.fc2"].fill_(float("nan")), r"head\.fc2 has values .* not finite", id="nan"),
    pytest.param(lambda t: t["cam.head.fc1"][0].fill_(float("inf")), r"head\.fc1 has values .* not finite", id="inf"),
])  # fmt: skip
def test_tensors_that_do_not_fit_are_named(path, change, complaint):
    rewrite(path, change)
    with pytest.raises(UserError, match=r"mine\.safetensors does not fit its own header: .*" + complaint):
        load_pair(path)


def test_a_failing_disk_leaves_the_old_file_whole(pair, path, monkeypatch):
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(UserError, match=r"mine\.safetensors.*no space"):
        save_pair(pair, path, torch.float16)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["mine.safetensors"]


def test_find_a_model_by_name_by_path_and_by_run_folder(path, no_bundled, tmp_path):
    bundled, run = no_bundled / "photos.safetensors", tmp_path / "run"
    run.mkdir()
    for copy in (bundled, run / "model.safetensors"):
        copy.write_bytes(path.read_bytes())
    assert find_model("photos") == bundled
    assert find_model(path) == find_model(str(path)) == path
    assert find_model(run) == run / "model.safetensors"
    assert load_pair("photos").classes == CLASSES


def test_an_unknown_model_is_refused_with_what_is_known(no_bundled, tmp_path):
    with pytest.raises(UserError, match=r"no model 'nobody': neither the name of a listed model \(empty\)"):
        find_model("nobody")
    for name in ("scenes", "photos"):
        (no_bundled / f"{name}.safetensors").touch()
    with pytest.raises(UserError, match=r"\(photos, scenes\)"):
        find_model("nobody")
    with pytest.raises(UserError, match="no model"):
        find_model(tmp_path)  # a folder without a model in it


def test_a_header_that_is_not_there_is_refused(no_bundled, tmp_path):
    with pytest.raises(UserError, match=r"no model file gone\.safetensors; known models: none"):
        read_header(tmp_path / "gone.safetensors")


def test_a_persons_own_folder_joins_the_list(no_bundled, tmp_path, monkeypatch):
    own = tmp_path / "own"
    own.mkdir()
    (no_bundled / "photos.safetensors").touch()
    (own / "mine.safetensors").touch()
    (own / "notes.txt").touch()
    monkeypatch.setenv("RECAM_MODELS", str(own))
    assert known_models() == {"photos": no_bundled / "photos.safetensors", "mine": own / "mine.safetensors"}


ALONE = {"cam": (CAM,), "recam": recam_readouts()}
NAMED = {"cam": ["cam"], "recam": ["w", "wprime", "sum", "product"]}  # by older files


@pytest.fixture(params=ALONE)
def alone(request, tmp_path):
    """One network that stands for both with branches on a backbone of their own, and its file."""
    torch.manual_seed(2)
    heads = {request.param: {"bias": True, "activation": "softmax"}}
    pair = build_pair("alone", "tiny", CLASSES, CARD, [request.param], heads)
    with torch.no_grad():
        pair.cam.head.fc1_bias += torch.tensor([1.0, 2, 3])
    network = build_edge_network("tiny")
    pair = replace(pair, boundary=build_branches(network), edge_network=network, edge_backbone="tiny")
    save_pair(pair, tmp_path / "alone.safetensors")
    return request.param, pair, tmp_path / "alone.safetensors"


def test_one_network_is_stored_once_and_comes_back_as_one(alone):
    stage, pair, path = alone
    assert {name.split(".")[0] for name in load_file(path)} == {stage, "boundary", "edges"}
    header = read_header(path)
    assert stored_readouts(header) == ALONE[stage]
    assert header["heads"] == {stage: {"bias": True, "activation": "softmax"}}
    assert header["edges"] == "tiny"
    loaded = load_pair(path)
    assert loaded.cam is loaded.recam
    assert loaded.readouts == ALONE[stage]
    assert loaded.cam.head.settings == {"bias": True, "activation": "softmax"}
    for part in ("cam", "boundary", "edge_network"):
        before, after = (getattr(p, part).state_dict() for p in (pair, loaded))
        assert before.keys() == after.keys()
        assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(p.requires_grad for part in (loaded.cam, loaded.edges) for p in part.parameters())


def test_a_file_without_readouts_and_heads_is_a_whole_pair(path):
    header = {key: value for key, value in read_header(path).items() if key not in ("readouts", "heads")}
    rewrite(path, lambda tensors: None, {"pair": json.dumps(header)})
    assert stored_readouts(read_header(path)) == tuple(READOUTS)
    assert load_pair(path).readouts == tuple(READOUTS)
    assert load_pair(path).recam.head.settings == HEADS["recam"]


def test_a_file_that_names_its_readouts_opens_as_it_did(alone):
    stage, pair, path = alone
    header = read_header(path) | {"readouts": NAMED[stage]}
    rewrite(path, lambda tensors: None, {"pair": json.dumps(header)})
    assert load_pair(path).readouts == pair.readouts == ALONE[stage]


@pytest.mark.parametrize("change", [
    {"readouts": ["w"]}, {"readouts": "cam"}, {"readouts": [["cam"]]}, {"heads": []}, {"heads": {"cam": {"bias": True}}},
    {"heads": {"cam": {"bias": 1, "activation": "sigmoid"}}}, {"heads": {"cam": {"bias": True, "activation": ["relu"]}}},
])  # fmt: skip
def test_nonsense_about_heads_is_refused(path, change):
    rewrite(path, lambda tensors: None, {"pair": json.dumps(read_header(path) | change)})
    with pytest.raises(UserError, match="no usable readouts or heads"):
        read_header(path)


def test_a_header_that_promises_another_network_is_refused(alone):
    stage, _, path = alone
    (other,) = NAMED.keys() - {stage}
    header = read_header(path) | {"readouts": NAMED[other], "heads": {}}
    rewrite(path, lambda tensors: None, {"pair": json.dumps(header)})
    with pytest.raises(UserError, match="does not fit its own header"):
        load_pair(path)


def test_a_copy_has_another_name_and_the_same_bits(path, tmp_path):
    copy_pair(path, tmp_path / "copy.safetensors", "copy")
    assert read_header(tmp_path / "copy.safetensors") == read_header(path) | {"name": "copy"}
    before, after = load_file(path), load_file(tmp_path / "copy.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_bundled_models_are_whole_pairs():
    for name in ("scenes", "photos"):
        header = read_header(pair_file_module.BUNDLED_MODELS / f"{name}.safetensors")
        assert stored_readouts(header) == tuple(READOUTS)
        assert all(head == HEADS["cam"] for head in header["heads"].values())


def named(path, header):
    """Give the file another header, as text where JSON could not say it."""
    text = header if isinstance(header, str) else json.dumps(header)
    rewrite(path, lambda tensors: None, {"pair": text})


@pytest.mark.parametrize("header", [
    pytest.param("[" * 100_000, id="nested"), pytest.param('{"name": "\\ud800"}', id="half a character"),
])  # fmt: skip
def test_a_header_that_no_one_can_read_is_a_sentence(path, header):
    named(path, header)
    with pytest.raises(UserError, match=r"mine\.safetensors is not a readable safetensors file"):
        read_header(path)


def test_what_is_no_file_is_a_sentence(tmp_path):
    (tmp_path / "loop.safetensors").symlink_to("loop.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    os.mkfifo(tmp_path / "pipe.safetensors")
    for name in ("loop", "folder", "pipe"):
        with pytest.raises(UserError, match=rf"{name}\.safetensors is not a readable safetensors file"):
            read_header(tmp_path / f"{name}.safetensors")


@pytest.mark.parametrize("edges", [["x"], "vgg", 3, {"tiny": 1}])
def test_nonsense_about_edges_is_refused(with_branches, edges):
    _, path = with_branches
    named(path, read_header(path) | {"edges": edges})
    with pytest.raises(UserError, match="no usable edges"):
        load_pair(path)


def test_numbers_of_a_kind_that_torch_lacks_are_a_sentence(path):
    with safe_open(path, "pt") as file:
        header = file.metadata()["pair"]
        fc1 = {name: file.get_tensor(name) for name in ("cam.head.fc1", "recam.head.fc1")}
    save_file(fc1, path, {"pair": header})
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    entries = json.loads(data[8 : 8 + length])
    end = max(entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__")
    entries["odd"] = {"dtype": "F4", "shape": [4], "data_offsets": [end, end + 2]}
    text = json.dumps(entries).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :] + bytes(2))
    for use in (load_pair, lambda path: copy_pair(path, path.with_name("copy"), "copy")):
        with pytest.raises(UserError, match=r"mine\.safetensors is not a readable safetensors file"):
            use(path)


@pytest.mark.parametrize("change", [
    pytest.param(lambda t: t.clear() or t.update(x=torch.zeros(1)), id="no tensors"),
    pytest.param(lambda t: t.pop("recam.head.fc1"), id="one missing"),
    pytest.param(lambda t: t.update({"cam.head.fc1": torch.zeros(())}), id="no rows"),
    pytest.param(lambda t: None, id="others"),
])  # fmt: skip
def test_a_header_that_lies_about_its_classes_is_found_out_before_a_network_is_built(path, change, monkeypatch):
    header = read_header(path) | {"classes": [str(i) for i in range(40_000)]}
    rewrite(path, change, {"pair": json.dumps(header)})
    monkeypatch.setattr(pair_file_module, "build_pair", lambda *_: pytest.fail("it was built"))
    with pytest.raises(UserError, match=r"does not fit its own header: .*head(\.fc1)? is"):
        load_pair(path)


def test_the_number_of_classes_is_bounded(path):
    named(path, read_header(path) | {"classes": ["x"] * 50_001})
    with pytest.raises(UserError, match="has 50,001 classes; at most 50,000"):
        read_header(path)


def test_a_card_is_read_without_what_has_another_form(path):
    named(
        path, read_header(path) | {"card": {"training": [1], "scores": {"VOC": {"readouts": ["w"]}}, "about": "theirs"}}
    )
    assert load_pair(path).card == {"scores": {}, "about": "theirs"}


def test_a_new_file_replaces_none(pair, path):
    before = path.read_bytes()
    for write in (lambda: save_pair(pair, path, torch.float16, new=True), lambda: copy_pair(path, path, "x", new=True)):
        with pytest.raises(UserError, match="already; choose another name"):
            write()
    assert path.read_bytes() == before
