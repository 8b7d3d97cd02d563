"""A run's history: whole lines, cut where a run goes on, and kept whole by a full disk."""

import errno
import json
import os
import time

import pytest

from recam_core.records import EvalStep, UserError
from recam_core.system import history
from recam_core.system.history import HISTORY, History, read_history


def lines(folder):
    return [event["done"] for event in read_history(folder)]


def test_events_are_lines_with_their_time(tmp_path):
    writer = History(tmp_path)
    writer.add(EvalStep(1, 3, "ä"))
    plain = json.loads((tmp_path / HISTORY).read_text("utf-8"))
    assert abs(plain.pop("time") - time.time()) < 5
    assert plain == {"event": "EvalStep", "done": 1, "total": 3, "name": "ä"}
    assert writer.length == (tmp_path / HISTORY).stat().st_size
    writer.close()


def test_what_was_said_after_a_place_is_forgotten(tmp_path):
    first = History(tmp_path)
    first.add(EvalStep(0, 3, ""))
    length = first.length
    for i in (1, 2):
        first.add(EvalStep(i, 3, ""))
    first.close()
    assert lines(tmp_path) == [0, 1, 2]
    again = History(tmp_path, length)
    again.add(EvalStep(7, 3, ""))
    again.close()
    assert lines(tmp_path) == [0, 7]


def test_no_file_is_no_history_and_one_that_lost_its_end_goes_on(tmp_path):
    assert read_history(tmp_path) == []
    writer = History(tmp_path, 500)  # a power cut took it
    writer.add(EvalStep(1, 1, ""))
    writer.close()
    assert lines(tmp_path) == [1]


def test_a_full_disk_is_a_sentence_and_leaves_whole_lines(tmp_path, monkeypatch):
    writer = History(tmp_path)
    writer.add(EvalStep(0, 2, ""))
    with monkeypatch.context() as patch:
        patch.setattr(history.os, "pwrite", almost_full(os.pwrite))
        with pytest.raises(UserError, match=r"“history\.jsonl” could not be written: there is no space left"):
            writer.add(EvalStep(1, 2, ""))
    assert (tmp_path / HISTORY).read_bytes().endswith(b"}\n")
    writer.add(EvalStep(1, 2, ""))
    writer.close()
    assert lines(tmp_path) == [0, 1]


def almost_full(write):
    """A disk that takes five bytes more."""
    taken = []

    def pwrite(file, data, place):
        if taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken.append(write(file, data[:5], place))
        return taken[0]

    return pwrite


def test_one_process_at_a_time_writes_and_what_it_wrote_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(history, "PATIENCE", 0.1)
    first = History(tmp_path)
    first.add(EvalStep(1, 1, ""))
    with pytest.raises(UserError, match="Another process is training in"):
        History(tmp_path)
    assert lines(tmp_path) == [1]
    first.close()
    History(tmp_path).close()
    assert lines(tmp_path) == []
