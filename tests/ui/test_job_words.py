"""What the screen says about jobs, and in which order they come."""

import json
import time

import pytest

from recam_core.system import jobs
from ui.widgets.jobs import as_it_is, queue_words, time_words, waiting_jobs, when_words


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("RECAM_RUNS", str(tmp_path))
    return tmp_path


def job_of(runs, name, kind, queued, state="queued"):
    (runs / name).mkdir()
    described = {"kind": kind, "title": f"job {name}", "arguments": [], "again": [], "about": {}}
    (runs / name / jobs.JOB).write_text(json.dumps(described))
    job = jobs.Job(runs / name, kind, described["title"], ())
    jobs.write_status(job, jobs.Status(state, queued=queued))
    return jobs.read_job(runs / name)


def test_a_queued_job_says_what_it_waits_for_whatever_that_is(runs):
    now = time.time()
    third = job_of(runs, "a", "train", now)
    assert queue_words(third) == "Its turn is about to come."
    job_of(runs, "b", "evaluate", now - 2, "running")
    assert queue_words(third) == "Queued, after “job b”: one job runs at a time."
    job_of(runs, "c", "train", now - 1)
    job_of(runs, "d", "train", now - 3, "done")
    assert queue_words(third) == "Queued, after “job c” and 1 more: one job runs at a time."
    assert [job.name for job in waiting_jobs()] == ["b", "c", "a"]
    assert [job.name for job in waiting_jobs("train")] == ["c", "a"]


def test_a_job_that_was_deleted_is_not_there_any_more(runs):
    job = job_of(runs, "a", "train", time.time())
    assert as_it_is(job) == job
    (job.folder / jobs.JOB).unlink()
    assert as_it_is(job) is None


def test_times_in_words():
    assert [time_words(t) for t in (0.2, 45, 400, 9000)] == ["1 s", "45 s", "7 min", "2.5 h"]
    assert when_words(time.time()) == time.strftime("%H:%M")
    assert when_words(0).split(" ")[1] in ("Jan", "Dec")
