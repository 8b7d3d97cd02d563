"""The Climb page in real Chromium: frames arrive, one scrubber moves everything, and looking costs the server nothing."""

import re
from pathlib import Path

import pytest
from waiting import box_of, drawn, go_to, wait_for_address

pytestmark = pytest.mark.browser

LAYERS = ("map", "total", "change", "hold")
SCENE = "picture=scene-bird-tree&size=256"


@pytest.fixture
def visit(url, open_page):
    def start(query, **options):
        page = open_page(f"{url}/climb?{query}", **options)
        wait_until(page, "steps in")
        return page

    return start


def wait_until(page, words):
    page.locator(".st-key-climb .says", has_text=words).first.wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_timeout(100)


def press(page, name):
    page.get_by_role("button", name=name).click()


def climb(page, steps):
    press(page, "Start the climb")
    page.locator(".st-key-climb .track-title:not(:has-text('Preview'))").first.wait_for()
    wait_until(page, f"{steps} steps in")
    page.get_by_role(
        "button", name="Evidence bundle"
    ).wait_for()  # Streamlit's own script for downloads has come by then


def few_steps(page):
    number = page.get_by_role("spinbutton", name="Steps T")
    number.fill("4")
    number.press("Enter")
    wait_until(page, "4 steps in")


def looks(page):
    return {
        layer: page.locator(f".st-key-climb [data-layer={layer}] canvas").first.evaluate("c => c.toDataURL()")
        for layer in LAYERS
    }


def step(page):
    return page.locator(".st-key-climb output.step").inner_text()


def cursor(page):
    return page.locator(".st-key-climb .cursor").first.get_attribute("d")


NOTE_TITLES = """button => { window.titles = [];
  new MutationObserver(() => titles.push(button.title)).observe(button, { attributeFilter: ["title"] }); }"""


def test_one_scrubber_moves_everything_and_asks_the_server_nothing(visit, screenshot):
    sent = []
    page = visit(f"{SCENE}&steps=6")
    climb(page, 6)
    screenshot(page, "climb-1", full=True)
    assert step(page) == "step 6 of 6"
    last, end = looks(page), cursor(page)
    assert len(set(last.values())) == 4
    whole = page.viewport_size
    page.set_viewport_size({"width": 1280, "height": 720})  # a projector's: maps above the bar, without scrolling
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
    drawn(page)
    shown, bar = (
        box_of(page.locator(f".st-key-climb {part}").first) for part in ("[data-layer=total] canvas", ".transport")
    )
    assert shown["y"] + shown["height"] <= bar["y"]
    page.set_viewport_size(whole)
    page.on("request", lambda request: sent.append(request.url))

    page.get_by_role("slider", name="Step", exact=True).focus()
    page.keyboard.press("Home")
    drawn(page)
    first = looks(page)
    assert step(page) == "step 1 of 6"
    assert all(first[layer] != last[layer] for layer in ("map", "total", "change"))
    assert cursor(page) != end
    page.keyboard.press("ArrowRight")
    drawn(page)
    assert step(page) == "step 2 of 6"
    assert looks(page)["map"] not in (first["map"], last["map"])

    # space plays to the end and stops there
    page.get_by_role("button", name="Play (space)").evaluate(
        NOTE_TITLES
    )  # on a busy machine it may have played before we ask
    page.keyboard.press(" ")
    page.locator(".st-key-climb output.step", has_text="step 6 of 6").wait_for()
    page.get_by_role("button", name="Play (space)").wait_for()
    assert page.evaluate("titles") == ["Pause (space)", "Play (space)"]
    drawn(page)
    assert looks(page) == last

    # threshold and opacity act while they move; the chart of the IoU follows
    curves = page.locator(".st-key-climb .curve").nth(4).get_attribute("d")
    threshold = page.locator(".st-key-climb").get_by_role("slider", name="Background threshold")
    for name, value in (("threshold", "0.6"), ("opacity", "0.2")):
        slider = page.locator(f".st-key-climb .field.{name} input")
        slider.evaluate("(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }", value)
    drawn(page)
    assert looks(page)["map"] != last["map"]
    assert page.locator(".st-key-climb .curve").nth(4).get_attribute("d") != curves
    assert sent == []

    # what was settled is in the link, and the player goes on with it
    threshold.evaluate("input => input.dispatchEvent(new Event('change'))")
    page.wait_for_url(re.compile("t=0.6"))
    assert step(page) == "step 6 of 6"


def test_stop_keeps_frames_and_two_runs_stand_side_by_side(visit, screenshot):
    page = visit(f"{SCENE}&steps=300")
    press(page, "Start the climb")
    page.locator(".st-key-climb .says", has_text=re.compile(r"making step \d\d")).wait_for()
    press(page, "Stop")
    wait_until(page, "what is there stays")
    made = int(re.search(r"Stopped after (\d+)", page.locator(".st-key-climb .says").inner_text())[1])
    assert 4 <= made < 300
    assert step(page).startswith(f"step {made} of")
    press(page, "Save this run")
    page.get_by_role("button", name="WebP").wait_for()
    few_steps(page)
    preview = page.locator(".st-key-climb .happened").inner_text()
    climb(page, 4)
    assert page.locator(".st-key-climb .happened").last.inner_text() == preview  # which said what the run would give
    press(page, "Save this run")
    page.locator(".st-key-climb .tracks.beside .track").nth(1).wait_for()
    page.locator(".st-key-climb .panel canvas").nth(7).wait_for()
    assert page.locator(".st-key-climb .panel canvas").count() == 8
    assert ["4" in text for text in page.locator(".st-key-climb .chip", has_text="steps T").all_inner_texts()][1]
    axes = page.locator(".st-key-climb .track .charts > :first-child").evaluate_all(
        "charts => charts.map(chart => [...chart.querySelectorAll('text')].map(text => text.textContent).join())"
    )
    assert axes[0] == axes[1]  # of two runs beside one another the same height is the same value
    screenshot(page, "climb-2-beside", full=True)
    with page.expect_download() as download:
        page.get_by_role("button", name="WebP").last.click()
    assert Path(download.value.path()).read_bytes()[8:12] == b"WEBP"


def test_the_subject_travels_from_compare_to_climb_and_back(url, open_page):
    page = open_page(f"{url}/?{SCENE}&classes=bird,tree&t=0.5")
    page.locator(".st-key-heat .row .view canvas").first.wait_for()
    press(page, "Climb this")
    wait_until(page, "steps in")
    wait_for_address(page, picture="scene-bird-tree", model="scenes", classes="bird")
    assert page.locator(".st-key-climb .field.threshold .number").inner_text() == "0.50"
    few_steps(page)
    climb(page, 4)
    go_to(page, "Compare")
    page.locator(".st-key-heat .row .view canvas").first.wait_for()
    wait_for_address(page, picture="scene-bird-tree", classes="bird,tree")
    go_to(page, "AdvCAM climb")  # the climb is still there
    wait_until(page, "4 steps in")
    assert page.locator(".st-key-climb .track-title").inner_text() == "bird · w · scenes"
    wait_for_address(page, t="0.5")


def test_on_a_phone_nothing_is_cut_off_a_finger_steps_and_reduced_motion_is_respected(visit, screenshot):
    page = visit(f"{SCENE}&steps=3", width=390, height=844, touch=True)
    screenshot(page, "climb-3-phone", full=True)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="One step back (arrow left)").tap()
    drawn(page)
    assert step(page) == "step 2 of 3"
    page.emulate_media(reduced_motion="reduce")
    climb(page, 3)
    assert step(page) == "step 1 of 3"  # nothing moves by itself
    page.get_by_role("button", name="Play (space)").click()
    page.locator(".st-key-climb output.step", has_text="step 3 of 3").wait_for()
