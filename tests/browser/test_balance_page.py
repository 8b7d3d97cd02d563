"""The Balance page in real Chromium: λ by keys, a phone's width, a point of the map by a click, leaving while it fits."""

import re

import pytest
from playwright.sync_api import expect
from waiting import box_of, check_widths, show_as, wait_for_address, wait_until

pytestmark = pytest.mark.browser

SCENE = "scene-cat-dog-tree"
READY = "[data-testid=stApp][data-test-script-state=notRunning]"


def wait_for_maps(page):
    page.locator(".st-key-balance-heat .row .view canvas").first.wait_for(timeout=180_000)  # heads are fitted first


def pixels(page):
    """What is painted of the maps."""
    return page.locator(".st-key-balance-heat .row .view canvas").evaluate_all(
        "canvases => canvases.map((canvas) => canvas.toDataURL()).join()"
    )


def test_lambda_moves_by_keys_and_the_maps_follow_and_a_click_opens_a_point_of_the_map(url, open_page, screenshot):
    page = open_page(f"{url}/balance?picture={SCENE}&set=quick&lambda=0.1")
    wait_for_maps(page)
    page.locator(READY).wait_for()
    assert page.locator(".st-key-balance-heat .field.threshold .number").inner_text() == "0.30"  # one for all maps
    before = pixels(page)
    slider = page.locator(".st-key-balance-lambda input[type=range]")
    slider.focus()
    for _ in range(6):  # 0.2, 0.5, 1, 2, 5, 10
        page.keyboard.press("ArrowRight")
    wait_for_address(page, **{"lambda": "10"})
    expect(page.get_by_text("At λ = 10 and above")).to_be_visible()
    page.locator(READY).wait_for()
    wait_until(page, lambda: pixels(page) != before, every=500)  # the browser fetches and paints them by itself
    for key in ("balance-lambda", "balance-heat", "balance-curve"):  # λ, the maps and the curve are on one screen
        box = box_of(page.locator(f"[class*='st-key-{key}']").first)
        assert box["y"] >= 0, key
        assert box["y"] + box["height"] <= 900, key
    # the whole curve is there: eleven λ for CAM's line and each of w, w′, w⊕w′, w⊗w′ but for λ = 0
    curve = page.locator("[class*='st-key-balance-curve']")
    expect(curve.locator(".scatterlayer .trace").nth(1).locator(".points path")).to_have_count(11)
    expect(curve.locator(".scatterlayer .trace").nth(4).locator(".points path")).to_have_count(10)
    check_widths(page, lambda page, name: screenshot(page, f"balance-{name}", full=True))

    check_points(page, screenshot)


def check_points(page, screenshot):
    """When ReCAM helps: each square of the map is a point that opens."""
    show_as(page, scheme="dark")
    page.get_by_text("When does ReCAM help?", exact=True).click()
    wait_for_address(page, part="when")
    page.locator(READY).wait_for()
    squares = page.locator(".st-key-when-chart .points path")
    expect(squares).to_have_count(27)
    assert page.get_by_text("The point: the body’s pattern as bundled, objects as bundled").is_visible()
    squares.nth(26).scroll_into_view_if_needed()
    squares.nth(26).click(force=True)
    sentence = "The point: the body’s pattern loud, objects large, classes occur together often"
    expect(page.get_by_text(sentence)).to_be_visible()
    expect(page.locator(".st-key-when-heat .row .view canvas").first).to_be_visible()
    page.locator(".st-key-when-heat").scroll_into_view_if_needed()
    screenshot(page, "balance point dark")


def test_leaving_while_it_fits_harms_nothing(url, open_page):
    unfitted = "set=scenes&block=1&objective=shared"
    page = open_page(f"{url}/balance?picture={SCENE}&{unfitted}")
    page.get_by_text(re.compile("Both heads learn|Features of the pictures")).first.wait_for()
    page.goto(f"{url}/why?picture={SCENE}")
    page.get_by_text("Try this.").wait_for()
    page.goto(f"{url}/balance?picture={SCENE}&set=quick")
    wait_for_maps(page)
    assert page.get_by_text("Something went wrong").count() == 0
