"""The check of a data set in real Chromium: it is started, watched, and its report looked at."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect
from waiting import check_widths, settle

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(serve, coco128, tmp_path_factory):
    """A server that offers a copy of the 128 photos, one of them cut short and one gone."""
    data = tmp_path_factory.mktemp("data")
    shutil.copytree(coco128, data / "coco128")
    first, second, *_ = sorted((data / "coco128" / "train2017").iterdir())
    first.write_bytes(first.read_bytes()[:20_000])
    second.unlink()
    return serve(Path(__file__).with_name("data_demo.py"), RECAM_DATA_ROOTS=str(data))


def test_a_data_set_is_chosen_and_checked(url, open_page, screenshot):
    page = open_page(url, width=390, height=844)
    page.locator(".stApp").wait_for()
    page.get_by_test_id("stExpandSidebarButton").click()
    page.wait_for_timeout(500)
    page.locator(".st-key-demo-kind input").click()
    page.get_by_role("option", name="MS COCO layout").click()
    page.locator(".st-key-demo-folder").wait_for()
    assert page.locator(".st-key-demo-folder input").input_value() == "coco128"
    page.get_by_test_id("stSidebarCollapseButton").locator("button").click()
    settle(page)
    page.get_by_text("No report yet.").wait_for()
    page.locator(".st-key-demo-check-start button:visible").click()
    page.get_by_text("Report of 127 pictures.").wait_for()
    expect(page.get_by_test_id("stMetricValue")).to_have_text(["127", "80", "99", "2", "1", "1"])
    page.get_by_text("Pictures that cannot be used: 1").click()
    page.locator(".js-plotly-plot .bars .point").first.wait_for()
    expect(page.get_by_test_id("stImage")).to_have_count(12)
    check_widths(page, lambda page, name: screenshot(page, f"data-check-{name}", full=True))
