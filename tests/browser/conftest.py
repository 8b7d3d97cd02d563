"""A running app and a real Chromium for the browser tests."""

import re
import shutil
from collections.abc import Callable, Generator, Iterator
from functools import cache, partial
from pathlib import Path
from urllib.parse import urljoin

import pytest
from app_server import APP, Servers, servers
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright
from waiting import show_as

from recam_core.system import jobs
from recam_core.system.locks import is_held

PATIENCE = 120_000  # milliseconds that a page has for what it is asked: a first visit loads models, and the machine may be busy
expect.set_options(timeout=PATIENCE)
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--process-per-site",  # with the page that stays open: Streamlit's scripts are compiled once, not on every page
]
# Streamlit's moving bars are painted by the processor, which the servers need.
STILL = """
new MutationObserver((_, observer) => {
    if (!document.documentElement) return;
    observer.disconnect();
    const style = document.createElement("style");
    style.textContent = "*, *::before, *::after { animation: none !important; transition: none !important }";
    document.documentElement.append(style);
}).observe(document, { childList: true });
"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With a test that fails stands what its pages showed, also where it is asked once more."""
    report = yield
    if report.failed and call.when == "call" and isinstance(browser := item.funcargs.get("browser"), Browser):
        pages = [page for profile in browser.contexts for page in profile.pages if "/_stcore/" not in page.url]
        report.sections.extend((f"What {page.url} showed", shown_on(page)) for page in pages)
    return report


def shown_on(page: Page) -> str:
    """Whether the script of a page runs, and its words; or that it does not answer."""
    try:
        app = page.locator("[data-testid=stApp]")
        return f"{app.get_attribute('data-test-script-state', timeout=5000)}\n{app.inner_text(timeout=5000)[:3000]}"
    except Error as error:
        return str(error)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app's folder of models."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The app's folder of runs; what still runs in it when the tests are over is stopped."""
    folder = tmp_path_factory.mktemp("runs")
    yield folder
    for job in jobs.list_jobs(runs=folder):
        if is_held(job.folder / jobs.LOCK):
            jobs.stop_job(job)


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Start servers, which run until the tests are over."""
    with servers(tmp_path_factory) as started:
        yield started


@pytest.fixture(scope="session")
def start_app(serve: Servers, models: Path, runs: Path) -> Callable[[], str]:
    """Start a server of the app, as anybody does, on those folders; returns its address."""
    folders = {"RECAM_MODELS": str(models), "RECAM_RUNS": str(runs)}
    return partial(serve, APP, RECAM_COUNT_PASSES="1", **folders)


@pytest.fixture(scope="session")
def url(start_app: Callable[[], str]) -> str:
    """The address of the one server that all tests of the app ask: to start one takes seconds."""
    return start_app()


@pytest.fixture(scope="session")
def spare() -> list[str]:
    """Addresses of servers whose test is over, for another one that wants a server to itself."""
    return []


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def context(browser: Browser) -> Callable[[bool], BrowserContext]:
    """A browser's profile, with touch or without."""

    @cache
    def profile_with(touch: bool) -> BrowserContext:
        profile = browser.new_context(has_touch=touch)
        profile.add_init_script(STILL)
        return profile

    return profile_with


def opened_pages(context: Callable[[bool], BrowserContext]) -> Iterator[Callable[..., Page]]:
    """Open an address at a window size and colour scheme; a JavaScript error on any page fails the test."""
    pages, errors = [], []

    def start(url: str, width: int = 1440, height: int = 900, scheme: str = "light", *, touch: bool = False) -> Page:
        profile = context(touch)
        if not profile.pages:  # one that stays open, so that the pages of all tests are of its process
            profile.new_page().goto(urljoin(url, "/_stcore/health"))
        page = profile.new_page()
        pages.append(page)
        show_as(page, width, height, scheme)
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        return page

    yield start
    for page in pages:
        page.close()
    assert not errors, errors


open_page = pytest.fixture(opened_pages, name="open_page")
open_page_once = pytest.fixture(opened_pages, scope="module", name="open_page_once")  # for all tests of a file


@pytest.fixture
def screenshot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Save what a page looks like, where somebody asks for it: to paint one takes longer than many a test."""
    folder: Path | None = request.config.getoption("--screenshots")

    def save(page: Page, name: str, *, full: bool = False) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=folder / f"{re.sub(r'[^a-z0-9-]+', '-', name.lower())}.png", full_page=full)

    return save
