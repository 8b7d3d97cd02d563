import errno
import io
import os
import stat
import zipfile

import pytest

from recam_core.records import UserError
from recam_core.system.files import NAMING, parent_for, save_atomically, write_folder, zip_bytes
from recam_core.system.locks import held


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_save_writes_and_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a.bin"
    save_atomically(path, b"old")
    save_atomically(path, b"new and longer")
    assert path.read_bytes() == b"new and longer"
    assert names(tmp_path) == ["a.bin"]


def test_save_honours_the_umask(tmp_path):
    previous = os.umask(0o022)
    try:
        save_atomically(tmp_path / "a.bin", b"x")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == 0o644


def test_save_follows_a_link_instead_of_replacing_it(tmp_path):
    (tmp_path / "real.bin").write_bytes(b"old")
    (tmp_path / "link.bin").symlink_to(tmp_path / "real.bin")
    save_atomically(tmp_path / "link.bin", b"new")
    assert (tmp_path / "link.bin").is_symlink()
    assert (tmp_path / "real.bin").read_bytes() == b"new"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_no_space_is_a_sentence_and_the_old_file_survives(tmp_path, monkeypatch, step):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(UserError, match=r"“a\.bin” could not be written: there is no space left for its 3 MB\. Free"):
        save_atomically(path, b"x" * (3 << 20))
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_the_data_is_on_disk_before_the_name_changes(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("fsync"), fsync(handle))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("replace"), replace(a, b))[1])
    save_atomically(tmp_path / "a.bin", b"x")
    assert order[:2] == ["fsync", "replace"]


def test_stopping_in_the_middle_leaves_nothing(tmp_path, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        save_atomically(tmp_path / "a.bin", b"x")
    assert names(tmp_path) == []


def test_save_names_a_missing_folder_and_a_folder_in_the_way(tmp_path):
    with pytest.raises(UserError, match="folder “nowhere” does not exist"):
        save_atomically(tmp_path / "nowhere" / "a.bin", b"x")
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(UserError, match="a folder of that name is in the way"):
        save_atomically(tmp_path / "a.bin", b"x")
    assert names(tmp_path) == ["a.bin"]


def test_write_folder_makes_folders_and_keeps_strangers(tmp_path):
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    (out / "mine.txt").write_text("kept")
    write_folder({"cam/labels.png": b"1", "manifest.json": b"2"}, out)
    assert (out / "cam" / "labels.png").read_bytes() == b"1"
    assert (out / "manifest.json").read_bytes() == b"2"
    assert (out / "mine.txt").read_text() == "kept"


def test_write_folder_refuses_a_file_as_folder(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match="a file is in the way"):
        write_folder({"a": b"1"}, tmp_path / "out")
    with pytest.raises(UserError, match="a file is in the way"):
        write_folder({"cam/a": b"1"}, tmp_path / "out")


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/a", "", ".", "a\\..\\b", "C:a", "a\0b"])
def test_names_that_leave_the_folder_are_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(UserError, match="would leave its folder"):
        write_folder({"good": b"1", name: b"2"}, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match="would leave its folder"):
        zip_bytes({name: b"2"})


def test_zip_depends_on_the_files_only():
    data = zip_bytes({"b.txt": b"2" * 1000, "a/c.png": b"1" * 1000})
    assert data == zip_bytes({"a/c.png": b"1" * 1000, "b.txt": b"2" * 1000})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a/c.png", "b.txt"]
        assert archive.read("b.txt") == b"2" * 1000
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert [entry.compress_size < 1000 for entry in archive.infolist()] == [False, True]


def test_the_folder_of_a_result_is_made_before_the_work(tmp_path):
    assert parent_for(tmp_path / "a" / "b.json").parent.is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be made"):
        parent_for(tmp_path / "file" / "b.json")
    with pytest.raises(UserError, match="is a folder"):
        parent_for(tmp_path / "a")


def test_a_new_file_never_takes_the_place_of_one_that_came_meanwhile(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_atomically(path, b"first", new=True)
    with pytest.raises(UserError, match=r"a file called “mine\.safetensors” already; choose another name"):
        save_atomically(path, b"second", new=True)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="already"):
        save_atomically(tmp_path / "link", b"through a link", new=True)
    assert path.read_bytes() == b"first"
    assert names(tmp_path) == ["link", "mine.safetensors"]


def test_where_there_are_no_hard_links_a_lock_keeps_two_apart(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    save_atomically(tmp_path / "a", b"first", new=True)
    with pytest.raises(UserError, match="a file called “a” already"):
        save_atomically(tmp_path / "a", b"second", new=True)
    assert (tmp_path / "a").read_bytes() == b"first"
    assert names(tmp_path) == [NAMING, "a"]
    with held(tmp_path / NAMING, ""), pytest.raises(UserError, match="try again"):
        save_atomically(tmp_path / "b", b"third", new=True)
    assert names(tmp_path) == [NAMING, "a"]
