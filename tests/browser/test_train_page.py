"""The Train page in real Chromium: a run is started by clicks, watched, outlives its server, and two of them queue."""

import json
import os
import re
import shutil
import signal
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from trained_runs import CONFIG, SCENE, write_run
from waiting import check_widths, follow, settle, show_as, wait_until

from recam_core.system import jobs
from recam_core.system.locks import is_held

pytestmark = pytest.mark.browser
SMALL = {"Epochs of stage 1": 4, "Epochs of stage 2": 1, "Pictures scored": 4}  # of 12 scenes: some seconds


@pytest.fixture(scope="module")
def tab(url, open_page_once):
    """One page for most tests here: it follows its address, and to load it takes longer than they do."""
    page = open_page_once(f"{url}/train?run=new", height=1400)
    settle(page)  # before it can follow anything
    return page


@pytest.fixture
def no_runs(runs):
    """Nothing was trained yet, also where the test is asked once more."""
    for job in jobs.list_jobs("train", runs):
        jobs.stop_job(job)
        end = time.monotonic() + 30
        while is_held(job.folder / jobs.LOCK):
            assert time.monotonic() < end, "it does not stop"
            time.sleep(0.05)
        shutil.rmtree(job.folder)


@pytest.fixture
def visit(tab):
    """The page with a run or the form, whatever the test before did with it."""

    def start(run):
        show_as(tab, height=1400)
        follow(tab, f"/train?run={run}")
        return tab

    return start


def fill(page, label, value):
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")
    settle(page)


def events(folder, kind):
    path = folder / "history.jsonl"
    history = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return sum(event["event"] == kind for event in history)


@contextmanager
def paused(folder):
    """Inside, a job's runner and its command, which are a group of their own, stand still."""
    group = int((folder / jobs.LOCK).read_text())
    os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(group, signal.SIGCONT)


def begin(page, title, split="", settings=None):
    """A run, all by clicking."""
    page.get_by_role("button", name="New training").click()
    page.get_by_text("5 · Start").wait_for()
    settle(page)
    if split:
        page.locator(".st-key-train-data-split input").fill(split)
        page.keyboard.press("Enter")
        settle(page)
    for label, value in (settings or {}).items():
        fill(page, label, value)
    fill(page, "Name", title)
    page.get_by_role("button", name="Start training").click()


def test_a_run_outlives_its_server_and_another_one_waits_for_it(
    start_app, spare, serve, url, open_page, runs, no_runs, screenshot
):
    killed = spare.pop() if spare else start_app()
    page = open_page(f"{killed}/train", height=1400)
    page.get_by_role("button", name="Start a quick look on drawn scenes").wait_for()
    screenshot(page, "train-first-visit")
    begin(page, "twin", "samples", SMALL)
    wait_until(page, lambda: any(events(path.parent, "TrainStep") for path in runs.glob("*twin*/job.json")))
    (folder,) = [path.parent for path in runs.glob("*twin*/job.json")]
    with paused(folder):  # it is not to end before it was found running
        page.locator(".st-key-train-bar").wait_for()
        page.locator("[class*=st-key-train-player] canvas").first.wait_for()  # the start's maps
        page.get_by_text(re.compile("stage 1 of 2, step")).wait_for()
        begin(page, "twin", settings={"Epochs of stage 1": 100})  # it is to be stopped
        page.get_by_text(re.compile("Queued, after .twin")).wait_for()
        (second,) = [path.parent for path in runs.glob("*twin*/job.json") if path.parent != folder]
        assert f"run={second.name}" in page.url  # not the one that is called the same
        screenshot(page, "train-queued", full=True)

        serve.processes[killed].kill()  # no chance to say a word to anybody
        serve.processes[killed].wait()
        page.close()
        page = open_page(f"{url}/train?run={folder.name}", height=1400)
        page.locator("[class*=st-key-train-player] canvas").first.wait_for()
        assert jobs.read_job(folder).status.state == "running"
        page.get_by_text(re.compile("stage 1 of 2, step")).wait_for()
        screenshot(page, "train-running", full=True)
        page.evaluate("window.opened = true")
    page.get_by_text(re.compile("The model is listed under Models as")).wait_for()
    assert events(folder, "EpochEnd") == SMALL["Epochs of stage 1"] + SMALL["Epochs of stage 2"]
    assert jobs.read_job(folder).status.state == "done"
    page.locator("[class*=st-key-train-player] output.step", has_text="stage 2, epoch 1").wait_for()
    assert page.evaluate("window.opened")  # all of it came without loading the page again

    follow(page, f"?run={second.name}")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text(re.compile("was stopped")).wait_for()
    page.get_by_role("button", name="Go on").wait_for()
    assert jobs.read_job(second).status.state == "stopped"


def test_a_model_that_was_trained_here_opens_in_compare(visit, runs):
    write_run(runs, "written")
    page = visit("written")
    page.get_by_role("button", name="Look with it").click()
    page.locator(".st-key-heat .row .view canvas").first.wait_for()
    assert "model=written" in page.url
    assert f"picture={SCENE}" in page.url


def test_a_run_is_never_wider_than_the_window(visit, runs, screenshot):
    write_run(runs, "beside", replace(CONFIG, recam_weight=0.5))
    page = visit("beside")
    page.locator("[class*=st-key-train-player] canvas").first.wait_for()
    check_widths(page, lambda page, name: screenshot(page, f"train-beside-{name}", full=True))


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


def test_going_on_leaves_no_button_of_before_between_the_curves(visit, runs):
    folder = write_run(runs, "halted", epochs=3, job="stopped", message="Stopped.")
    (folder / "checkpoint.pt").write_bytes(b"nothing to go on from")
    page = visit("halted")
    page.get_by_role("button", name="Go on").wait_for()
    settle(page)
    page.evaluate(GHOSTS)
    page.get_by_role("button", name="Go on").click()
    page.locator(".st-key-train-bar").wait_for()
    page.get_by_role("button", name="Stop", exact=True).wait_for()
    assert page.evaluate("window.ghosts") == 0


def test_the_form_fits_the_window_and_a_number_that_cannot_be_stays_in_its_field(visit, screenshot):
    page = visit("new")
    page.get_by_text("5 · Start").wait_for()
    check_widths(page, lambda page, name: screenshot(page, f"train-new-{name}", full=True))
    fill(page, "Epochs of stage 1", 0)
    page.get_by_text("“Epochs of stage 1” is 0; it must be at least 1.").wait_for()
    assert page.get_by_label("Epochs of stage 1", exact=True).input_value() == "0"
    assert page.get_by_role("button", name="Start training").is_disabled()
