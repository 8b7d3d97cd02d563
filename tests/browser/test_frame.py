"""What all pages share, in real Chromium: the navigation, the panel that goes with a person, the steps of Back."""

import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from axe_playwright_python.sync_playwright import Axe
from heat_page import drag_threshold, wait_for_maps
from waiting import follow, go_to, settle, wait_for_address

pytestmark = pytest.mark.browser

NAMES = ["Compare", "AdvCAM climb", "IRN walk", "Lesson", "Balance λ", "Train", "Models", "Errors"]


def panel_says(page):
    """Scales, mirror image, working size and model, as the panel shows them."""
    settle(page)
    return (
        page.locator(".st-key-scales [aria-checked=true]").all_text_contents(),
        page.locator(".st-key-flip input").is_checked(),
        page.locator(".st-key-size").text_content(),
        page.locator(".st-key-model input").input_value(),
    )


def readout(page):
    return page.locator(".st-key-readout input").input_value()


def tabs_to(page, place):
    """How often Tab is pressed from the top until the focus is in a place."""
    for count in range(1, 20):
        page.keyboard.press("Tab")
        if page.evaluate("place => Boolean(document.activeElement.closest(place))", place):
            return count
    return None


def query(page):
    return page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")


def looked(page):
    """What Compare says of how its maps were made."""
    page.get_by_text("How this was computed").click()
    return page.get_by_text(re.compile(r"^scales ")).text_content()


# Before the server has answered: its answers name pages that were left already.
BACK_IN_HASTE = """times => new Promise(done => {
    addEventListener("popstate", function once() {
        if (--times) setTimeout(() => history.back(), 20);
        else { removeEventListener("popstate", once); done(); }
    });
    history.back();
})"""


def test_the_panel_goes_with_a_person_and_a_page_is_one_step_of_back(url, open_page):
    page = open_page(f"{url}/_stcore/health")  # any other site
    page.goto(f"{url}/?picture=scene-fish-boat&size=256")
    wait_for_maps(page)
    assert tabs_to(page, "[data-testid=stMultiSelect]") <= 10
    page.go_back()
    page.wait_for_url("**/health")
    page.go_forward()
    wait_for_maps(page)

    steps = page.evaluate("history.length")
    first, weights, how, named = panel_says(page), readout(page), looked(page), query(page)
    assert first[1]
    assert "256 px" in first[2]
    assert page.get_by_test_id("stTopNavLink").all_inner_texts() == NAMES
    drag_threshold(page, 0.4, release=True)
    wait_for_address(page, t="0.4")
    assert page.evaluate("history.length") == steps  # a knob is no step

    for name in ("AdvCAM climb", "IRN walk"):
        go_to(page, name)
        page.locator(f".st-key-{name.split()[1]} canvas").first.wait_for()
        assert (panel_says(page), readout(page)) == (first, weights)
    assert page.evaluate("history.length") == steps + 2
    for _ in range(2):  # in haste, to a page without the panel and back before either has come to rest
        go_to(page, "Models")
        page.get_by_text("on disk").wait_for()
        go_to(page, "Compare")
    wait_for_maps(page)
    assert (panel_says(page), readout(page), looked(page)) == (first, weights, how)
    assert query(page) == named | {"t": "0.4"}

    page.evaluate(BACK_IN_HASTE, 4)  # Models and Compare, twice
    page.locator(".st-key-walk canvas").first.wait_for()
    settle(page)
    assert page.evaluate("[location.pathname, history.length]") == ["/walk", steps + 6]  # and Forward leads there again
    assert (panel_says(page), readout(page)) == (first, weights)

    radius = page.locator("[class*=st-key-walk-radius] input[type=range]")
    radius.press("ArrowRight")
    chosen = radius.input_value()
    wait_for_address(page, radius=chosen)
    for _ in range(2):  # a page's own knobs too
        go_to(page, "Models")
        page.get_by_text("on disk").wait_for()
        go_to(page, "IRN walk")
    page.locator(".st-key-walk canvas").first.wait_for()
    assert radius.input_value() == query(page)["radius"] == chosen


def test_a_presentation_has_a_way_out(url, open_page):
    page = open_page(f"{url}/?picture=scene-fish-boat&size=256&maps=all&present=1")
    presented = page.locator(".st-key-presentation input:checked")
    wait_for_maps(page)
    page.get_by_role("button", name="Enlarge").first.click()
    page.keyboard.press("Escape")  # closes the enlarged map alone
    settle(page)
    assert presented.count() == 1
    page.keyboard.press("Escape")
    presented.wait_for(state="detached")
    settle(page)
    page.locator(".st-key-presentation label").first.click()
    presented.wait_for()
    page.set_viewport_size({"width": 390, "height": 844})  # where there is no such key
    settle(page)
    page.locator(".st-key-presentation label").first.click()
    presented.wait_for(state="detached")
    page.get_by_test_id("stExpandSidebarButton").wait_for()


THEME = "scheme => getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme === scheme"


FEW_FRAMES = {"IRN walk": "/walk?last=8", "AdvCAM climb": "/climb?steps=4"}  # with fewer, a page is at rest sooner
RULES = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}  # the others are about no colour


def serious(page, rules):
    """What axe-core finds that shuts people out: rule, and the first places."""
    script = "" if page.evaluate("'axe' in window") else AXE_SCRIPT
    options = {"resultTypes": ["violations"], "preload": False, **rules}
    violations = Axe(script).run(page, options=options).response["violations"]
    return {
        fault["id"]: [node["target"] for node in fault["nodes"]][:4]
        for fault in violations
        if fault["impact"] in ("serious", "critical")
    }


def test_axe_finds_nothing_serious_on_any_page_in_both_themes(url, open_page):
    page = open_page(f"{url}/balance?picture=scene-fish-boat&size=256&set=quick")
    page.locator(".st-key-balance-heat .row .view canvas").first.wait_for()
    page.add_style_tag(content="* { transition: none !important }")  # colours change slowly
    sentence = panel_says(page)
    faults = {}
    schemes = list(RULES)
    for name in reversed(NAMES):
        if name in FEW_FRAMES:
            follow(page, FEW_FRAMES[name])
            page.locator("[data-testid=stTopNavLink][aria-current=page]", has_text=name).wait_for()
        else:
            go_to(page, name)
        settle(page)
        page.wait_for_function("!document.querySelector('[data-stale=true]')")  # what waits is pale
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(THEME, arg=scheme, polling=50)
            for _ in range(4):  # the page has its colours, components have theirs a little later
                page.wait_for_timeout(300)
                if not (violations := serious(page, RULES[scheme])):
                    break
            else:
                faults[name, scheme] = violations
        schemes.reverse()  # the next page comes in the colours that this one has now
    assert faults == {}
    assert panel_says(page) == sentence  # through all pages, the lesson and Balance among them
