"""Several people at the running app: how long each waits when eight ask at once, and how the server's memory grows."""

import io
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from recam_core.datasets.samples import read_sample
from recam_core.experiments.benchmarks.measure import SHAPE, Row
from recam_core.experiments.benchmarks.visitor import HOST, Visitor
from recam_core.records import UserError
from recam_core.system.project_files import APP

PEOPLE = 8
ROUNDS = 5
MARKS = (100, 500)  # requests between which the server's memory is compared
STAY = 20  # pictures that one person brings before another one comes
PATIENCE = 1200.0  # seconds for everything; what takes longer is stopped


@dataclass(frozen=True)
class Server:
    """A running app: its port, and the process whose memory is looked at."""

    port: int
    pid: int

    def memory(self) -> float:
        """Resident memory in MiB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def serve_rows(device: torch.device) -> Iterator[Row]:
    """Eight people who ask at once against one alone, each for a picture of their own; then requests until memory settles."""
    if not Path("/proc/self/statm").exists():
        raise UserError("benchmark serve reads the server's memory from /proc, which this system does not have.")
    with running_app(device) as server:
        yield measured(server)


def measured(server: Server, people: int = PEOPLE, rounds: int = ROUNDS, marks: tuple[int, int] = MARKS) -> Row:
    """The row of a running app; ``ours`` is the longest wait of a round, ``plain`` one person alone, memory at both marks."""
    end = time.monotonic() + PATIENCE
    photos = Photos()
    alone, together = _waits(server, people, rounds, photos, end)
    before, after = _memory(server, people, marks, photos, end)
    one, worst = statistics.median(alone), statistics.median(max(waits) for waits in together)
    share = people * one
    everybody = [wait for waits in together for wait in waits]
    note = (
        f"{people} people ask at once / one alone; the last of them waits {worst / share:.2f}× a fair share ({people} × one "
        f"alone; worst of {rounds} rounds {max(everybody) / share:.2f}×), the first {min(everybody):.2f} s; alone "
        f"{min(alone):.2f}–{max(alone):.2f} s; memory of the server at the {marks[1]}th / {marks[0]}th request, "
        f"{after - before:+.0f} MiB"
    )
    return Row(
        f"serve/{people}-people", f"{SHAPE[1]}×{SHAPE[0]}, flip", worst, one, one / worst, after, before, note=note
    )


def _waits(
    server: Server, people: int, rounds: int, photos: "Photos", end: float
) -> tuple[list[float], list[list[float]]]:
    """Seconds of one person alone, and of each of those who ask at once, in turns after a warm-up."""
    alone: list[float] = []
    together: list[list[float]] = []
    with ExitStack() as stack:
        crowd = [stack.enter_context(Visitor(server.port)) for _ in range(people)]
        for visitor in crowd:
            visitor.open()
        pool = stack.enter_context(ThreadPoolExecutor(people))
        for turn in range(rounds + 1):
            _in_time(end)
            one = _ask(crowd[turn % people], photos)
            start = threading.Barrier(people)
            waits = list(pool.map(lambda visitor, gate=start: _ask(visitor, photos, gate), crowd))
            if turn > 0:
                alone.append(one)
                together.append(waits)
    return alone, together


def _memory(server: Server, people: int, marks: tuple[int, int], photos: "Photos", end: float) -> tuple[float, float]:
    """The server's memory at both marks, counted from the first request of all, while nobody asks."""
    memories = []
    with ThreadPoolExecutor(people) as pool:
        for mark in marks:
            remaining = mark - photos.taken
            shares = [remaining // people + (i < remaining % people) for i in range(people)]
            list(pool.map(lambda share: _come_and_go(server, share, photos, end), shares))
            time.sleep(1)  # sessions that were just closed are put away
            memories.append(server.memory())
    return memories[0], memories[1]


def _come_and_go(server: Server, requests: int, photos: "Photos", end: float) -> None:
    while requests > 0:
        stay = min(requests, STAY)
        with Visitor(server.port) as visitor:
            visitor.open()
            for _ in range(stay):
                _in_time(end)
                _ask(visitor, photos)
        requests -= stay


def _ask(visitor: Visitor, photos: "Photos", start: threading.Barrier | None = None) -> float:
    name, data = photos.take()
    if start is not None:
        start.wait(PATIENCE)
    before = time.perf_counter()
    photos.answered(visitor.upload(name, data))
    return time.perf_counter() - before


def _in_time(end: float) -> None:
    if time.monotonic() > end:
        raise UserError(
            f"The app did not answer everything within {PATIENCE:.0f} seconds; the machine is too busy to measure."
        )


class Photos:
    """Pictures that nobody showed before, as JPEG, so that no answer can come from a cache; safe between threads."""

    def __init__(self) -> None:
        self._pixels = np.ascontiguousarray(read_sample("coffee")[0].pixels[: SHAPE[0], : SHAPE[1]])
        self._numbers = count()
        self._answers: set[str] = set()
        self._lock = threading.Lock()
        self.taken = 0

    def take(self) -> tuple[str, bytes]:
        """A name and the bytes of a file."""
        with self._lock:
            number = next(self._numbers)
            self.taken = number + 1
        shift = np.random.default_rng(number).integers(0, self._pixels.shape[:2])
        stream = io.BytesIO()
        Image.fromarray(np.roll(self._pixels, shift, (0, 1))).save(stream, "JPEG", quality=90, comment=f"{number}")
        return f"photo-{number}.jpg", stream.getvalue()

    def answered(self, heat: str) -> None:
        """Note the id of the maps that came back; one that came before would mean that nothing was computed."""
        with self._lock:
            if heat in self._answers:
                raise UserError("The app answered with maps that were there already, so the times would mean nothing.")
            self._answers.add(heat)


@contextmanager
def running_app(device: torch.device) -> Iterator[Server]:
    """The app on a free loopback port, as ``streamlit run app.py`` starts it; ended afterwards, whatever happens."""
    with tempfile.TemporaryDirectory() as folder, Path(folder, "server.log").open("w+") as log:
        port = _free_port()
        options = {"server.port": port, "server.address": HOST, "server.headless": "true"}
        command = [sys.executable, "-m", "streamlit", "run", str(APP), *(f"--{k}={v}" for k, v in options.items())]
        environment = dict(os.environ)
        if device.type == "cpu":
            environment["CUDA_VISIBLE_DEVICES"] = ""
        process = subprocess.Popen(command, cwd=APP.parent, env=environment, stdout=log, stderr=log)
        try:
            _until_healthy(port, lambda: process.poll() is None)
            yield Server(port, process.pid)
        except BaseException:
            log.seek(0)
            print(log.read()[-2000:], file=sys.stderr)
            raise
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _until_healthy(port: int, alive: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while alive() and time.monotonic() < end:
        try:
            with direct.open(f"http://{HOST}:{port}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise UserError("The app could not be started; its last words are above. Try streamlit run app.py by hand.")
