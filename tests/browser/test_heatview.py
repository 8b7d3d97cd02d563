"""The heat view in real Chromium, on drawn data whose values are known from their formula (see heatview_demo.py)."""

import re
from pathlib import Path

import pytest
from waiting import box_of, drawn, follow, show_as, spot_of, wait_until

pytestmark = pytest.mark.browser

DEMO = Path(__file__).with_name("heatview_demo.py")
DOG_HEAD = (0.80, 0.48)  # where every map of the dog has its maximum
DOG_BODY = (0.50, 0.60)  # where w⊗w′ has grown to and CAM is 0
PERSON_HEAD = (0.20, 0.33)
SKY, HEAD = (150, 190, 225), (165, 115, 70)
GREY_SKY = 182  # its luma: only data has colour where differences are shown


@pytest.fixture(scope="module")
def url(serve):
    return serve(DEMO)


@pytest.fixture(scope="module")
def tab(url, open_page_once):
    """One page for most tests here: to load it takes longer than they do."""
    return open_page_once(f"{url}/?gone=1")


@pytest.fixture
def empty_page(tab):
    """The demo as if it had just been loaded, whatever the test before did with it, and nothing shown yet."""
    show_as(tab)
    tab.mouse.move(5, 5)
    follow(tab, "?gone=1")
    tab.get_by_text("run 0").wait_for()
    tab.locator(".st-key-heat").wait_for(state="detached")  # until then the next run takes over what stands there
    return tab


@pytest.fixture
def demo(empty_page):
    def start(query=""):
        follow(empty_page, f"?{query}")
        empty_page.locator(".st-key-heat .row .view canvas").first.wait_for()
        return empty_page

    return start


def panel(page, row, view):
    return page.locator(f".st-key-heat .row >> nth={row}").locator(f"[data-view={view}]")


def canvas(page, row, view):
    return panel(page, row, view).locator("canvas")


def values(page):
    return [" ".join(text.split()) for text in page.locator(".st-key-heat .value").all_inner_texts()]


def hover(page, row, view, spot):
    target = canvas(page, row, view)
    target.hover(position=spot_of(target, *spot))


def click(page, row, view, spot):
    target = canvas(page, row, view)
    target.click(position=spot_of(target, *spot))


def pixel(page, row, view, spot):
    code = """(canvas, [x, y]) => [...canvas.getContext("2d").getImageData(
        Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data].slice(0, 3)"""
    return canvas(page, row, view).evaluate(code, list(spot))


def picture_of(page, row, view):
    return canvas(page, row, view).evaluate("canvas => canvas.toDataURL()")


def set_range(page, label, value, *, release=False):
    code = """(input, [value, release]) => { input.value = value; input.dispatchEvent(new Event("input"));
        if (release) input.dispatchEvent(new Event("change")); }"""
    page.get_by_role("slider", name=label).evaluate(code, [value, release])
    drawn(page)


def choose(page, text):
    page.locator(".st-key-heat .segment", has_text=re.compile(f"^{text}$")).click()
    drawn(page)


def figures(page, row, view):
    return panel(page, row, view).locator(".figures").inner_text().replace("\u00a0", " ")


def near(colour, expected, tolerance=6):
    return all(abs(a - b) <= tolerance for a, b in zip(colour, expected, strict=True))


def mix(over, under, opacity=0.6):
    return [opacity * a + (1 - opacity) * b for a, b in zip(over, under, strict=True)]


def test_heat_is_the_palette_laid_over_the_picture(demo, screenshot):
    page = demo("mask=0")
    assert near(pixel(page, 0, "picture", (0.05, 0.05)), SKY)
    assert near(pixel(page, 0, "cam", (0.05, 0.05)), mix((68, 1, 84), SKY))  # viridis of 0
    assert near(pixel(page, 0, "cam", DOG_HEAD), mix((253, 231, 37), HEAD))  # viridis of 1
    set_range(page, "Opacity", 0)
    assert near(pixel(page, 0, "cam", DOG_HEAD), HEAD)
    set_range(page, "Opacity", 0.6)
    choose(page, "grows with value")
    assert near(pixel(page, 0, "cam", (0.05, 0.05)), SKY)
    assert near(pixel(page, 0, "cam", DOG_HEAD), mix((253, 231, 37), HEAD))
    page.get_by_label("Palette").select_option("paper")
    page.wait_for_timeout(50)
    assert near(pixel(page, 0, "cam", DOG_HEAD), mix((128, 0, 0), HEAD))  # the last colour of jet
    assert page.get_by_label("Palette").locator("option").all_inner_texts()[0] == "viridis"
    assert page.get_by_label("Palette").locator("option").all_inner_texts()[-1] == "paper style (jet)"
    screenshot(page, "heat-light")


def test_names_are_text_hover_reads_every_panel_at_the_same_place_and_a_click_pins_it(demo):
    page = demo()
    assert page.locator(".st-key-heat .class-name").nth(1).inner_text() == "<b>person</b>"
    assert panel(page, 0, "picture").locator("figcaption .title").inner_text() == "meadow <i>0</i>.jpg"
    assert page.locator(".st-key-heat b, .st-key-heat i").count() == 0
    label = canvas(page, 0, "cam").get_attribute("aria-label").replace("\u00a0", " ")
    assert label == "CAM for dog, covers 4 % above 0.30"

    hover(page, 1, "sum", DOG_HEAD)
    at_head = values(page)
    assert len(at_head) == 12
    assert re.fullmatch(r"x 38\d · y 17\d", at_head[0])
    assert at_head[1:6] == ["1.00"] * 5
    assert at_head[6] == at_head[0]
    assert at_head[7:] == ["0.00"] * 5
    hover(page, 0, "cam", DOG_BODY)
    at_body = [float(text) for text in values(page)[1:6]]
    assert at_body[0] < 0.01
    assert at_body == sorted(at_body)
    assert at_body[-1] == pytest.approx(0.8, abs=0.04)
    crosses = page.locator(".st-key-heat .cross.shown .vertical")
    assert crosses.count() == 12
    offsets = crosses.evaluate_all(
        "all => all.map(e => (e.getBoundingClientRect().x - e.parentElement.getBoundingClientRect().x)"
        " / e.parentElement.clientWidth)"
    )
    assert all(abs(offset - DOG_BODY[0]) < 0.01 for offset in offsets)
    page.mouse.move(5, 5)
    assert page.locator(".st-key-heat .cross.shown").count() == 0
    assert values(page)[1] == ""

    click(page, 1, "wprime", PERSON_HEAD)
    pick = page.get_by_text(re.compile(r"^pick \{"))
    pick.wait_for()
    text = pick.inner_text()
    assert "'row': 1" in text
    assert "'view': 'wprime'" in text
    assert float(re.search(r"'x': ([\d.]+)", text).group(1)) == pytest.approx(PERSON_HEAD[0], abs=0.01)
    assert float(re.search(r"'y': ([\d.]+)", text).group(1)) == pytest.approx(PERSON_HEAD[1], abs=0.01)
    spoken = page.locator(".st-key-heat .spoken")
    assert "<b>person</b>: CAM 1.00" in spoken.inner_text()
    hover(page, 0, "cam", DOG_HEAD)
    assert values(page)[7] == "1.00"  # pinned: it does not follow the pointer
    click(page, 1, "wprime", PERSON_HEAD)
    assert page.locator(".st-key-heat .cross.pinned").count() == 0
    assert spoken.inner_text() == ""


def test_the_threshold_redraws_everything_without_a_request(demo):
    page = demo("mask=0")
    requests = []
    page.wait_for_timeout(300)
    page.on("request", lambda request: requests.append(request.url))
    run = page.get_by_text(re.compile(r"^run \d+$")).inner_text()
    before = {(row, view): picture_of(page, row, view) for row in (0, 1) for view in ("cam", "product")}
    assert figures(page, 0, "cam").startswith("4 % of the picture")  # π · 0.09 · 0.12 · ln(1 / 0.3)
    set_range(page, "Background threshold", 0.1)
    assert figures(page, 0, "cam").startswith("8 % of the picture")  # the same with 0.1
    assert all(picture_of(page, *place) != picture for place, picture in before.items())
    assert page.locator(".st-key-heat .field.threshold .number").inner_text() == "0.10"
    assert "Above 0.10, CAM covers 8" in page.locator(".st-key-heat .sentence").first.inner_text()
    page.wait_for_timeout(400)
    assert page.get_by_text(re.compile(r"^run \d+$")).inner_text() == run  # Python hears of it on release
    set_range(page, "Background threshold", 0.3)
    assert picture_of(page, 0, "product") == before[0, "product"]
    set_range(page, "Background threshold", 0.55, release=True)
    page.get_by_text("'threshold': 0.55").wait_for()
    settings = page.get_by_text(re.compile("^settings")).inner_text()
    for part in ("'opacity': 0.6", "'palette': 'viridis'", "'mode': 'heat'", "'scale': 'each'", "'grow': False"):
        assert part in settings
    assert requests == []


def test_masks_errors_and_differences_are_coloured_and_named(demo, screenshot):
    page = demo()
    check_masks(page)
    check_errors(page)
    screenshot(page, "error-light")
    page.emulate_media(color_scheme="dark")
    check_differences(page)
    screenshot(page, "difference-dark")


def check_masks(page):
    """What is above the threshold is coloured, the rest dimmed."""
    choose(page, "Mask")
    assert near(pixel(page, 0, "cam", (0.05, 0.05)), mix((0, 0, 0), SKY))
    assert near(pixel(page, 0, "cam", DOG_BODY), mix((0, 0, 0), (150, 100, 60)))
    red, green, blue = pixel(page, 0, "product", DOG_BODY)
    assert green > red and green > blue  # noqa: PT018
    inside = canvas(page, 0, "product").evaluate("""canvas => {
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        let count = 0;
        for (let i = 0; i < data.length; i += 4) count += data[i + 1] > 140;
        return count / (canvas.width * canvas.height); }""")
    assert inside == pytest.approx(0.12, abs=0.02)  # "12 % of the picture", the line's own width aside
    assert page.locator(".st-key-heat .legend").first.inner_text().split("\n")[0] == "above 0.30"


def check_errors(page):
    choose(page, "Error")
    assert page.locator(".st-key-heat .legend").first.inner_text().split("\n") == [
        "found",
        "wrong",
        "missed",
        "not counted",
    ]
    assert near(pixel(page, 0, "cam", DOG_HEAD), mix((0, 114, 178), HEAD))
    assert near(pixel(page, 0, "cam", DOG_BODY), mix((170, 68, 153), (150, 100, 60)))
    assert near(pixel(page, 0, "product", DOG_BODY), mix((0, 114, 178), (150, 100, 60)))
    assert near(pixel(page, 0, "cam", (0.05, 0.05)), SKY)
    text = figures(page, 0, "product")
    iou, missed, wrong = (int(n) for n in re.search(r"IoU (\d+) %\s+missed (\d+) % · wrong (\d+) %", text).groups())
    assert abs(iou + missed + wrong - 100) <= 2
    best = float(re.search(r"best at (0\.\d\d)", text).group(1))
    set_range(page, "Background threshold", best)
    text = figures(page, 0, "product")
    assert re.search(r"IoU (\d+) %", text).group(1) == re.search(r"best at .*IoU (\d+) %", text).group(1)


def check_differences(page):
    """They are signed, and leave the reference."""
    choose(page, "Difference")
    assert panel(page, 0, "cam").locator(".note").inner_text() == "reference"
    assert panel(page, 0, "w").locator(".note").inner_text() == "minus CAM: red more, blue less"
    assert near(pixel(page, 0, "cam", (0.05, 0.05)), mix((68, 1, 84), SKY))
    red, _, blue = pixel(page, 0, "product", DOG_BODY)
    assert red > blue + 80  # grown: the red end
    assert near(
        pixel(page, 0, "product", (0.05, 0.05)), mix((247, 247, 247), [GREY_SKY] * 3)
    )  # unchanged: the neutral middle
    hover(page, 0, "cam", DOG_BODY)
    shown = values(page)
    assert shown[1] == "0.00"
    assert shown[5].startswith("+")
    assert float(shown[5]) == pytest.approx(0.775, abs=0.02)  # 0.8 over its peak of 1.03
    ticks = page.locator(".st-key-heat .legend").first.locator(".bar").first.locator(".tick").all_inner_texts()
    assert ticks == ["\u22121", "0", "+1"]


def test_without_a_mask_no_error_view_is_offered(demo):
    page = demo("mask=0&mode=error")
    assert page.locator(".st-key-heat .segment.error").is_hidden()
    assert "IoU" not in figures(page, 0, "cam")
    assert near(pixel(page, 0, "cam", DOG_HEAD), mix((253, 231, 37), HEAD))


def test_together_keeps_a_weak_class_weak(demo):
    page = demo("threshold=0.5")
    hover(page, 1, "cam", PERSON_HEAD)
    assert values(page)[7] == "1.00"
    assert figures(page, 1, "cam").startswith("2 % of the picture")
    choose(page, "classes of a readout together")
    hover(page, 1, "cam", PERSON_HEAD)
    assert values(page)[7] == "0.40"  # its peak is 0.4 of the dog's
    assert figures(page, 1, "cam").startswith("0 % of the picture")
    assert figures(page, 0, "cam").startswith("2 % of the picture")
    viridis_of_two_fifths = (42, 120, 142)
    assert near(pixel(page, 1, "cam", PERSON_HEAD), mix(viridis_of_two_fifths, pixel(page, 1, "picture", PERSON_HEAD)))


def test_an_empty_map_says_so_over_the_plain_picture(demo):
    page = demo("empty=1")
    assert panel(page, 0, "w").locator(".note").inner_text().startswith("No positive evidence for this class")
    assert near(pixel(page, 0, "w", DOG_HEAD), HEAD)
    hover(page, 0, "cam", DOG_HEAD)
    assert values(page)[1:6] == ["1.00", "none", "1.00", "1.00", "1.00"]
    for mode in ("Mask", "Difference", "Error"):
        choose(page, mode)
        assert near(pixel(page, 0, "w", DOG_HEAD), HEAD)
    assert "NaN" not in page.locator(".st-key-heat").inner_text()


def test_the_cross_walks_by_keys(demo):
    page = demo("classes=1")
    first = canvas(page, 0, "picture")
    first.focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp", "Enter"):
        page.keyboard.press(key)
    page.get_by_text("'x': 0.52, 'y': 0.45").wait_for()
    assert page.locator(".st-key-heat .cross.pinned").count() == 6
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.get_by_text("'x': 0.5, 'y': 0.45").wait_for()
    page.keyboard.press("Escape")
    assert page.locator(".st-key-heat .cross.shown").count() == 0


def test_reruns_and_new_payloads_keep_what_the_person_set(demo):
    page = demo()
    fetched = []
    page.on("request", lambda request: fetched.append(request.url) if "/api/heat/" in request.url else None)
    set_range(page, "Background threshold", 0.42, release=True)
    page.get_by_text("'threshold': 0.42").wait_for()
    page.get_by_role("button", name="Rerun").click()
    page.get_by_text("run 3").wait_for()
    page.wait_for_timeout(200)
    assert fetched == []
    page.get_by_role("button", name="Other picture").click()
    page.get_by_text("meadow <i>1</i>.jpg").first.wait_for()
    assert len(fetched) == 1
    assert page.locator(".st-key-heat .field.threshold .number").inner_text() == "0.42"
    assert page.locator(".st-key-heat .sentence").first.inner_text().startswith("Above 0.42")
    assert page.locator(".st-key-heat .heatview").count() == 1
    assert page.locator(".st-key-heat .stage.waiting").count() == 0


def test_a_payload_the_server_lost_is_reported_once_and_found_again(empty_page):
    page = empty_page
    follow(page, "?lost=1")
    page.get_by_text("These heatmaps are not on the server any more").wait_for()
    page.get_by_text(re.compile("^put back [0-9a-f]{64}$")).wait_for()
    page.locator(".st-key-heat .row .view canvas").first.wait_for()
    assert page.locator(".st-key-heat .message").inner_text() == ""
    assert re.fullmatch("put back [0-9a-f]{64}", page.get_by_text(re.compile("^put back ")).inner_text())


def test_a_payload_that_does_not_fit_is_one_sentence(url, open_page):
    page = open_page("about:blank")

    def answer(route):
        body = route.fetch().body().replace(b'"grid":[90,120]', b'"grid":[90,121]')
        route.fulfill(body=body, content_type="application/octet-stream")

    page.route("**/api/heat/*", answer)
    page.goto(url)
    page.get_by_text("expected 108900 map values, got 108000").wait_for()
    assert page.locator(".st-key-heat .row.skeleton").count() == 2


def test_nothing_jumps_when_the_maps_arrive(url, open_page):
    page = open_page(f"{url}/_stcore/health")
    held = []
    page.route("**/api/heat/*", lambda route: held.append(route))
    page.goto(f"{url}/?mask=0")
    page.locator(".st-key-heat .row.skeleton .frame").first.wait_for()
    page.wait_for_timeout(300)
    before = box_of(page.locator(".st-key-heat .controls"))
    frame = box_of(page.locator(".st-key-heat .frame").first)
    held[0].abort()  # a moment without the server, which is waited for
    page.get_by_text("The server does not answer").wait_for()
    wait_until(page, lambda: len(held) == 2)
    held[1].continue_()
    page.locator(".st-key-heat .row .view canvas").first.wait_for()
    assert box_of(page.locator(".st-key-heat .controls")) == before
    assert box_of(page.locator(".st-key-heat .frame").first) == frame


def test_on_a_phone_maps_stand_two_by_two_and_the_threshold_stays_in_reach(url, open_page, screenshot):
    page = open_page(f"{url}/?classes=1", width=390, height=844, scheme="dark", touch=True)
    page.locator(".st-key-heat .row .view canvas").first.wait_for()
    compared = [box_of(page.locator(".st-key-heat .pair .frame").nth(k)) for k in range(2)]
    picture = box_of(page.locator(".st-key-heat .picture .frame"))
    assert compared[0]["y"] == compared[1]["y"] < picture["y"]  # what is compared stands first
    assert compared[0]["x"] == picture["x"] < compared[1]["x"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    slider = page.get_by_role("slider", name="Background threshold")
    assert 700 < box_of(slider)["y"] < 844  # at the bottom, though the component goes on below the fold
    assert page.get_by_label("Palette").is_hidden()
    screenshot(page, "phone-dark")
    page.get_by_role("button", name="More").click()
    assert page.get_by_label("Palette").is_visible()
    assert box_of(slider)["y"] < 844
    target = canvas(page, 0, "cam")
    target.tap(position=spot_of(target, *DOG_HEAD))
    page.get_by_text("'view': 'cam'").wait_for()
    assert values(page)[1] == "1.00"
