"""One journey through the real app in real Chromium: what a person does, from the first picture to the bundle and the link."""

import io
import json
import re
import zipfile

import numpy as np
import pytest
from heat_page import choose, class_names, drag_threshold, panel, sentence, settle, wait_for_maps
from PIL import Image
from playwright.sync_api import expect
from waiting import box_of, spot_of, wait_for_address

from recam_core.networks.readouts import READOUTS

pytestmark = pytest.mark.browser

VIEWS = ("picture", *READOUTS)
CLAIM = "A classifier lights up the part that tells the class."


@pytest.fixture
def visit(url, open_page):
    def start(query="", **options):
        page = open_page(f"{url}/{query}", **options)
        wait_for_maps(page)
        return page

    return start


def make_photo():
    """A round red thing on a lawn, 360 × 240, as a JPEG with a name that needs care."""
    rows, columns = np.mgrid[0:240, 0:360]
    pixels = np.empty((240, 360, 3), np.uint8)
    pixels[:] = (90, 140, 70)
    pixels[(rows - 120) ** 2 + (columns - 200) ** 2 < 70**2] = (200, 50, 40)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return {"name": "my <b>*red*_ball.jpg", "mimeType": "image/jpeg", "buffer": stream.getvalue()}


def downloaded(page, name):
    """The file behind a button."""
    with page.expect_download() as download:
        page.get_by_role("button", name=name, exact=True).click()
    return download.value.path().read_bytes()


def test_from_the_first_picture_to_the_bundle_and_the_link(visit, url, open_page, screenshot):
    page = visit()
    outside = []
    page.on("request", lambda r: None if r.url.startswith((url, "data:", "blob:")) else outside.append(r.url))

    # the page opens with the claim and a photo explained: two large maps and what to do next, all above the fold
    page.get_by_text(CLAIM).wait_for()
    names = class_names(page)
    assert names
    maps = [panel(page, 0, view).locator(".frame") for view in ("cam", "w")]
    assert [m.is_visible() for m in (*maps, panel(page, 0, "sum").locator(".frame"))] == [True, True, False]
    assert all(box_of(m)["width"] > 450 for m in maps)
    assert re.search(
        "ReCAM’s w is (better than|worse than|as good as) CAM here: .* At the best threshold of each", sentence(page)
    )
    for width, height, scheme in ((1280, 720, "dark"), (1440, 900, "light")):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        for place in (page.get_by_text(CLAIM), page.locator("[class*=st-key-drop-] button").first, *maps):
            expect(place).to_be_in_viewport(ratio=1)
        for door in ("Take the lesson", "See where it fails", "Save figure"):
            expect(page.get_by_role("button", name=door)).to_be_in_viewport(ratio=1)
    # all five and the picture stand three by two, large; one of them fills the row
    page.locator(".st-key-heat .segment.all").click()
    assert all(box_of(panel(page, 0, view).locator(".frame"))["width"] >= 320 for view in VIEWS)
    enlarge = page.get_by_role("button", name="Enlarge ReCAM w⊕w′").first
    for act in (enlarge.click, panel(page, 0, "sum").locator("canvas").dblclick):
        act()
        assert box_of(panel(page, 0, "sum").locator(".frame"))["width"] > 700
        page.keyboard.press("Escape")
    assert panel(page, 0, "cam").locator(".frame").is_visible()
    settle(page)
    drawn = {view: panel(page, 0, view).locator("canvas").evaluate("c => c.toDataURL()") for view in ("picture", "cam")}
    assert drawn["picture"] != drawn["cam"]
    screenshot(page, "journey-1-photo")

    # the cross-hair reads all five maps; a click brings the exact values
    target = panel(page, 0, "cam").locator("canvas")
    target.hover(position=spot_of(target, 0.5, 0.5))
    values = page.locator(".st-key-heat .row").first.locator(".value").all_inner_texts()
    assert re.fullmatch(r"x \d+ · y \d+", values[0].replace("\u00a0", " "))
    assert all(re.fullmatch(r"[01]\.\d\d|none", value) for value in values[1:])
    target.click(position=spot_of(target, 0.5, 0.5))
    page.get_by_text(re.compile(r"^At x \d+, y \d+: ")).wait_for()
    page.get_by_test_id("stDataFrame").first.wait_for()
    settle(page)
    screenshot(page, "journey-2-picked")

    # a picture of one's own
    photo = make_photo()
    page.locator("[class*=st-key-drop-] input[type=file]").set_input_files(photo)
    panel(page, 0, "picture").get_by_text(photo["name"]).wait_for()
    page.wait_for_url(re.compile("[?&]picture=[0-9a-f]{64}"))
    settle(page)
    assert page.locator(".st-key-heat b, [data-testid=stSidebar] b").count() == 0
    screenshot(page, "journey-3-upload")
    figure = Image.open(io.BytesIO(downloaded(page, "Save figure")))
    assert (figure.format, figure.width > 2 * figure.height) == ("PNG", True)  # two maps side by side

    # the threshold moves in the browser alone; Python hears of it on release
    requests = []
    page.evaluate("""() => { window.runs = 0; const app = document.querySelector("[data-testid=stApp]");
        new MutationObserver(() => { window.runs += app.dataset.testScriptState === "running"; })
            .observe(app, {attributes: true, attributeFilter: ["data-test-script-state"]}); }""")
    page.on("request", lambda request: requests.append(request.url))
    before, address = sentence(page), page.url
    for value in (0.4, 0.5, 0.6, 0.61):
        drag_threshold(page, value, release=False)
    assert sentence(page).startswith("Above 0.61, ")  # of an upload nobody knows the mask
    assert sentence(page) != before
    page.wait_for_timeout(500)
    assert (requests, page.url, page.evaluate("window.runs")) == ([], address, 0)
    drag_threshold(page, 0.61, release=True)
    wait_for_address(page, t="0.61")
    settle(page)
    assert page.evaluate("window.runs") >= 1
    assert not [r for r in requests if "/api/heat/" in r]  # the same maps: nothing is fetched again

    choose(page, "Difference")
    assert panel(page, 0, "cam").locator(".note").inner_text() == "reference"
    assert page.locator(".st-key-heat .segment.error").is_hidden()  # no mask is known
    screenshot(page, "journey-4-difference")

    # a drawn scene: its mask is known
    page.get_by_role("button", name="scene 1").click()
    panel(page, 0, "picture").get_by_text("scene-fish-boat").wait_for()
    settle(page)
    choose(page, "Error")
    figures = panel(page, 0, "product").locator(".figures").inner_text().replace("\u00a0", " ")
    assert re.search(r"IoU \S+ % at 0.61\s+missed .+ · wrong .+", figures, re.DOTALL)
    assert page.locator(".st-key-heat .legend").first.inner_text().split("\n")[:3] == ["found", "wrong", "missed"]
    screenshot(page, "journey-5-error")

    # the bundle holds what is on the screen
    page.get_by_role("button", name="More files").click()
    archive = io.BytesIO(downloaded(page, "Evidence bundle"))
    page.keyboard.press("Escape")
    choose(page, "Heat")
    check_bundle(archive, class_names(page), panel(page, 0, "cam").locator("canvas").get_attribute("aria-label"))
    choose(page, "Error")

    # the link opens the same view for somebody else
    page.get_by_role("button", name="Link to this view").click()
    link = page.locator("[data-testid=stPopoverBody] code").inner_text().strip()
    assert link.startswith(url)
    other = open_page(link)
    wait_for_maps(other)
    assert class_names(other) == class_names(page)
    assert panel(other, 0, "picture").locator("figcaption .title").inner_text() == "scene-fish-boat"
    assert other.locator(".st-key-heat .field.threshold .number").inner_text() == "0.61"
    assert sentence(other) == sentence(page)
    assert other.locator(".st-key-heat .segment.error input").is_checked()
    assert outside == []  # no other host is ever asked


def check_bundle(archive, names, text):
    with zipfile.ZipFile(archive) as bundle:
        assert bundle.testzip() is None
        files = {name: bundle.read(name) for name in bundle.namelist()}
    manifest = json.loads(files["manifest.json"])
    assert manifest["threshold"] == 0.61
    assert manifest["picture"]["name"] == "scene-fish-boat"
    assert [entry["name"] for entry in manifest["classes"]] == names
    assert manifest["readouts"] == list(READOUTS)
    assert "t=0.61" in manifest["link"]
    slugs = [entry["file_name"] for entry in manifest["classes"]]
    expected = {"picture.png", "maps.npz", "manifest.json"} | {f"{r}/labels.png" for r in READOUTS}
    expected |= {f"{r}/{kind}_{slug}.png" for r in READOUTS for slug in slugs for kind in ("mask", "overlay")}
    assert expected <= set(files)
    maps = np.load(io.BytesIO(files["maps.npz"]))
    assert set(maps) == {*READOUTS, *(f"raw_{readout}" for readout in READOUTS)}
    assert maps["cam"].dtype == np.float32
    mask = np.asarray(Image.open(io.BytesIO(files[f"cam/mask_{slugs[0]}.png"])))
    np.testing.assert_array_equal(mask > 0, maps["cam"][0] > np.float32(0.61))
    assert Image.open(io.BytesIO(files["cam/labels.png"])).mode == "P"
    share = re.search(r"covers (\d+).% above 0.61", text)
    if share:
        assert float(share[1]) == pytest.approx(100 * (mask > 0).mean(), abs=0.51)


def check_cold_link(page):
    """The page of a deep link, which nothing came before, is the one that the link says, without an error."""
    assert page.get_by_text("Page not found").count() == 0
    assert class_names(page) == ["tree"]
    assert page.locator(".st-key-heat .field.threshold .number").inner_text() == "0.42"
    assert (
        panel(page, 0, "cam").locator(".figures").inner_text().replace("\u00a0", " ").split("\n")[0].endswith("at 0.42")
    )
    assert page.get_by_test_id("stException").count() == 0


def test_a_cold_deep_link_controls_fit_a_refused_file_is_one_sentence_and_pictures_are_pasted_and_dropped(
    visit, tmp_path, screenshot
):
    page = visit("?picture=scene-bird-tree&classes=tree&t=0.42&view=mask&size=256", scheme="dark")
    check_cold_link(page)
    fields = page.locator(".st-key-heat .field:visible")
    assert fields.count() == 4  # which maps, where they are cut, the slider, the view; the rest stands behind "More"
    bottoms = {round(box_of(fields.nth(k))["y"] + box_of(fields.nth(k))["height"]) for k in range(4)}
    assert len(bottoms) == 1  # in one line beside the sidebar

    page.locator(".st-key-files input[type=file]").set_input_files(
        [
            {"name": name, "mimeType": "image/jpeg", "buffer": b"Dear diary, no pixels here."}
            for name in ("notes.jpg", "more.jpg")
        ]
    )
    for name in ("notes.jpg", "more.jpg"):  # each of them is named
        page.get_by_text(f"“{name}” cannot be read").wait_for()
    settle(page)
    assert page.get_by_test_id("stAlert").count() == 1
    assert panel(page, 0, "picture").locator("figcaption .title").inner_text() == "scene-bird-tree"
    screenshot(page, "journey-refused")

    page.evaluate(
        """async () => { const transfer = new DataTransfer();
            for (const [k, colour] of ["teal", "olive"].entries()) {
                const canvas = new OffscreenCanvas(96, 64), ctx = canvas.getContext("2d");
                ctx.fillStyle = colour;
                ctx.fillRect(0, 0, 96, 64);
                transfer.items.add(new File([await canvas.convertToBlob()], `${k}.png`, { type: "image/png" }));
            }
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, cancelable: true })); }"""
    )
    page.locator(".st-key-heat .many .row").nth(1).wait_for()
    settle(page)
    assert page.locator(".st-key-heat .picture figcaption .title").all_inner_texts() == ["0.png", "1.png"]
    assert all(
        panel(page, row, view).locator(".frame").is_visible() for row in (0, 1) for view in ("picture", "cam", "w")
    )
    screenshot(page, "journey-grid")
    with zipfile.ZipFile(io.BytesIO(downloaded(page, "Evidence bundles"))) as bundles:
        assert {"0_png/w/coco.json", "1_png/w/coco.json"} <= set(bundles.namelist())
    page.get_by_role("button", name="Back to one picture").click()
    page.locator(".st-key-heat .heatview:not(.many)").wait_for()

    dropped = tmp_path / "dropped.png"
    Image.new("RGB", (96, 64), "navy").save(dropped)
    files, chromium = (
        {"items": [], "files": [str(dropped)], "dragOperationsMask": 1},
        page.context.new_cdp_session(page),
    )
    for kind in ("dragEnter", "dragOver", "drop"):  # onto a map, as a hand does it
        chromium.send("Input.dispatchDragEvent", {"type": kind, "x": 900, "y": 400, "data": files})
    panel(page, 0, "picture").locator("figcaption .title", has_text="dropped.png").wait_for(state="attached")


def test_on_a_phone_in_the_dark(visit, screenshot):
    page = visit(width=390, height=844, scheme="dark", touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    frames = [box_of(panel(page, 0, view).locator(".frame")) for view in ("cam", "w")]
    assert all(frame["width"] > 150 and frame["y"] + frame["height"] <= 844 for frame in frames)
    expect(page.get_by_text(CLAIM)).to_be_in_viewport(ratio=1)
    slider = box_of(page.get_by_role("slider", name="Background threshold"))
    assert slider["y"] + slider["height"] <= 844  # in reach of the thumb
    for door in ("Take the lesson", "See where it fails"):
        expect(page.get_by_role("button", name=door)).to_be_in_viewport(ratio=1)
    assert page.locator("[data-testid=stFileUploader] button:visible").count() == 1  # one place to upload
    screenshot(page, "journey-phone-dark")
    # elsewhere the strip has the uploader, and the maps come before the knobs
    for name, heat in (("AdvCAM climb", "climb"), ("IRN walk", "walk")):
        page.get_by_test_id("stExpandSidebarButton").click()
        page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
        frame = page.locator(f".st-key-{heat} .panel .frame").first
        frame.wait_for()
        page.locator("[data-testid=stSidebar][data-collapsed=false]").wait_for(state="detached")  # it closed by itself
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        assert box_of(frame)["y"] < min(700, box_of(page.locator(f".st-key-{heat}-knobs"))["y"])
        assert page.locator("[data-testid=stFileUploader] button:visible").count() == 1
