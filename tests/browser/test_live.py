"""What live use costs: backbone passes counted on the server while somebody looks at one picture in every way."""

import urllib.request

import pytest
from heat_page import choose, class_names, drag_threshold, settle, wait_for_maps
from waiting import go_to, wait_for_address, wait_until

pytestmark = pytest.mark.browser


def test_only_another_look_at_a_picture_costs_model_work(start_app, spare, open_page):
    url = start_app()  # of its own: what the pages of other tests asked for may still be under way

    def passes():
        with urllib.request.urlopen(f"{url}/api/passes", timeout=60) as answer:
            return int(answer.read())

    page = open_page(f"{url}/_stcore/health")
    before = 2  # a fresh server looks at its first sample: one pass for each network
    wait_until(page, lambda: passes() == before)
    page.goto(f"{url}/?picture=scene-cat-fish-boat")
    wait_for_maps(page)
    assert passes() == before + 2  # for five maps

    # looking in other ways
    drag_threshold(page, 0.55, release=True)
    wait_for_address(page, t="0.55")
    page.locator(".st-key-heat").get_by_text("More", exact=True).click()
    page.get_by_role("slider", name="Opacity").evaluate(
        """input => { input.value = 0.3; for (const kind of ["input", "change"]) input.dispatchEvent(new Event(kind)); }"""
    )
    wait_for_address(page, opacity="0.3")
    for mode in ("Difference", "Mask", "Error", "Heat"):
        choose(page, mode)
    page.locator(".st-key-heat select").first.select_option("inferno")
    wait_for_address(page, palette="inferno")
    settle(page)
    assert passes() == before + 2

    # other classes are read out of the same evidence
    names = class_names(page)
    page.get_by_test_id("stMultiSelect").locator("input").click()
    page.get_by_role("option").first.click()
    page.keyboard.press("Escape")
    page.locator(".st-key-heat .class-name >> nth=" + str(len(names))).wait_for()
    settle(page)
    assert passes() == before + 2

    # another page looks once for itself; going back and forth afterwards is free
    go_to(page, "Lesson")
    page.get_by_text("why does a classifier light up only part of the object?").wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    looked = passes()
    assert before + 2 < looked <= before + 6  # its one look without the mirror image, and the features themselves
    for name in ("Compare", "Lesson", "Compare"):
        go_to(page, name)
        page.wait_for_timeout(350)  # until its script runs
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    wait_for_maps(page)
    assert passes() == looked

    # and what does cost is counted
    page.get_by_role("button", name="scene 3").click()
    page.locator(".st-key-heat [data-view=picture]").first.get_by_text("scene-bird-car-tree").wait_for(state="attached")
    settle(page)
    assert passes() == looked + 2
    spare.append(url)
