"""The heat view of the Compare page: waiting for it, reading it, setting it."""

import re

from waiting import drawn, wait_for_address


def wait_for_maps(page):
    page.locator(".st-key-heat .row .view canvas").first.wait_for()
    settle(page)


def settle(page):
    """Until no script runs and the maps that belong to the page are drawn."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_timeout(250)  # settings are sent 200 ms after the last change
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.locator(".st-key-heat .stage:not(.waiting)").wait_for()


def panel(page, row, view):
    return page.locator(f".st-key-heat .row >> nth={row}").locator(f"[data-view={view}]")


def sentence(page):
    return page.locator(".st-key-heat .sentence").first.inner_text().replace("\u00a0", " ")


def class_names(page):
    return page.locator(".st-key-heat .class-name").all_inner_texts()


def drag_threshold(page, value, *, release):
    page.get_by_role("slider", name="Background threshold").evaluate(
        """(input, [value, release]) => { input.value = value; input.dispatchEvent(new Event("input"));
            if (release) input.dispatchEvent(new Event("change")); }""",
        [value, release],
    )
    drawn(page)


def choose(page, mode):
    page.locator(".st-key-heat .segment", has_text=re.compile(f"^{mode}$")).click()
    wait_for_address(page, view="" if mode == "Heat" else mode.lower())  # what is usual is not in the address
    settle(page)
