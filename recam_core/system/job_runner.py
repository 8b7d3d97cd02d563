"""The process that stays with one job: waits for its turn, runs its command, hands on a stop, writes how it ended.

``python -m recam_core.system.job_runner FOLDER``, started by ``jobs``. It holds a file in the run's folder for as long as it
lives, so that everybody can tell a run that goes on from one whose process was killed.
"""

import contextlib
import ctypes
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from recam_core.records import UserError
from recam_core.system.jobs import (
    ERRORS,
    EVENTS,
    LOCK,
    STATUS,
    Job,
    Status,
    environment,
    is_full,
    list_jobs,
    read_job,
    write_status,
)
from recam_core.system.locks import held

TURN = ".turn"
COMMAND = (sys.executable, "-m", "recam_core")
PR_SET_PDEATHSIG = 1  # of linux/prctl.h
WORDS = 400  # characters of a message that is written without room for more
PAUSE = 0.3  # seconds between two looks at the queue


def keep(folder: Path) -> None:
    """Run a queued job when its turn has come, and write how it ended: the runner's whole life."""
    child: list[subprocess.Popen[bytes]] = []
    stopped = threading.Event()

    def stop(*_: Any) -> None:
        stopped.set()
        for process in child:
            process.send_signal(signal.SIGINT)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)  # also undoes "ignored", which the command would inherit
    with held(folder / LOCK, f"The run {folder.name} has a runner already."):
        job = read_job(folder)
        if job.status.state != "queued":  # stopped before we were there
            return
        with _turn(job, stopped) as has_come:
            if not has_come:
                words = "Stopped while it was waiting for its turn."
                write_status(job, replace(job.status, state="stopped", ended=time.time(), message=words))
                return
            job = read_job(folder)
            if job.status.state != "queued":  # stopped by somebody who did not see us yet
                return
            status = replace(job.status, state="running", started=time.time())
            write_status(job, status)
            code = _run(job, child, stopped)
            state = {0: "done", 130: "stopped", -signal.SIGINT: "stopped"}.get(code, "failed")
            words = "" if state == "done" else _last_words(folder)
            if code < 0 and code != -signal.SIGINT:
                words = killed_words(-code, _most_memory())
            if code == -signal.SIGINT:  # before the command could hear of it: what it left is Python's own
                words = "Stopped while it was starting."
            _write_end(job, replace(status, state=state, ended=time.time(), message=words))


def _write_end(job: Job, status: Status) -> None:
    """Say how it ended, also on a full disk: there the old status is written over where it lies."""
    try:
        write_status(job, status)
    except UserError:
        line = json.dumps(asdict(replace(status, message=status.message[:WORDS])), ensure_ascii=False).encode()
        with (job.folder / STATUS).open("r+b") as stream:  # one block of the disk, which it has already
            stream.write(line)
            stream.truncate()


@contextlib.contextmanager
def _turn(job: Job, stopped: threading.Event) -> Iterator[bool]:
    """Wait until no earlier job runs or waits and hold the turn; False where the job was stopped before."""
    runs = job.folder.parent
    mine = (job.status.queued, job.name)
    with contextlib.ExitStack() as stack:
        while not stopped.is_set():
            if not any((o.status.queued, o.name) < mine for o in list_jobs(runs=runs) if o.is_waiting):
                try:
                    stack.enter_context(held(runs / TURN, "busy"))
                    break
                except UserError as error:  # a runner whose job we could not read may still have it
                    if error.__cause__ is not None:  # it cannot be held at all
                        raise
            stopped.wait(PAUSE)
        yield not stopped.is_set()


def _run(job: Job, child: list[subprocess.Popen[bytes]], stopped: threading.Event) -> int:
    """The command's exit code; what it prints goes to the run's files."""
    again = job.again if (job.folder / EVENTS).exists() else ()
    with (job.folder / EVENTS).open("ab") as events, (job.folder / ERRORS).open("wb") as errors:
        started = json.dumps({"event": "Started", "time": time.time()})
        events.write(f"\n{started}\n".encode())  # a killed command may have left half a line
        events.flush()
        child.append(
            subprocess.Popen(
                [*COMMAND, *job.arguments, *again],
                stdout=events,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                env=environment(),
                preexec_fn=_stop_without_runner,
            )
        )
        if stopped.is_set():  # between its turn and its start
            child[0].send_signal(signal.SIGINT)
        return child[0].wait()


def _stop_without_runner() -> None:
    """Have this process stopped as by Ctrl-C when its runner is killed: nobody else would know that it runs (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _last_words(folder: Path) -> str:
    """The last line that the command left on stderr, or what is known of how it ended."""
    lines = [line for line in (folder / ERRORS).read_text("utf-8", errors="replace").splitlines() if line.strip()]
    if lines:
        return lines[-1].removeprefix("python -m recam_core: ")
    return (
        "No space was left on the disk of the runs. Free some, and go on."
        if is_full(folder)
        else "It ended without a word."
    )


def killed_words(number: int, memory: int) -> str:
    """What a person is told of a command that a signal ended; ``memory`` (bytes) is the most it held, 0 where nobody knows."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "no name"
    held_most = f" It held up to {memory / 2**30:.1f} GB of memory." if memory else ""
    if number == signal.SIGKILL:
        cause = (
            " Most often the machine had no memory left: use smaller batches or crops, fewer workers or a smaller working size, "
            "or end other programs, and go on."
        )
    elif number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE):
        cause = " It crashed in a library: `python -m recam_core doctor` shows versions and whether the models load."
    else:
        cause = " Somebody or the system ended it; go on when the machine is free."
    return f"The system ended it with signal {number} ({name}).{held_most}{cause}"


def _most_memory() -> int:
    """The most bytes that a process of this one has held; 0 on systems that do not say."""
    try:
        import resource  # not on every system
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
