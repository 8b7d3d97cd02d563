"""Jobs as processes: run, queued, stopped, gone on with, found again, and killed."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from recam_core.records import UserError
from recam_core.system import jobs
from recam_core.system.history import History
from recam_core.system.job_runner import killed_words
from recam_core.system.jobs import (
    find_job,
    last_event,
    list_jobs,
    read_events,
    read_job,
    resume_job,
    start_job,
    stop_job,
)
from recam_core.system.locks import held, is_held

pytestmark = pytest.mark.process

# a command that says it began, and goes on until there is a file called "go"
SLOW = """
import json, pathlib, sys, time
if "fail" in sys.argv:
    print("python -m recam_core: The data set is not there.", file=sys.stderr); sys.exit(2)
print(json.dumps({"event": "Step", "arguments": sys.argv[1:]}), flush=True)
if "import" in sys.argv:  # what a command does before it can say anything
    time.sleep(60)
try:
    while not pathlib.Path(sys.argv[1], "go").exists():
        time.sleep(0.02)
except KeyboardInterrupt:
    print("Stopped. The same command goes on from here.", file=sys.stderr)
    sys.exit(130)
print(json.dumps({"event": "Finished"}), flush=True)
"""


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    """A folder of its own, and instead of the engine a command that waits to be told."""
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "runner.py").write_text(
        "import pathlib, sys\n"
        "from recam_core.system import job_runner\n"
        f"job_runner.COMMAND = (sys.executable, {str(tmp_path / 'slow.py')!r})\n"
        "job_runner.PAUSE = 0.05\n"
        "job_runner.keep(pathlib.Path(sys.argv[1]))\n"
    )
    monkeypatch.setenv("RECAM_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(
        jobs, "runner_command", lambda folder: [sys.executable, str(tmp_path / "runner.py"), str(folder)]
    )
    yield tmp_path / "runs"
    for job in list_jobs():
        (job.folder / "go").touch()
    for job in list_jobs():
        until(lambda job=job: not is_held(job.folder / jobs.LOCK))


def until(holds, seconds=15):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.03)


def started(title="first", *more, again=()):
    return start_job("evaluate", title, lambda folder: [str(folder), *more], again, {"dataset": "scenes"})


def state(job):
    return read_job(job.folder).status.state


def has_said(job, kind="Step"):
    return last_event(job, kind) is not None


def test_a_job_runs_and_is_found_with_what_it_said():
    job = started("CAM, w′ on scenes")
    until(lambda: has_said(job))
    assert state(job) == "running"
    (job.folder / "go").touch()
    until(lambda: state(job) == "done")
    ended = find_job(job.name)
    assert (ended.kind, ended.title, ended.about) == ("evaluate", "CAM, w′ on scenes", {"dataset": "scenes"})
    assert ended.status.started <= ended.status.ended
    events, end = read_events(ended)
    assert [event["event"] for event in events] == ["Started", "Step", "Finished"]
    assert read_events(ended, end) == ([], end)
    assert list_jobs("evaluate")[0].name == job.name
    assert list_jobs("train") == []


def test_one_runs_and_the_others_wait_in_the_order_of_asking():
    first = started("first")
    until(lambda: has_said(first))
    second, third = started("second"), started("third")
    until(lambda: all(is_held(job.folder / jobs.LOCK) for job in (second, third)))
    time.sleep(0.3)
    assert [state(job) for job in (first, second, third)] == ["running", "queued", "queued"]
    stop_job(second)
    until(lambda: state(second) == "stopped")
    assert "waiting for its turn" in read_job(second.folder).status.message
    (first.folder / "go").touch()
    until(lambda: has_said(third))
    assert state(first) == "done"


def test_a_stopped_job_goes_on_with_what_it_takes_to_do_so():
    job = started(again=("--resume",))
    until(lambda: has_said(job))
    stop_job(job)
    until(lambda: state(job) == "stopped")
    assert read_job(job.folder).status.message == "Stopped. The same command goes on from here."
    resume_job(read_job(job.folder))
    until(lambda: len(read_events(job)[0]) == 4)
    with pytest.raises(UserError, match="running or queued already"):
        resume_job(job)
    assert last_event(job, "Step")["arguments"] == [str(job.folder), "--resume"]
    stop_job(job)
    until(lambda: state(job) == "stopped")
    stop_job(job)  # nothing is left to stop


def test_a_command_that_is_stopped_while_it_starts_says_so_without_a_traceback():
    job = started("slow start", "import")
    until(lambda: has_said(job))
    stop_job(job)
    until(lambda: state(job) == "stopped")
    assert read_job(job.folder).status.message == "Stopped while it was starting."


def test_a_refused_command_leaves_its_sentence():
    job = started("bad", "fail")
    until(lambda: state(job) == "failed")
    assert read_job(job.folder).status.message == "The data set is not there."


def child_of(job):
    """The process of a job's runner, and that of the command which it runs."""
    runner = int((job.folder / jobs.LOCK).read_text())
    (child,) = map(int, subprocess.check_output(["ps", "--ppid", str(runner), "-o", "pid="], text=True).split())
    return runner, child


def test_a_command_that_the_system_killed_says_signal_memory_and_what_to_do():
    job = started()
    until(lambda: has_said(job))
    _, child = child_of(job)
    os.kill(child, signal.SIGKILL)
    until(lambda: state(job) == "failed")
    message = read_job(job.folder).status.message
    assert re.search(r"signal 9 \(SIGKILL\)\. It held up to \d+\.\d GB of memory\.", message)
    assert "smaller batches" in message
    resume_job(read_job(job.folder))
    until(lambda: len(read_events(job)[0]) == 4)


@pytest.mark.parametrize(("number", "name", "advice"), [
    (signal.SIGSEGV, "SIGSEGV", "doctor"), (signal.SIGTERM, "SIGTERM", "go on when the machine is free"),
    (64 + 9, "no name", "go on when the machine is free"),
])  # fmt: skip
def test_each_signal_has_its_name_and_advice(number, name, advice):
    message = killed_words(number, 3 * 2**30)
    assert f"signal {int(number)} ({name}). It held up to 3.0 GB of memory." in message
    assert advice in message
    assert "GB" not in killed_words(number, 0)


def test_a_job_lives_on_without_the_process_that_started_it_and_a_killed_one_is_told_apart(monkeypatch, runs):
    job = started()
    until(lambda: has_said(job))
    assert json.loads(
        subprocess.run(
            [sys.executable, "-c", "from recam_core.system.jobs import list_jobs; import json\n"
             "print(json.dumps([j.status.state for j in list_jobs()]))"],
            capture_output=True, text=True, check=True,
        ).stdout
    ) == ["running"]  # fmt: skip
    monkeypatch.setattr(jobs, "STARTING", 0)
    os.kill(int((job.folder / jobs.LOCK).read_text()), signal.SIGKILL)
    until(lambda: state(job) == "interrupted")
    assert "killed" in read_job(job.folder).status.message


def test_a_job_that_is_stopped_before_its_runner_is_there_never_runs(monkeypatch):
    monkeypatch.setattr(jobs, "runner_command", lambda folder: [sys.executable, "-c", ""])
    job = started()
    stop_job(job)
    assert state(job) == "stopped"


def test_folders_that_are_no_runs_are_passed_over_and_names_are_checked(runs):
    (runs / "damaged").mkdir(parents=True)
    (runs / "damaged" / jobs.JOB).write_text("{")
    assert list_jobs() == []
    (runs.parent / jobs.JOB).touch()
    for name in ("nobody", "../../etc", "", "..", ".", "x" * 300):
        with pytest.raises(UserError, match="There is no run"):
            find_job(name)
    with pytest.raises(UserError, match="cannot be read"):
        find_job("damaged")


def test_an_operator_can_switch_starting_off(monkeypatch, runs):
    monkeypatch.setenv("RECAM_READ_ONLY", "1")
    with pytest.raises(UserError, match="switched off starting jobs"):
        started()
    assert not runs.exists()


def test_a_visitor_of_a_server_that_only_shows_ends_nothing(monkeypatch):
    job = started()
    until(lambda: has_said(job))
    monkeypatch.setenv("RECAM_READ_ONLY", "1")
    with pytest.raises(UserError, match="switched off starting and stopping jobs"):
        stop_job(job)
    assert state(job) == "running"


def test_the_queue_is_bounded(monkeypatch):
    monkeypatch.setattr(jobs, "runner_command", lambda folder: [sys.executable, "-c", ""])
    monkeypatch.setattr(jobs, "QUEUE", 2)
    started()
    started()
    with pytest.raises(UserError, match="At most 2 jobs may wait for their turn, and 2 do"):
        started()


def test_a_stop_that_was_written_before_the_turn_came_is_kept(monkeypatch, runs):
    first = started("first")
    until(lambda: has_said(first))
    second = started("second")
    until(lambda: is_held(second.folder / jobs.LOCK))
    with monkeypatch.context() as patch:  # as for somebody who looked before the runner was there
        patch.setattr(jobs, "is_held", lambda path: False)
        stop_job(second)
    (first.folder / "go").touch()
    until(lambda: not is_held(second.folder / jobs.LOCK))
    assert read_job(second.folder).status.message == "Stopped before it began."
    assert read_events(second) == ([], 0)


def test_a_line_that_was_cut_off_costs_no_other(monkeypatch):
    job = started(again=("--resume",))
    until(lambda: has_said(job))
    stop_job(job)
    until(lambda: state(job) == "stopped")
    with (job.folder / jobs.EVENTS).open("ab") as stream:
        stream.write(b'{"event": "St')
    resume_job(read_job(job.folder))
    until(lambda: len(read_events(job)[0]) == 4)
    assert [event["event"] for event in read_events(job)[0]] == ["Started", "Step"] * 2


def test_two_never_hold_a_file_and_a_stale_one_holds_nobody_up(tmp_path):
    path = tmp_path / ".lock"
    path.write_text("999999")  # left behind by a process that is gone
    assert not is_held(path)
    with held(path, "busy"):
        assert is_held(path)
        assert path.read_text() == str(os.getpid())
        with pytest.raises(UserError, match=f"process {os.getpid()} has it"), held(path, "process {pid} has it"):
            pass
    assert not is_held(path)
    assert not is_held(tmp_path / "nothing")
    with pytest.raises(UserError, match="must be one that can be written to"), held(tmp_path / "no" / ".lock", "busy"):
        pass


def test_a_run_is_deleted_whole_and_not_while_it_waits(runs, monkeypatch):
    job = started()
    with pytest.raises(UserError, match="stop it before it is deleted"):
        jobs.delete_run(job.folder)
    (job.folder / "go").touch()
    until(lambda: state(job) == "done" and not is_held(job.folder / jobs.LOCK))
    (job.folder / "maps").mkdir()
    monkeypatch.setenv("RECAM_READ_ONLY", "1")
    with pytest.raises(UserError, match="switched off deleting"):
        jobs.delete_run(job.folder)
    monkeypatch.delenv("RECAM_READ_ONLY")
    jobs.delete_run(job.folder)
    assert not job.folder.exists()
    with pytest.raises(UserError, match="There is no run"):
        jobs.delete_run(job.folder)


def test_nothing_outside_of_the_runs_is_deleted(runs, tmp_path):
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    runs.mkdir()
    (runs / "link").symlink_to(outside)
    for folder in (outside, runs / "link", runs / ".." / "elsewhere", runs):
        with pytest.raises(UserError, match="There is no run"):
            jobs.delete_run(folder)
    assert outside.is_dir()


def test_a_run_that_a_command_without_a_job_writes_into_is_not_deleted(runs):
    folder = jobs.runs_folder() / "by-hand"
    folder.mkdir(parents=True)
    writer = History(folder)
    with pytest.raises(UserError, match="is running or queued"):
        jobs.delete_run(folder)
    writer.close()
    jobs.delete_run(folder)
    assert not folder.exists()


def test_a_command_is_stopped_when_its_runner_is_killed(runs):
    job = started()
    until(lambda: has_said(job))
    runner, child = child_of(job)
    os.kill(runner, signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{child}"))
