"""How soon a page is there: ``python docs/measure_first_paint.py`` (needs Chromium and Playwright).

Each round starts the server anew, waits until it answers, and opens the Compare page in a fresh Chromium: seconds until the
browser painted something of the page, until the page's own words were there, and until the maps were drawn.
"""

import shutil
import statistics
import time

from make_screenshots import running_app
from playwright.sync_api import sync_playwright

ROUNDS = 5
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


def one_round() -> tuple[float, float, float]:
    """Seconds from the request for the page to its first paint, its words and its maps."""
    with running_app() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        start = time.perf_counter()
        page.goto(url, wait_until="commit")
        page.get_by_text("The engine is starting").or_(
            page.get_by_text("A classifier lights up the part")
        ).first.wait_for()
        words = time.perf_counter() - start
        page.locator(".st-key-heat .row .view canvas").first.wait_for(timeout=120_000)
        maps = time.perf_counter() - start
        painted = float(page.evaluate(PAINTED)) / 1000
        browser.close()
    return painted, words, maps


if __name__ == "__main__":
    rounds = [one_round() for _ in range(ROUNDS)]
    for name, times in zip(("first paint", "first words", "maps"), zip(*rounds, strict=True), strict=True):
        print(f"{name}: {statistics.median(times):.2f} s ({min(times):.2f}–{max(times):.2f} s)")
