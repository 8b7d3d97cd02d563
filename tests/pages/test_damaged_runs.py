"""Folders of runs whose files hold something else than ours: named with the reason, deleted, and in nobody's way."""

import json
import os
import re
import shutil

import numpy as np
import pytest
from any_page import open_page, press, words
from trained_runs import write_run

from recam_core.evaluation.store import Note, read_notes, write_note
from recam_core.evaluation.store.layout import PictureEntry
from recam_core.records import Picture, TrainConfig, UserError, from_plain
from recam_core.system import job_runner, jobs, locks

ODD = [None, 3, "x", [], {}, [1, "a"], {"a": [None]}, True, 1e400, -1, "x" * 10_000]
FIELDS = {
    jobs.JOB: ("kind", "title", "arguments", "again", "about"),
    jobs.STATUS: ("state", "queued", "started", "ended", "message"),
}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("RECAM_RUNS", str(folder))
    monkeypatch.setenv("RECAM_MODELS", str(tmp_path / "models"))
    for name in ("RECAM_READ_ONLY", "RECAM_DATA_ROOTS"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.mark.parametrize(("file", "field"), [(file, field) for file, fields in FIELDS.items() for field in fields])
def test_any_field_of_another_kind_is_read_or_refused_by_name(place, file, field):
    folder = write_run(place, "one", model=False)
    whole = (folder / file).read_text()
    for odd in ODD:
        (folder / file).write_text(json.dumps(json.loads(whole) | {field: odd}))
        damaged = jobs.damaged_runs()
        assert len(damaged) + len(jobs.list_jobs()) == 1
        if damaged:
            assert field in damaged[0][1] or "times" in damaged[0][1]
        for job in jobs.list_jobs():
            assert isinstance(job.title, str)
            assert job.status.state in (*jobs.WAITING, *jobs.ENDED)


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '{"a": ' * 5000, "\0"])
def test_files_that_are_no_data_are_refused(place, text):
    for file in FIELDS:
        folder = write_run(place, file, model=False)
        (folder / file).write_text(text)
    assert len(jobs.damaged_runs()) == 2
    assert jobs.list_jobs() == []


@pytest.mark.parametrize("file", ["history.jsonl", ".keeper", "errors.txt", "settings.json", "events.jsonl"])
def test_a_folder_in_the_place_of_a_file_stops_nobody(place, file):
    write_run(place, "whole", model=False)
    folder = write_run(place, "odd", model=False)
    (folder / file).unlink(missing_ok=True)
    (folder / file).mkdir()
    open_page("../pages/lab/train.py", run="odd")
    open_page("../pages/lab/errors.py")


def test_the_pages_name_what_is_damaged_and_can_delete_it(place):
    write_run(place, "whole", model=False)
    broken = write_run(place, "broken", model=False)
    (broken / jobs.STATUS).write_text('{"state": 3}')
    app = open_page("../pages/lab/train.py")
    assert "The run broken cannot be read" in words(app)
    assert "expected str, got int" in words(app)
    press(app, key="delete-damaged-broken")
    assert not broken.exists()
    assert "cannot be read" not in words(app)


def test_plain_data_becomes_settings_only_where_each_value_fits():
    assert from_plain(TrainConfig, {"crop": 64, "watch": ["a"], "newer": 1}) == TrainConfig(crop=64, watch=("a",))
    for name, odd in (("crop", "64"), ("crop", True), ("momentum", "x"), ("watch", "abc"), ("half", 1), ("root", None)):
        with pytest.raises(ValueError, match=f"{name}: expected"):
            from_plain(TrainConfig, {name: odd})
    entry = {
        "name": "a",
        "size": [3, 4],
        "ids": [0],
        "counted": True,
        "objects": 1,
        "note": "",
        "points": {"cam": [None, 0.5]},
    }
    assert from_plain(PictureEntry, entry).points == {"cam": [None, 0.5]}
    for name, odd in (("size", [3]), ("points", {"cam": ["x"]}), ("ids", {}), ("points", [])):
        with pytest.raises(ValueError, match=name):
            from_plain(PictureEntry, entry | {name: odd})
    with pytest.raises(ValueError, match="missing"):
        from_plain(Picture, {"name": "a"})


def test_a_full_disk_is_a_sentence(place, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(locks, "_write_number", full)
    with pytest.raises(UserError, match=r"could not be written .*No space left.* Free some space"):
        write_note(place, "a", Note("x"))
    assert read_notes(place) == {}


def test_a_job_that_cannot_be_written_leaves_no_folder(place, monkeypatch):
    def full(*_, **__):
        raise UserError("there is no space left")

    monkeypatch.setattr(jobs, "save_atomically", full)
    with pytest.raises(UserError, match="no space left"):
        jobs.start_job("train", "x", lambda folder: ["train"])
    assert list(place.iterdir()) == []


def test_the_end_of_a_job_is_written_also_where_no_space_is_left(place, monkeypatch):
    job = jobs.read_job(write_run(place, "one", model=False, job="running"))

    def full(*_):
        raise UserError("there is no space left")

    monkeypatch.setattr(job_runner, "write_status", full)
    job_runner._write_end(job, jobs.Status("failed", 1.0, 2.0, 3.0, "No space left. " * 100))
    monkeypatch.undo()
    again = json.loads((job.folder / jobs.STATUS).read_text())
    assert (again["state"], len(again["message"])) == ("failed", job_runner.WORDS)


def test_how_a_job_was_ended_is_said(place, monkeypatch):
    folder = write_run(place, "one", model=False)
    (folder / "errors.txt").write_text("")
    killed = job_runner.killed_words(9, 3 * 2**29)
    assert "signal 9 (SIGKILL). It held up to 1.5 GB of memory. Most often the machine had no memory left" in killed
    assert job_runner._last_words(folder) == "It ended without a word."
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    assert "No space was left on the disk" in job_runner._last_words(folder)
    (folder / jobs.STATUS).write_text(json.dumps({"state": "running", "queued": 1.0}))
    assert "no space is left" in jobs.read_job(folder).status.message


def test_what_is_watched_is_asked_again_and_a_refusal_tells_nothing(tmp_path, monkeypatch):
    from recam_core.system.folders import watched_file

    inside, secret = tmp_path / "data" / "a.png", tmp_path / "secret.png"
    inside.parent.mkdir()
    for path in (inside, secret):
        path.write_bytes(np.zeros(8).tobytes())
    os.symlink(secret, tmp_path / "data" / "link.png")
    assert watched_file(str(secret)) == secret  # one person is at home
    monkeypatch.setenv("RECAM_DATA_ROOTS", str(tmp_path / "data"))
    assert watched_file(str(inside)) == inside
    refusals = set()
    for name in ("secret.png", "nothing.png", "data/link.png"):
        with pytest.raises(UserError) as caught:
            watched_file(str(tmp_path / name))
        refusals.add(re.sub("“.*?”", "…", str(caught.value)))  # long names are cut
    assert len(refusals) == 1
    upload = tmp_path / "runs" / "one" / "uploads" / "b.png"
    upload.parent.mkdir(parents=True)
    upload.write_bytes(b"x")
    assert watched_file(str(upload)) == upload
