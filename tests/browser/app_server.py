"""The app, or a script of the tests, as a server of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APP = ROOT / "app.py"
OPTIONS = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "server.address": "127.0.0.1",
    "browser.gatherUsageStats": "false",
}


class Servers:
    """`streamlit run` on scripts: called with one, gives its address; ``processes`` are the servers by their addresses."""

    def __init__(self, new_folder: Callable[[], Path]) -> None:
        self.new_folder = new_folder
        self.processes: dict[str, subprocess.Popen] = {}

    def __call__(self, script: Path, **environment: str) -> str:
        """Start a script, wrapped in an app with our routes unless it makes its own `st.App`."""
        folder = self.new_folder()
        entry = script
        if "st.App(" not in script.read_text(encoding="utf-8"):
            entry = folder / "app.py"
            entry.write_text(
                f"import streamlit as st\n\nfrom ui.routes import ROUTES\n\n"
                f"app = st.App({str(script)!r}, routes=ROUTES)\n"
            )
        port, log = free_port(), folder / "server.log"
        options = [f"--{name}={value}" for name, value in OPTIONS.items()]
        with log.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", str(entry), f"--server.port={port}", *options],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
                stdout=out,
                stderr=out,
            )
        url = f"http://127.0.0.1:{port}"
        self.processes[url] = process
        wait_until_healthy(url, process, log)
        return url

    def stop(self) -> None:
        """End them all."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Servers that are stopped when nobody needs them any more."""
    started = Servers(lambda: tmp_path_factory.mktemp("app"))
    try:
        yield started
    finally:
        started.stop()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(url: str, process: subprocess.Popen, log: Path, seconds: float = 180) -> None:
    """Until the server answers, or the test fails with what the server said."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=20) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"The app did not become healthy at {url}:\n{log.read_text()[-4000:]}")
