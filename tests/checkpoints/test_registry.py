"""The list of models: names, titles, renaming, deleting, and files that arrive."""

import json
import os
import time
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from recam_core.checkpoints import pair_file, registry
from recam_core.checkpoints.importers import importing
from recam_core.checkpoints.pair_file import find_model, known_models, load_pair, save_pair
from recam_core.checkpoints.registry import (
    arriving,
    check_model_name,
    delete_model,
    delete_run,
    find_by_sha256,
    model_entries,
    model_entry,
    model_sha256,
    names_file,
    place_for,
    rename_model,
    write_arrived,
)
from recam_core.networks.model import build_branches
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS
from recam_core.records import UserError, flags_of
from recam_core.system import jobs
from recam_core.system.locks import held
from recam_core.training.recipes import presets

RUN = "20261125-093000-train-my-cats"


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The bytes of a tiny pair."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("pair") / "pair.safetensors"
    save_pair(build_pair("pair", "tiny", ("cat", "dog"), {"about": "a test"}), path)
    return path.read_bytes()


@pytest.fixture(autouse=True)
def places(stored, tmp_path, monkeypatch):
    """A list with a bundled model, an imported one, and one of a run that is done."""
    for folder in ("bundled", "models", f"runs/{RUN}"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(pair_file, "BUNDLED_MODELS", tmp_path / "bundled")
    monkeypatch.setenv("RECAM_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("RECAM_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("RECAM_READ_ONLY", raising=False)
    for file in ("bundled/scenes", "models/mine", f"runs/{RUN}/model"):
        (tmp_path / f"{file}.safetensors").write_bytes(stored)
    make_job(tmp_path / "runs" / RUN, "scenes, my cats", "done")
    return tmp_path


def make_job(folder, title, state, arguments=()):
    folder.mkdir(exist_ok=True)
    plain = {"kind": "train", "title": title, "arguments": list(arguments), "again": [], "about": {}}
    (folder / jobs.JOB).write_text(json.dumps(plain))
    (folder / jobs.STATUS).write_text(json.dumps({"state": state, "queued": time.time()}))


def test_every_model_is_listed_with_what_its_header_says():
    entries = {entry.name: entry for entry in model_entries()}
    assert {name: entry.kind for name, entry in entries.items()} == {
        "scenes": "bundled", RUN: "trained", "mine": "imported",
    }  # fmt: skip
    mine = entries["mine"]
    assert (mine.classes, mine.backbone, mine.readouts) == (("cat", "dog"), "tiny", tuple(READOUTS))
    assert (mine.title, mine.card, mine.has_boundaries, mine.fault) == ("mine", {"about": "a test"}, False, "")
    assert mine.size == mine.path.stat().st_size
    assert model_sha256(mine) == load_pair("mine").sha256
    assert entries[RUN].title == "scenes, my cats"


def test_bundled_models_come_first_then_the_newest_run(places, stored):
    later = places / "runs" / "20261126-000000-train-other"
    later.mkdir()
    (later / "model.safetensors").write_bytes(stored)
    assert list(known_models()) == ["scenes", later.name, RUN, "mine"]
    assert model_entry(later.name).title == later.name  # the command line made it: nobody gave it a title


def test_names_that_are_taken_become_own_ones(places, stored):
    (places / "models" / "scenes.safetensors").write_bytes(stored)
    (places / "runs" / "scenes").mkdir()
    (places / "runs" / "scenes" / "model.safetensors").write_bytes(stored)
    (places / "models" / "own-scenes.safetensors").write_bytes(stored)
    names = known_models()
    assert len(names) == 6
    assert names["scenes"] == places / "bundled" / "scenes.safetensors"
    assert names["own-scenes"] == places / "runs" / "scenes" / "model.safetensors"
    assert set(names) == {"scenes", "own-scenes", "own-own-scenes", "own-scenes-2", RUN, "mine"}


def test_runs_beside_the_models_and_folders_that_are_not_there(places, stored, monkeypatch):
    (places / "models" / "run").mkdir()
    (places / "models" / "run" / "model.safetensors").write_bytes(stored)
    monkeypatch.setenv("RECAM_RUNS", str(places / "nowhere"))
    assert {entry.name: entry.kind for entry in model_entries()} == {
        "scenes": "bundled", "run": "trained", "mine": "imported",
    }  # fmt: skip
    monkeypatch.setenv("RECAM_RUNS", str(places / "models"))  # one folder for both is counted once
    assert list(known_models()) == ["scenes", "run", "mine"]


def test_a_damaged_file_is_listed_with_the_reason_and_read_again_when_it_changes(places, stored):
    path = places / "models" / "mine.safetensors"
    path.write_bytes(stored[:1000])
    assert "not a readable safetensors file" in model_entry("mine").fault
    assert model_entry("mine").classes == ()
    path.write_bytes(stored)
    assert model_entry("mine").fault == ""


def test_a_header_is_read_once_as_long_as_the_file_is_the_same(monkeypatch):
    model_entries()
    monkeypatch.setattr(registry, "read_header", lambda path: pytest.fail(f"read {path} again"))
    model_entries()


def test_boundary_branches_are_seen(places):
    pair = build_pair("edged", "tiny", ("cat", "dog"), {})
    save_pair(replace(pair, boundary=build_branches(pair.recam)), places / "models" / "edged.safetensors")
    assert model_entry("edged").has_boundaries


@pytest.mark.parametrize("old", ["mine", RUN])
def test_a_renamed_model_keeps_its_bytes_and_is_found_by_its_hash(old):
    before = find_model(old).read_bytes()
    digest = model_sha256(model_entry(old))
    assert rename_model(old, " cats-2 ") == "cats-2"
    assert old not in known_models()
    assert find_model("cats-2").read_bytes() == before
    entry = model_entry("cats-2")
    assert (entry.title, model_sha256(entry)) == ("cats-2", digest)
    delete_model("mine" if old != "mine" else RUN)
    assert find_by_sha256(digest) == "scenes"  # the first with these bytes
    assert find_by_sha256("0" * 64) is None


def test_a_run_keeps_its_model_where_it_can_go_on(places):
    rename_model(RUN, "cats")
    assert (places / "runs" / RUN / "model.safetensors").is_file()
    assert rename_model("cats", "cats") == "cats"
    assert rename_model("cats", "dogs") == "dogs"
    assert "cats" not in known_models()


@pytest.mark.parametrize("new", ["", " ", "a b", "../out", "a/b", ".hidden", "-x", "x" * 61, "a\0", "mine", "scenes"])
def test_names_that_cannot_be_are_refused_and_nothing_changes(new, places):
    before = known_models()
    with pytest.raises(UserError, match=r"cannot be a model's name|already"):
        rename_model(RUN, new)
    with pytest.raises(UserError):
        place_for(new)
    assert known_models() == before


def test_names_in_other_scripts_are_names():
    assert check_model_name("Hütte_1.5") == "Hütte_1.5"


def test_bundled_models_are_not_changed():
    with pytest.raises(UserError, match="bundled with the project and cannot be renamed"):
        rename_model("scenes", "other")
    with pytest.raises(UserError, match="cannot be deleted"):
        delete_model("scenes")
    with pytest.raises(UserError, match="no model “gone”"):
        delete_model("gone")


def test_deleting_takes_the_file_or_the_run(places, stored):
    delete_model("mine", whole_run=True)  # there is no run around it
    assert list((places / "models").iterdir()) == []
    delete_model(RUN)
    assert (places / "runs" / RUN / jobs.JOB).is_file()
    assert list(known_models()) == ["scenes"]
    (places / "runs" / RUN / "model.safetensors").write_bytes(stored)
    delete_model(RUN, whole_run=True)
    assert not (places / "runs" / RUN).exists()


def test_a_model_whose_run_is_not_over_stays(places):
    make_job(places / "runs" / RUN, "scenes, my cats", "running")
    for change in (lambda: delete_model(RUN), lambda: rename_model(RUN, "cats")):
        with pytest.raises(UserError, match="is not over; stop it before"):
            change()


def test_a_model_that_a_job_needs_stays(places):
    make_job(places / "runs" / "evaluation", "mine on scenes", "queued", ["evaluate", "--model", "mine"])
    with pytest.raises(UserError, match="The job “mine on scenes” needs “mine”"):
        delete_model("mine")
    make_job(places / "runs" / "evaluation", "mine on scenes", "done", ["evaluate", "--model", "mine"])
    delete_model("mine")


def test_nothing_changes_where_the_operator_forbids_it(monkeypatch):
    monkeypatch.setenv("RECAM_READ_ONLY", "1")
    before = known_models()
    changes = [
        lambda: delete_model("mine"),
        lambda: rename_model("mine", "other"),
        lambda: place_for("new"),
        lambda: arriving().__enter__(),
    ]
    for change in changes:
        with pytest.raises(UserError, match="switched off changing them"):
            change()
    assert known_models() == before
    assert [entry.name for entry in model_entries()] == list(before)


def test_a_disk_that_refuses_is_a_sentence(monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.link", refuse)
    with pytest.raises(UserError, match="“mine” could not be renamed \\(Permission denied\\)"):
        rename_model("mine", "other")
    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    with pytest.raises(UserError, match="could not be deleted"):
        delete_model("mine")


def interrupted(sent):
    with pytest.raises(KeyboardInterrupt), arriving() as folder:
        raise KeyboardInterrupt(write_arrived(folder, sent))


def test_files_that_arrive_are_gone_afterwards_however_it_ends(places):
    sent = [("../../res50 cam.pth", b"one"), ("", b"two"), (".hidden", b"three"), ("model.safetensors", b"four")]
    with arriving() as folder:
        paths = write_arrived(folder, sent)
        assert [path.name for path in paths] == ["res50_cam.pth", "file", "hidden", "model.safetensors"]
        assert [path.read_bytes() for path in paths] == [b"one", b"two", b"three", b"four"]
        assert all(path.is_relative_to(places / "models") for path in paths)
        assert list(known_models()) == ["scenes", RUN, "mine"]
    interrupted(sent)
    assert [path.name for path in (places / "models").iterdir()] == ["mine.safetensors"]


def test_what_a_killed_process_left_behind_is_cleared_later(places):
    old, young = places / "models" / ".arriving-old", places / "models" / ".arriving-young"
    old.mkdir()
    (old / "model.safetensors").write_bytes(b"half")
    young.mkdir()
    os.utime(old, (1, 1))
    assert list(known_models()) == ["scenes", RUN, "mine"]
    with arriving():
        assert not old.exists()
        assert young.exists()


def test_a_place_for_a_new_model_makes_the_folder(places, monkeypatch):
    monkeypatch.setenv("RECAM_MODELS", str(places / "new" / "models"))
    assert place_for("fresh") == places / "new" / "models" / "fresh.safetensors"
    assert (places / "new" / "models").is_dir()
    (places / "file").touch()
    monkeypatch.setenv("RECAM_MODELS", str(places / "file" / "models"))
    with pytest.raises(UserError, match="set RECAM_MODELS to another one"):
        place_for("fresh")


def queued(places, command, title="later", kind="train"):
    make_job(places / "runs" / "later", title, "queued", [kind, *command])


def changes(name):
    return (lambda: delete_model(name), lambda: rename_model(name, "other"))


@pytest.mark.parametrize("reference", ["mine", "models/mine.safetensors"])
def test_a_model_that_a_queued_training_starts_from_stays(places, monkeypatch, reference):
    monkeypatch.chdir(places)
    config = replace(presets("scenes")["quick look"], stage1=reference)
    queued(places, flags_of(config))
    for change in changes("mine"):
        with pytest.raises(UserError, match="The job “later” needs “mine”"):
            change()
    delete_model(RUN)


@pytest.mark.parametrize("reference", [RUN, f"runs/{RUN}", f"runs/{RUN}/model.safetensors"])
@pytest.mark.parametrize("spelled", [["--model", "{}"], ["--model={}"]])
def test_a_run_whose_model_a_job_needs_stays_whole(places, monkeypatch, reference, spelled):
    monkeypatch.chdir(places)
    queued(places, [word.format(reference) for word in spelled], kind="train-boundary")
    for change in (*changes(RUN), lambda: delete_run(places / "runs" / RUN)):
        with pytest.raises(UserError, match="The job “later” needs"):
            change()
    make_job(places / "runs" / "later", "later", "done", ["train-boundary", f"--model={reference}"])
    delete_run(places / "runs" / RUN)
    assert not (places / "runs" / RUN).exists()


def test_a_given_name_leads_to_its_run(places):
    rename_model(RUN, "cats")
    queued(places, ["--stage1=cats"])
    with pytest.raises(UserError, match="The job “later” needs the model of the run"):
        delete_run(places / "runs" / RUN)


@pytest.mark.parametrize("name", ["train", "evaluate", "scenes-1", "tiny"])
def test_words_that_name_no_model_hold_none(places, stored, name):
    (places / "models" / f"{name}.safetensors").write_bytes(stored)
    config = replace(presets("scenes")["quick look"], split="train", validation=name)
    queued(places, [*flags_of(config), "--split", "train", name, "--weights=\0"])
    delete_model(name)
    delete_model("mine")


def test_of_two_who_give_the_same_name_one_is_refused(places, stored, monkeypatch):
    later = stored + b""
    (places / "models" / "quicker.safetensors").write_bytes(b"another")
    monkeypatch.setattr(registry, "check_model_name", lambda name: name)  # it was free when they looked
    with pytest.raises(UserError, match="There is a model called “quicker” already"):
        rename_model("mine", "quicker")
    assert (places / "models" / "quicker.safetensors").read_bytes() == b"another"
    assert (places / "models" / "mine.safetensors").read_bytes() == later


def test_of_two_who_import_under_the_same_name_one_is_refused(places, stored, monkeypatch):
    (places / "theirs.safetensors").write_bytes(stored)
    place = place_for("new")
    work = importing.import_checkpoint

    def slow(*arguments, **options):
        place.write_bytes(b"the quicker one")
        return work(*arguments, **options)

    monkeypatch.setattr(importing, "import_checkpoint", slow)
    with pytest.raises(UserError, match=r"a file called “new\.safetensors” already; choose another name"):
        importing.store_import([places / "theirs.safetensors"], place, "new")
    assert place.read_bytes() == b"the quicker one"


def test_files_are_added_to_a_model_of_the_list_and_to_no_file_that_somebody_names(places, stored, monkeypatch):
    targets = []
    monkeypatch.setattr(importing, "import_checkpoint", lambda *_, **more: targets.append(more["onto"]))
    monkeypatch.setattr(importing, "save_pair", lambda *_, **__: None)
    monkeypatch.setattr(importing, "is_pair", lambda _: False)
    hidden = places / "hidden.safetensors"
    hidden.write_bytes(stored)
    for name in (str(hidden), str(places), "../hidden", "models/mine.safetensors", "gone", "/etc/passwd", "\0"):
        with pytest.raises(UserError, match=r"no model .* in the list of models that the files could be added to"):
            importing.store_import([places / "irn.pth"], place_for("new"), "new", onto=name)
    assert targets == []
    for named in ("mine", hidden, ""):  # a path is a file that the operator named
        importing.store_import([places / "irn.pth"], place_for("new"), "new", onto=named)
    assert targets == ["mine", hidden, ""]


def test_one_odd_file_hides_no_other(places, stored):
    models = places / "models"
    (models / "loop.safetensors").symlink_to("loop.safetensors")
    (models / "gone.safetensors").symlink_to(places / "nowhere")
    os.mkfifo(models / "pipe.safetensors")
    save_file({"x": torch.zeros(1)}, models / "deep.safetensors", {"pair": "[" * 100_000})
    faults = {entry.name: entry.fault for entry in model_entries()}
    assert {name for name, fault in faults.items() if fault} == {"loop", "pipe", "deep"}
    assert faults["mine"] == ""
    assert find_by_sha256(model_sha256(model_entry("mine"))) == "scenes"
    for name in ("loop", "deep"):
        delete_model(name)


def test_a_run_whose_status_is_damaged_is_over_unless_somebody_holds_it(places):
    run = places / "runs" / RUN
    (run / jobs.STATUS).write_text("{")
    for lock in (jobs.LOCK, jobs.HISTORY):
        with held(run / lock, ""), pytest.raises(UserError, match="is not over"):
            delete_model(RUN)
    assert rename_model(RUN, "cats") == "cats"
    delete_model("cats", whole_run=True)
    assert not run.exists()


def test_a_folder_that_takes_nothing_in_is_a_sentence(places, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tempfile.mkdtemp", full)
        with pytest.raises(UserError, match=r"Nothing can be written .*No space left.*set RECAM_MODELS"), arriving():
            pass
    with arriving() as folder:
        monkeypatch.setattr("pathlib.Path.mkdir", full)
        with pytest.raises(UserError, match=r"“res50\.pth” could not be written: there is no space left"):
            write_arrived(folder, [("res50.pth", b"x")])


def test_a_name_leads_to_a_file_with_its_hash(places, stored):
    digest = model_sha256(model_entry("mine"))
    assert names_file("mine", digest)
    assert names_file(str(places / "runs" / RUN), digest)
    assert not names_file("gone", digest)
    (places / "models" / "mine.safetensors").write_bytes(stored + b"x")
    assert not names_file("mine", digest)
