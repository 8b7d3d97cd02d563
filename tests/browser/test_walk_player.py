"""The Walk page in real Chromium: every t by scrubber, one clicked position, labels as a file."""

import io

import numpy as np
import pytest
from PIL import Image
from waiting import box_of, check_widths, drawn, spot_of, wait_for_address

from recam_core import (
    RandomWalk,
    RandomWalkOptions,
    boundary_map,
    gather_evidence,
    load_pair,
    read_out,
    read_sample,
    walked_result,
)
from recam_core.images.visualise import labels_from_maps
from recam_core.records import HeatmapOptions

pytestmark = pytest.mark.browser

SCENE = "picture=scene-fish-boat&classes=boat&last=64"
SMALL = "picture=scene-fish-boat&classes=boat&size=256&last=16"


@pytest.fixture
def visit(url, open_page):
    def start(query, maps=65, **options):
        page = open_page(f"{url}/walk?{query}", **options)
        ended(page, maps)
        return page

    return start


def ended(page, maps):
    page.locator(".st-key-walk .says", has_text=f"{maps} maps in").first.wait_for()
    page.get_by_role("button", name="Use as labels").wait_for()


def layer(page, name):
    return page.locator(f".st-key-walk [data-layer={name}] canvas").first


def scrub(page, t):
    page.get_by_role("slider", name="Step", exact=True).evaluate(
        "(input, t) => { input.value = t; input.dispatchEvent(new Event('input')); }", t
    )
    drawn(page)


def test_a_click_shows_the_position_and_the_labels_are_those_of_the_engine_at_any_t(visit, tmp_path, screenshot):
    page = visit(SCENE)
    screenshot(page, "walk-1", full=True)
    assert page.locator(".st-key-walk .panel canvas").count() == 4
    assert page.locator(".st-key-walk .field.gain").is_hidden()  # no perturbation here
    assert page.locator(".st-key-walk output.step").inner_text() == "t = 4"  # where this model’s maps are best
    page.get_by_text("After t = 4").wait_for()
    check_click_and_labels(page, tmp_path / "labels.png")
    screenshot(page, "walk-2-picked", full=True)
    fixed, best = (layer(page, name).evaluate("c => c.toDataURL()") for name in ("boundary", "map"))
    scrub(page, 7)
    assert page.locator(".st-key-walk output.step").inner_text() == "t = 7"
    assert layer(page, "map").evaluate("c => c.toDataURL()") != best
    assert layer(page, "boundary").evaluate("c => c.toDataURL()") == fixed  # it was sent with the first frame alone
    page.get_by_text("After t = 7").wait_for()  # Python hears where somebody came to rest
    page.get_by_text("By t = 7 the area above").wait_for()


def check_click_and_labels(page, saved):
    canvas = layer(page, "map")
    canvas.click(position=spot_of(canvas, 0.505, 0.255))
    page.get_by_text("Column 20 of 40, row 10 of 40").wait_for()
    page.get_by_text("Where its heat at t = 4 comes from.").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Use as labels").click()
    download.value.save_as(saved)
    image = Image.open(io.BytesIO(saved.read_bytes()))
    pair, picture = load_pair("scenes"), read_sample("scene-fish-boat")[0].pixels
    start = read_out(gather_evidence(picture, pair, HeatmapOptions()), "w", ["boat"])
    walk = RandomWalk(boundary_map(pair, picture), RandomWalkOptions(beta=beta_of(page)))
    maps = walked_result(start, walk.at(start.grid, 4)).maps
    assert image.mode == "P"
    np.testing.assert_array_equal(np.asarray(image), labels_from_maps(maps, pair.class_ids(["boat"]), 0.3))


def beta_of(page):
    return float(page.locator(".st-key-walk .chip", has_text="sharpness β").locator("b").inner_text())


def test_the_boundaries_are_chosen_the_link_says_it_and_nothing_is_wider_than_a_phone(visit, screenshot):
    page = visit(f"{SMALL}&boundary=gradient&radius=3", 17)
    assert page.locator(".st-key-walk .chip", has_text="boundaries").inner_text() == "boundaries gradient"
    page.get_by_role("slider", name="Radius").press("ArrowRight")
    page.locator(".st-key-walk .chip", has_text="radius 4").wait_for()
    ended(page, 17)
    wait_for_address(page, radius="4", boundary="gradient", last="16")
    check_widths(page, lambda page, name: screenshot(page, f"walk-{name}", full=True))
    page.set_viewport_size({"width": 390, "height": 844})  # what was walked comes first where two stand in a row
    walked, boundaries = (page.locator(f".st-key-walk [data-layer={layer}]").first for layer in ("map", "boundary"))
    assert box_of(walked)["y"] < box_of(boundaries)["y"]
