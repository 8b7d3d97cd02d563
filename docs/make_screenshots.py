"""Take the screenshots of the docs from the running app (needs Chromium and Playwright).

``python docs/make_screenshots.py [NAME …]``: all of them, or those that are named. With ``--forms FOLDER`` each page is also kept
there as wide and narrow windows and a phone show it, light and dark, to be looked at.
"""

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
PATIENCE = 900_000  # milliseconds: a training and an evaluation are waited for, also on a busy machine
SHOTS = {  # file: address, width, height, colour scheme
    "compare-light": ("?picture=chelsea&classes=cat", 1440, 900, "light"),
    "compare-scene-dark": ("?picture=scene-fish-boat&view=error", 1440, 900, "dark"),
    "compare-phone": ("?picture=chelsea&classes=cat", 390, 844, "light"),
    "climb-light": ("climb?picture=chelsea&classes=cat", 1440, 1080, "light"),
    "walk-light": ("walk?picture=scene-cat-dog-tree&classes=tree", 1440, 1080, "light"),
    "balance-light": ("balance?picture=scene-cat-dog-tree&classes=tree", 1440, 1080, "light"),
    "train-light": ("train", 1440, 1500, "light"),
    "models-light": ("models", 1440, 1130, "light"),
    "errors-light": ("errors", 1440, 1500, "light"),
    "why-light": ("why?picture=chelsea&classes=cat&step=2", 1440, 1080, "light"),
}
FORMS = [(*size, scheme) for size in ((1440, 900), (1280, 720), (390, 844)) for scheme in ("light", "dark")]


@contextmanager
def running_app() -> Iterator[str]:
    """The app on a free port, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *options]
    runs = tempfile.TemporaryDirectory()  # where nothing was evaluated yet
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RECAM_RUNS": runs.name, "RECAM_MODELS": f"{runs.name}/models"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)
        runs.cleanup()


def small_png(data: bytes) -> bytes:
    """The same picture with 64 levels a channel: a third smaller, and no colour is off by more than 2 of 255.

    A palette of 256 colours would be smaller still, but changes the colours that mean something.
    """
    stream = io.BytesIO()
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image.point([min(255, (value + 2) // 4 * 4) for value in range(256)] * 3).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def climb(page: Page) -> None:
    """Make the whole climb and wait for its last step."""
    page.locator(".st-key-climb .panel canvas").first.wait_for()
    page.get_by_role("button", name="Start the climb").click()
    page.get_by_role("button", name="WebP").wait_for()


def train(page: Page) -> None:
    """Make the whole quick look and wait for its model."""
    page.get_by_role("button", name="Start a quick look").click()
    page.get_by_text("The model is listed under Models as").wait_for()
    page.locator("[class*=st-key-train-player] canvas").first.wait_for()


def settled(page: Page) -> bytes:
    """What it looks like once no script runs and nothing is waited for."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    page.wait_for_timeout(1000)  # fonts and thumbnails
    return page.screenshot()


def save_forms(page: Page, name: str, folder: Path) -> None:
    """Write the page as other windows show it."""
    folder.mkdir(parents=True, exist_ok=True)
    for width, height, scheme in FORMS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        (folder / f"{name.split('-')[0]}-{width}-{scheme}.png").write_bytes(settled(page))


def main(names: list[str], forms: Path | None) -> None:
    """Write docs/images/*.png, and other forms of the same pages where a folder is named."""
    IMAGES.mkdir(exist_ok=True)
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with running_app() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        for name in names or SHOTS:
            query, width, height, scheme = SHOTS[name]
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.set_default_timeout(PATIENCE)
            page.goto(f"{url}/{query}")
            if query.startswith("climb"):
                climb(page)
            elif query.startswith("walk"):
                page.get_by_role("button", name="Use as labels").wait_for()
            elif query.startswith("balance"):
                page.locator(".st-key-balance-heat .row .view canvas").first.wait_for()
            elif query.startswith("train"):
                train(page)
            elif query.startswith("errors"):
                page.get_by_role("button", name="Evaluate the bundled scenes model").click()
                page.locator("[class*=st-key-stop-]").wait_for()
                page.locator("[class*=st-key-stop-]").wait_for(state="detached")
                page.locator(".st-key-errors-cards img").nth(7).wait_for()
            elif query.startswith("models"):
                page.get_by_text("Classes, training, scores and file").first.wait_for()
            elif query.startswith("why"):
                page.locator(".st-key-why-votes .row .view canvas").first.wait_for()
            else:
                page.locator(".st-key-heat .row .view canvas").first.wait_for()
            path = IMAGES / f"{name}.png"
            path.write_bytes(small_png(settled(page)))
            print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1024:.0f} KiB")
            if forms is not None:
                save_forms(page, name, forms)
            page.close()
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SHOTS))
    parser.add_argument("--forms", type=Path, metavar="FOLDER")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(SHOTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(SHOTS)}")
    main(asked.names, asked.forms)
