"""Waiting for what a page does: Python answers, writes the address, and the browser paints, some time after the person acted."""

import time
from collections.abc import Callable

from playwright.sync_api import FloatRect, Locator, Page, Position


def wait_for_address(page: Page, **wanted: str) -> None:
    """Until the address names these values (an empty one: does not name it), and perhaps others."""
    page.wait_for_function(
        """wanted => { const query = new URLSearchParams(location.search);
            return Object.entries(wanted).every(([name, value]) => (query.get(name) ?? "") === value); }""",
        arg=wanted,
        polling=50,  # not in every frame: each would have to be painted
    )


def settle(page: Page) -> None:
    """Until no script runs, also not one that was just asked for."""
    idle = page.locator("[data-testid=stApp][data-test-script-state=notRunning]")
    idle.wait_for()
    page.wait_for_timeout(350)
    idle.wait_for()


def wait_until(page: Page, holds: Callable[[], object], every: float = 50) -> None:
    """Until something holds that the page does not say, asked for every so many milliseconds."""
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end, "it does not come to pass"
        page.wait_for_timeout(every)


def box_of(target: Locator) -> FloatRect:
    """Where something stands; Playwright has no answer while a page puts it into the place of what was there before."""
    boxes: list[FloatRect] = []

    def stands() -> bool:
        boxes.extend(box for box in [target.bounding_box()] if box)
        return bool(boxes)

    wait_until(target.page, stands)
    return boxes[0]


def spot_of(target: Locator, x: float, y: float) -> Position:
    """A place in something, told in fractions of its width and height, for a mouse."""
    box = box_of(target)
    return {"x": x * box["width"], "y": y * box["height"]}


def pick(page: Page, box: Locator, option: str) -> None:
    """Choose from a select box by its text: an answer of Python that comes meanwhile closes the list, then once more.

    Enter could be faster than the list and take its old first line.
    """
    line = page.get_by_role("option", name=option)

    def is_open() -> bool:
        box.fill("")
        box.fill(option)
        page.wait_for_timeout(1000)
        return line.is_visible()

    wait_until(page, is_open)
    line.click()


def drawn(page: Page) -> None:
    """Until the browser has painted what it was told to."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def go_to(page: Page, name: str) -> None:
    """To another page by the navigation on top."""
    page.get_by_test_id("stTopNavLink").filter(has_text=name).click()
    page.locator("[data-testid=stTopNavLink][aria-current=page]", has_text=name).wait_for()


def follow(page: Page, address: str) -> None:
    """To another address of the same visit, as Back and Forward do: nothing is loaded again, which takes seconds."""
    page.evaluate(
        "address => { history.replaceState(null, '', address); dispatchEvent(new PopStateEvent('popstate')); }", address
    )


def show_as(page: Page, width: int = 1440, height: int = 900, scheme: str = "light") -> None:
    """In a window of this size, in light or dark colours."""
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)


WINDOWS = ((1440, 900, "dark"), (390, 844, "light"))


def check_widths(page: Page, save: Callable[[Page, str], object]) -> None:
    """Nothing of an opened page is wider than a large window or a phone's; ``save`` is given each with its name."""
    for width, height, scheme in WINDOWS:
        show_as(page, width, height, scheme)
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        assert page.get_by_test_id("stMain").evaluate("e => e.scrollWidth <= e.clientWidth + 1"), width
        save(page, f"{width}-{scheme}")
