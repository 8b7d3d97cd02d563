"""A running app and a real Chromium for the browser tests."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from app_server import APP, Servers, servers
from playwright.sync_api import Browser, Page, sync_playwright

SCREENSHOTS = Path(__file__).with_name("screenshots")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app as anybody starts it, one server for all tests that change nothing on its disk."""
    with servers(tmp_path_factory) as started:
        yield started(APP)


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Start servers for the tests of one file."""
    with servers(tmp_path_factory) as started:
        yield started


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
