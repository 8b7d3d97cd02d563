"""The Train page in real Chromium: a run is started by clicks, watched, outlives its server, and two of them queue."""

import json
import re
from dataclasses import replace

import pytest
from trained_runs import CONFIG, SCENE, write_run
from waiting import settle

from recam_core.system import jobs

pytestmark = pytest.mark.browser
SMALL = {"Epochs of stage 1": 9, "Epochs of stage 2": 3, "Pictures scored": 8}  # of 200 scenes: less than a minute


def fill(page, label, value):
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")
    settle(page)


def epochs(folder):
    path = folder / "history.jsonl"
    events = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return sum(event["event"] == "EpochEnd" for event in events)


def begin(page, title):
    """A small run, all by clicking."""
    page.get_by_text("5 · Start").wait_for()
    settle(page)
    page.locator(".st-key-train-data-split input").fill("val")
    page.keyboard.press("Enter")
    settle(page)
    for label, value in SMALL.items():
        fill(page, label, value)
    fill(page, "Name", title)
    page.get_by_role("button", name="Start training").click()
    page.locator(".st-key-train-bar").wait_for()
    settle(page)


def test_a_run_outlives_its_server_and_another_one_waits_for_it(start_app, serve, url, open_page, runs, screenshot):
    killed = start_app()
    page = open_page(f"{killed}/train", height=1400)
    page.get_by_role("button", name="Start a quick look on drawn scenes").wait_for()
    screenshot(page, "train-first-visit")
    page.get_by_role("button", name="New training").click()
    begin(page, "twin")
    (folder,) = [path.parent for path in runs.glob("*twin*/job.json")]
    page.locator("[class*=st-key-train-player] canvas").first.wait_for()  # the start's maps
    page.get_by_text(re.compile("stage 1 of 2, step")).wait_for()
    page.get_by_role("button", name="New training").click()
    begin(page, "twin")
    page.get_by_text(re.compile("Queued, after .twin")).wait_for()
    (second,) = [path.parent for path in runs.glob("*twin*/job.json") if path.parent != folder]
    assert f"run={second.name}" in page.url  # not the one that is called the same
    screenshot(page, "train-queued", full=True)

    serve.processes[killed].kill()  # no chance to say a word to anybody
    serve.processes[killed].wait()
    before = epochs(folder)
    page = open_page(f"{url}/train?run={folder.name}", height=1400)
    page.locator("[class*=st-key-train-player] canvas").first.wait_for()
    assert before < SMALL["Epochs of stage 1"], "it was over too soon to be found running"
    assert jobs.read_job(folder).status.state == "running"
    page.get_by_text(re.compile("stage [12] of 2, step")).wait_for()
    screenshot(page, "train-running", full=True)
    page.evaluate("window.opened = true")
    page.get_by_text(re.compile("The model is listed under Models as")).wait_for(timeout=600_000)
    assert epochs(folder) == SMALL["Epochs of stage 1"] + SMALL["Epochs of stage 2"]
    assert jobs.read_job(folder).status.state == "done"
    settle(page)
    page.wait_for_timeout(2500)  # until the browser asks for frames again
    assert page.locator("[class*=st-key-train-player] output.step").inner_text() == "stage 2, epoch 3"
    assert page.evaluate("window.opened")  # all of it came without loading the page again

    page.goto(page.url.split("?")[0] + f"?run={second.name}")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text(re.compile("was stopped")).wait_for()
    page.get_by_role("button", name="Go on").wait_for()
    assert jobs.read_job(second).status.state == "stopped"


def test_a_model_that_was_trained_here_opens_in_compare(url, open_page, runs):
    write_run(runs, "written")
    page = open_page(f"{url}/train?run=written")
    page.get_by_role("button", name="Look with it").click()
    page.locator(".st-key-heat .row .view canvas").first.wait_for()
    assert "model=written" in page.url
    assert f"picture={SCENE}" in page.url


@pytest.mark.parametrize(("width", "height", "scheme"), [(1440, 900, "dark"), (390, 844, "light")])
@pytest.mark.parametrize("query", ["?run=beside", "?run=new"])
def test_nothing_is_wider_than_the_window(url, open_page, runs, screenshot, width, height, scheme, query):
    if not (runs / "beside").exists():
        write_run(runs, "beside", replace(CONFIG, recam_weight=0.5))
    page = open_page(f"{url}/train{query}", width=width, height=height, scheme=scheme)
    page.locator("[class*=st-key-train-player] canvas, .st-key-train-start").first.wait_for()
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.get_by_test_id("stMain").evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    screenshot(page, f"train-{query[5:]}-{width}-{scheme}", full=True)


GHOSTS = """() => {
  window.ghosts = 0; // frames in which the button of before stood elsewhere than the one that replaces it
  const shown = (words) => [...document.querySelectorAll("button")].find((button) => button.innerText.includes(words));
  const look = () => {
    const before = shown("Go on");
    window.ghosts += Boolean(before && shown("Stop") && !before.closest(".st-key-train-bar"));
    requestAnimationFrame(look);
  };
  look();
}"""


def test_going_on_leaves_no_button_of_before_between_the_curves(url, open_page, runs):
    folder = write_run(runs, "halted", epochs=3, job="stopped", message="Stopped.")
    (folder / "checkpoint.pt").write_bytes(b"nothing to go on from")
    page = open_page(f"{url}/train?run=halted")
    page.get_by_role("button", name="Go on").wait_for()
    settle(page)
    page.evaluate(GHOSTS)
    page.get_by_role("button", name="Go on").click()
    page.locator(".st-key-train-bar").wait_for()
    page.get_by_role("button", name="Stop", exact=True).wait_for()
    assert page.evaluate("window.ghosts") == 0


def test_a_number_that_cannot_be_stays_in_its_field_and_is_refused(url, open_page):
    page = open_page(f"{url}/train?run=new", height=1400)
    page.get_by_text("5 · Start").wait_for()
    settle(page)
    fill(page, "Epochs of stage 1", 0)
    page.get_by_text("“Epochs of stage 1” is 0; it must be at least 1.").wait_for()
    assert page.get_by_label("Epochs of stage 1", exact=True).input_value() == "0"
    assert page.get_by_role("button", name="Start training").is_disabled()
