"""A running app and a real Chromium for the browser tests."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
SCREENSHOTS = Path(__file__).with_name("screenshots")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SERVER_OPTIONS = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "server.address": "127.0.0.1",
    "browser.gatherUsageStats": "false",
}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(url: str, process: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"The app did not become healthy at {url}:\n{log.read_text()[-4000:]}")


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Start `streamlit run` on a script, wrapped in an app with our routes unless it makes its own `st.App`.

    ``serve.processes`` are the servers by their addresses, for those who want to kill one.
    """
    processes: dict[str, subprocess.Popen] = {}

    def start(script: Path, **environment: str) -> str:
        folder = tmp_path_factory.mktemp("app")
        entry = script
        if "st.App(" not in script.read_text(encoding="utf-8"):
            entry = folder / "app.py"
            entry.write_text(
                f"import streamlit as st\n\nfrom ui.routes import ROUTES\n\n"
                f"app = st.App({str(script)!r}, routes=ROUTES)\n"
            )
        port, log = _free_port(), folder / "server.log"
        options = [f"--{name}={value}" for name, value in SERVER_OPTIONS.items()]
        with log.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", str(entry), f"--server.port={port}", *options],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
                stdout=out,
                stderr=out,
            )
        url = f"http://127.0.0.1:{port}"
        processes[url] = process
        _wait_until_healthy(url, process, log)
        return url

    start.processes = processes
    yield start
    for process in processes.values():
        process.terminate()
    for process in processes.values():
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGS)
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open an address at a window size and colour scheme; a JavaScript error on any page fails the test."""
    contexts, errors = [], []

    def start(url: str, width: int = 1440, height: int = 900, scheme: str = "light", *, touch: bool = False) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=touch)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        return page

    yield start
    for context in contexts:
        context.close()
    assert not errors, errors


@pytest.fixture
def screenshot(request: pytest.FixtureRequest) -> Callable[..., Path]:
    """Save what a page looks like under tests/browser/screenshots (not kept in git)."""

    def save(page: Page, name: str, *, full: bool = False) -> Path:
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{re.sub(r'[^a-z0-9-]+', '-', name.lower())}.png"
        page.screenshot(path=path, full_page=full)
        return path

    return save
