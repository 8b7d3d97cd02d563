"""The runs that the tests of the Train page see, and what the page asks to be run."""

import pytest
from trained_runs import write_job

from recam_core.system import jobs
from ui.train import runs


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """An empty folder of runs, whose models stand in the list of models."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("RECAM_RUNS", str(folder))
    monkeypatch.setenv("RECAM_MODELS", str(folder))
    monkeypatch.delenv("RECAM_READ_ONLY", raising=False)
    monkeypatch.delenv("RECAM_DATA_ROOTS", raising=False)
    return folder


@pytest.fixture
def ordered(monkeypatch, place):
    """What the page asks to be run, instead of running it."""
    asked = []

    def start_job(kind, title, arguments, again=(), about=None):
        folder = place / f"asked-{len(asked)}"
        folder.mkdir(parents=True)
        command = tuple(arguments(folder))
        write_job(folder, kind, title, "queued", about=about)
        asked.append(jobs.Job(folder, kind, title, command, tuple(again), dict(about or {})))
        return asked[-1]

    monkeypatch.setattr(runs, "start_job", start_job)
    return asked
