"""What a training will take, tried by a process of its own with limits of memory and of time: nobody else waits for it.

A crop that was mistyped may ask for all of a machine. Here it ends one process, and a sentence says so.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from recam_core.records import Cost, TrainConfig, UserError, flags_of
from recam_core.system.device import pick_device
from recam_core.system.jobs import environment

ROOM = 6 * 2**30  # bytes on a processor; one picture of the largest network of the paper takes about three
SECONDS = 120.0
PAUSE = 0.2  # seconds between two looks at it
NICENESS = 5  # those who look at pictures come first


def estimate_apart(config: TrainConfig, check: Callable[[], None] = lambda: None) -> Cost:
    """`estimate_cost` of these settings with their data set; ``check`` is called on the way, and what it raises ends the trial.

    Raises ``UserError`` where the settings or the data set are refused, and where a step takes more memory or time than a
    trial may.
    """
    command = [
        sys.executable,
        "-m",
        "recam_core",
        "train",
        "--estimate",
        "--json-lines",
        *flags_of(replace(config, watch=())),
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    end = time.monotonic() + SECONDS
    try:
        _bound(process.pid)
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                output, complaint = process.communicate(timeout=PAUSE)
                break
            check()
            if time.monotonic() > end:
                raise UserError(
                    f"A step with these settings takes more than {SECONDS:.0f} seconds on this server, so the trial was ended. "
                    "Lower the crop, or take a smaller network."
                )
    finally:
        process.kill()  # nothing happens where it has ended
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    return _cost(process.returncode, output, complaint)


def _bound(pid: int) -> None:
    """Let a process come after others, and have so much memory; a graphics card's driver reserves far more than it takes."""
    with contextlib.suppress(ImportError, OSError, AttributeError):  # not on every system; it may have ended
        os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
        if pick_device().type == "cpu":
            import resource

            resource.prlimit(pid, resource.RLIMIT_DATA, (ROOM, ROOM))


def _cost(status: int, output: bytes, complaint: bytes) -> Cost:
    lines = [json.loads(line) for line in output.splitlines() if line.startswith(b"{")]
    cost = next((line for line in lines if line.pop("event", "") == "Cost"), None)
    if status == 0 and cost is not None:
        return Cost(**cost | {name: tuple(cost[name]) for name in ("step_seconds", "steps")})
    last = complaint.decode(errors="replace").strip().splitlines()[-1:]
    if status == 2 and last:
        raise UserError(last[0].removeprefix("python -m recam_core: "))
    raise UserError(
        f"A step with these settings takes more than the {ROOM // 2**30} GiB of memory that a trial may have on this server. "
        "Lower the crop, or take a smaller network."
    )
