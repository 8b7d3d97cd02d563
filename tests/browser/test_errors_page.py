"""The Errors page in real Chromium: an evaluation is started and watched, clicks on charts lead to pictures, one threshold."""

import re

import pytest
from waiting import box_of, check_widths, go_to, pick, settle, show_as, wait_for_address

from recam_core.__main__ import main

pytestmark = pytest.mark.browser
EVALUATE = ["evaluate", "--model", "scenes", "--dataset", "scenes", "--split", "samples", "--json-lines"]


@pytest.fixture(scope="module")
def evaluation(runs):
    """An evaluation of 12 scenes that the command line made."""
    assert main([*EVALUATE, "--out", str(runs / "kept")]) == 0


@pytest.fixture
def visit(url, open_page, evaluation):
    def start(query="", **options):
        page = open_page(f"{url}/errors{query}", **options)
        page.get_by_text("Background threshold").first.wait_for()
        settle(page)
        return page

    return start


def evaluate(page, runs):
    """Start an evaluation by clicks and watch it until its pictures are there."""
    before = set(runs.glob("*/job.json"))
    page.get_by_text("New evaluation").click()
    settle(page)
    pick(page, page.locator(".st-key-new-split input"), "samples")
    settle(page)
    page.get_by_role("button", name="Evaluate", exact=True).click()
    page.locator("[class*=st-key-stop-]").wait_for()
    page.locator("[class*=st-key-stop-]").wait_for(state="detached")
    page.locator(".st-key-errors-cards img").first.wait_for()
    settle(page)
    assert "run=" in page.url
    assert "kept" not in page.url
    (made,) = set(runs.glob("*/job.json")) - before
    assert (made.parent / "store" / "store.json").is_file()


def headline(page):
    return page.get_by_test_id("stMetricValue").all_inner_texts()


def test_an_evaluation_is_watched_its_card_opens_and_one_threshold_leads_everything(visit, runs, screenshot):
    page = visit()
    evaluate(page, runs)
    first = page.locator(".st-key-errors-cards img").first
    first.wait_for()
    page.locator("[class*=st-key-show-card] button").first.click()
    page.locator(".st-key-errors-heat .row .view canvas").first.wait_for()
    settle(page)
    assert page.locator(".st-key-errors-heat .segment.error input").is_checked()
    assert page.locator(".st-key-errors-heat .row").first.get_by_text("missed").count() > 0  # words beside the colours
    assert "open=samples-" in page.url
    before, cards = headline(page), first.get_attribute("src")
    maps = page.locator(".st-key-errors-heat .row").first.inner_text()
    box = box_of(page.locator(".st-key-errors-opened"))
    assert 0 < box["y"] < 300  # it came into sight by itself

    page.go_back()  # a picture that was opened is a step of Back
    wait_for_address(page, open="")
    page.locator(".st-key-errors-opened").wait_for(state="detached")
    page.go_forward()
    page.locator(".st-key-errors-heat .row .view canvas").first.wait_for()
    settle(page)
    page.get_by_role("button", name="Close", exact=True).click()  # and to close it is another one
    wait_for_address(page, open="")
    page.go_back()
    page.locator(".st-key-errors-heat .row .view canvas").first.wait_for()
    settle(page)

    slider = page.locator(".st-key-errors-slider input[type=range]")
    slider.focus()
    start = float(slider.input_value())
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    wait_for_address(page, t=f"{start + 0.04:.2g}")
    settle(page)
    assert headline(page) != before
    assert first.get_attribute("src") != cards
    assert page.locator(".st-key-errors-heat .figures", has_text=" % of the picture").count() > 0
    assert page.locator(".st-key-errors-heat .field.threshold").is_hidden()  # one slider leads the map too
    assert page.locator(".st-key-errors-heat .row").first.inner_text() != maps
    assert page.locator(".st-key-errors-slider").evaluate("e => e.getBoundingClientRect().top") >= 0  # stays in sight

    screenshot(page, "errors-opened", full=True)
    page.get_by_role("button", name="Open in Compare").click()  # with its true mask
    page.locator(".st-key-heat .segment.error input:checked").wait_for()
    page.locator(".st-key-heat .figures", has_text=f"at {start + 0.04:.2g}").filter(has_text="IoU").first.wait_for()
    settle(page)
    steps = page.evaluate("history.length")
    go_to(page, "Errors")
    page.locator(".st-key-errors-heat .row .view canvas").first.wait_for()
    settle(page)
    assert "open=samples-" in page.url
    assert page.evaluate("history.length") == steps + 1  # what the session adds to a visit is no step of its own


def test_a_link_lands_on_its_picture_nothing_is_wider_than_the_window_and_clicks_on_charts_lead_to_pictures(
    visit, screenshot
):
    page = visit("?run=kept&open=samples-0001", width=390, height=844)
    page.locator(".st-key-errors-heat .row .view canvas").first.wait_for()
    page.locator(".st-key-errors-cards img").first.wait_for()
    settle(page)
    assert 0 < box_of(page.locator(".st-key-errors-opened"))["y"] < 844 / 2
    check_widths(page, lambda page, name: screenshot(page, f"errors-{name}", full=True))
    check_clicks(page, screenshot)


def check_clicks(page, screenshot):
    """Clicks on the matrix and on a class lead to pictures."""
    show_as(page)
    page.get_by_text("Classes", exact=True).click()
    wait_for_address(page, part="classes")
    squares = page.locator(".st-key-errors-matrix .point")
    squares.first.wait_for()
    settle(page)
    page.locator(".st-key-errors-matrix").scroll_into_view_if_needed()
    screenshot(page, "errors-classes", full=True)
    box = box_of(squares.nth(0))
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    wait_for_address(page, true="background", called="background", sort="cell")
    page.get_by_text(re.compile("in which B finds background")).wait_for()
    settle(page)

    page.get_by_text("Classes", exact=True).click()
    table = page.locator(".st-key-errors-class-table canvas").first
    table.wait_for()
    settle(page)
    table.scroll_into_view_if_needed()
    box = box_of(table)
    page.mouse.click(box["x"] + 17, box["y"] + 35 + 17)  # the box before the first row
    page.wait_for_function("() => new URLSearchParams(location.search).get('of')")
    page.locator(".st-key-errors-cards img").first.wait_for()
    assert "true=" not in page.url
