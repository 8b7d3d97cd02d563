"""The lesson in real Chromium: turning pages by keys, dragging logits, clicking a position, and a phone's width."""

import re
from itertools import pairwise

import numpy as np
import pytest
from playwright.sync_api import expect
from waiting import box_of, spot_of, wait_for_address

from recam_core import load_pair, read_sample
from recam_core.cam.lesson import masked_feature, picture_features, row_shift, sce_value
from recam_core.networks.gradients import bce_gradient, sce_gradient

pytestmark = pytest.mark.browser

SCENE = "scene-bird-tree"
STEPS = 8


@pytest.fixture
def visit(url, open_page):
    def start(step, query="", **options):
        page = open_page(f"{url}/why?picture={SCENE}&step={step}{query}", **options)
        ready(page, step)
        return page

    return start


def ready(page, step):
    """Until the step is on the page and no script runs."""
    page.get_by_role("heading", name=re.compile(rf"^{step} · ")).wait_for()
    expect(page.get_by_text("Try this.")).to_have_count(1)  # that of the step before is gone
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.locator("html[data-lesson-keys=on]").wait_for(state="attached")


def turn_to(page, step):
    """By the row of numbers."""
    page.locator(".st-key-why-row").get_by_role("radio", name=str(step), exact=True).click()
    ready(page, step)


def drag(page, name, value, *, release=True):
    page.get_by_role("slider", name=name).evaluate(
        """(input, [value, release]) => { input.value = value; input.dispatchEvent(new Event("input"));
            if (release) input.dispatchEvent(new Event("change")); }""",
        [value, release],
    )


def gradients(page):
    rows = page.locator(".logits output.g").all()
    return [float(row.get_attribute("data-exact")) for row in rows], [row.inner_text() for row in rows]


def written(values):
    return [f"{value:+.4f}".replace("-", "−") if abs(value) >= 5e-5 else "0.0000" for value in values]


def test_keys_turn_the_pages_forward_and_back_and_no_step_is_wider_than_a_phone(visit, screenshot):
    page = visit(1, width=390, height=844)
    page.get_by_role("heading", name=re.compile("^1 · ")).click()  # the focus is on no control
    for step in range(1, STEPS + 1):
        check_width(page, step)
        screenshot(page, f"why-phone-{step}", full=True)
        if step < STEPS:
            page.keyboard.press("ArrowRight")
            wait_for_address(page, step=str(step + 1))
            ready(page, step + 1)
    frame = "() => getComputedStyle(document.querySelector('[data-testid=stMain]'), '::before').content"
    assert page.evaluate(frame) == "none"  # the click gave the focus to the whole page, which a key makes visible
    page.keyboard.press("ArrowRight")  # there is nothing behind the last one
    page.keyboard.press("ArrowLeft")
    wait_for_address(page, step=str(STEPS - 1))
    ready(page, STEPS - 1)


def check_width(page, step):
    page.locator("canvas, .logits, .why-bars").first.wait_for()
    width = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollWidth")
    assert width <= 390, step
    boxes = page.locator(".logits, .shift, .heatview, .why-bars").all()
    assert all(box_of(box)["x"] + box_of(box)["width"] <= 391 for box in boxes), step


def dragged(page, z, logits, expected, others_move):
    """Drag each of some logits; while it moves nothing goes to the server, and the gradients are the engine's."""
    for k, value in logits:
        before = gradients(page)[0]
        z[k] = value
        drag(page, f"Logit z of {'ABC'[k]}", value, release=False)
        shown, text = gradients(page)
        np.testing.assert_allclose(shown, expected(z), atol=1e-12)
        assert text == written(expected(z))
        moved = [abs(shown[j] - before[j]) > 1e-12 for j in range(3) if j != k]
        assert moved == [others_move] * 2
    return shown


def test_gradients_of_bce_are_the_engines_and_the_link_opens_the_same_step_for_somebody_else(
    visit, open_page, screenshot
):
    page = visit(3, "&classes=tree")
    page.locator(".logits .row").nth(2).wait_for()
    z = [4.0, 4.0, -4.0]
    np.testing.assert_allclose(gradients(page)[0], bce_gradient(z, [1, 1, 0]), atol=1e-12)
    dragged(page, z, ((0, -1.5), (2, 7.95), (1, 0.25)), lambda z: bce_gradient(z, [1, 1, 0]), others_move=False)
    drag(page, "Logit z of B", 0.25)
    wait_for_address(page, z="-1.5,0.25,7.95")
    screenshot(page, "why-bce")
    page.get_by_role("slider", name="Logit z of A").focus()
    page.keyboard.press("ArrowRight")  # inside of a slider it turns no page
    wait_for_address(page, z="-1.45,0.25,7.95", step="3")
    ready(page, 3)
    page.get_by_role("checkbox", name="label y of A").uncheck()
    wait_for_address(page, y="010")
    np.testing.assert_allclose(gradients(page)[0], bce_gradient([-1.45, 0.25, 7.95], [0, 1, 0]), atol=1e-12)
    page.locator(".st-key-why-next button").click()
    ready(page, 4)
    back = page.locator(".st-key-why-back button")  # reached and pressed without a mouse
    back.focus()
    page.keyboard.press("Enter")
    wait_for_address(page, step="3", y="010")
    ready(page, 3)
    check_link(page, open_page)


def check_link(page, open_page):
    page.get_by_role("button", name="Link to this step").click()
    code = page.locator("[data-testid=stPopoverBody] code")
    code.get_by_text(re.compile("z=-1.45,0.25,7.95")).wait_for()
    other = open_page(code.inner_text().strip())
    ready(other, 3)
    other.locator(".logits output.z", has_text="−1.45").wait_for()
    assert gradients(other)[0] == gradients(page)[0]
    wait_for_address(other, classes="tree", picture=SCENE, y="010")


def check_votes(page, screenshot):
    """A click into the map shows the votes there."""
    target = page.locator(".st-key-why-votes .row [data-view=cam] canvas")
    target.wait_for()
    inside = picture_features(read_sample(SCENE)[0].pixels, load_pair("scenes"))
    rows, columns = inside.stage1.shape[1:]
    for column, row in ((columns // 4, rows // 4), (columns // 2, 3 * rows // 4)):
        x, y = (column + 0.5) / columns, (row + 0.5) / rows
        target.click(position=spot_of(target, x, y))
        page.get_by_text(f"At column {column + 1} of {columns}, row {row + 1} of {rows}").wait_for()
        k = load_pair("scenes").class_ids(["bird"])[0]
        total = float(inside.weights["cam"][k].astype(float) @ inside.stage1[:, row, column])
        page.locator(".why-votes .number.strong", has_text=f"{total:+.3f}".replace("-", "−")).wait_for()
    page.wait_for_function("() => /[?&]at=0[.]/.test(location.search)")
    screenshot(page, "why-votes", full=True)


def test_votes_at_a_click_are_the_engines_and_gradients_of_sce_by_dragging_by_target_and_of_this_picture(
    visit, screenshot
):
    page = visit(2, "&classes=bird")
    check_votes(page, screenshot)
    turn_to(page, 5)
    page.locator(".logits .row").nth(2).wait_for()
    z = [4.0, 4.0, -4.0]
    np.testing.assert_allclose(gradients(page)[0], sce_gradient(z, 0), atol=1e-12)
    shown = dragged(page, z, ((0, -1.5), (2, 7.95), (1, 0.25)), lambda z: sce_gradient(z, 0), others_move=True)
    assert abs(sum(shown)) < 1e-12
    assert f"SCE = {sce_value(z, 0):.4f}" in page.locator(".logits .total").inner_text()
    drag(page, "Logit z of B", 0.25)
    wait_for_address(page, z="-1.5,0.25,7.95")
    screenshot(page, "why-sce")
    page.get_by_role("radio", name="target c of C").check()
    wait_for_address(page, target="2")
    np.testing.assert_allclose(gradients(page)[0], sce_gradient(z, 2), atol=1e-12)

    page.get_by_role("button", name="This picture").click()
    pair = load_pair("scenes")
    inside = picture_features(read_sample(SCENE)[0].pixels, pair)
    k = pair.class_ids(["bird"])[0]
    z = inside.weights["wprime"] @ masked_feature(inside.stage2, inside.weights["w"][k]).pooled
    page.locator(".logits .name", has_text="bird").wait_for()
    assert page.locator(".logits output.z").first.inner_text() == f"{z[k]:.2f}".replace("-", "−")


def check_vector(page, screenshot):
    """A vector that every row of w′ is moved by leaves SCE as it is and takes the map away."""
    formula, room = (box_of(page.locator(f".katex-display{part}")) for part in (" .base", ""))
    assert room["x"] <= formula["x"]  # nothing of it is cut off
    assert formula["x"] + formula["width"] <= room["x"] + room["width"]
    loss = page.locator(".shift .loss")
    loss.get_by_text(re.compile("SCE")).wait_for()
    before, after = page.locator(".shift canvas").all()
    assert before.evaluate("c => c.toDataURL()") == after.evaluate("c => c.toDataURL()")
    pair = load_pair("scenes")
    inside = picture_features(read_sample(SCENE)[0].pixels, pair)
    k = pair.class_ids(["bird"])[0]
    pooled = masked_feature(inside.stage2, inside.weights["w"][k]).pooled
    own = row_shift(inside.stage2, inside.weights["wprime"], k, pooled, -inside.weights["wprime"][k])
    sce = sce_value(own.logits, k)
    page.get_by_role("combobox", name="The vector v").select_option(label="minus w′ of bird")
    for amount in (-1.0, 0.5, 1.0):
        drag(page, "How much of v is added: c", amount)
        assert float(loss.get_attribute("data-exact")) == pytest.approx(sce, abs=1e-5)
        assert loss.inner_text() == f"SCE {sce:.4f} → {sce:.4f}"
        z = own.logits[k] + amount * own.by
        assert page.locator(".shift td.z").first.inner_text() == f"{z:.2f}".replace("-", "−").replace("−0.00", "0.00")
    assert page.locator(".shift .note").nth(1).inner_text() == "no positive evidence anywhere"
    page.get_by_role("combobox", name="The vector v").select_option(index=0)
    drag(page, "How much of v is added: c", 2)
    assert before.evaluate("c => c.toDataURL()") != after.evaluate("c => c.toDataURL()")
    screenshot(page, "why-shift")


IN_ONE_LINE = "spans => spans.every((span) => span.offsetHeight < 2 * parseFloat(getComputedStyle(span).fontSize))"


def test_a_vector_on_every_row_leaves_sce_and_presented_every_step_fits_the_screen_and_a_presenters_keys_turn_them(
    visit, screenshot
):
    page = visit(8, "&classes=bird", width=1280, height=720)
    check_vector(page, screenshot)
    turn_to(page, 1)
    size = "() => parseFloat(getComputedStyle(document.documentElement).fontSize)"
    small = page.evaluate(size)
    page.locator(".st-key-presentation label").first.click()
    wait_for_address(page, present="1")
    page.wait_for_function(f"small => ({size})() > 1.25 * small", arg=small)
    assert page.get_by_test_id("stSidebar").is_hidden()
    page.locator(".st-key-why-step button").first.click()  # page keys turn wherever the last click was
    for step in range(1, STEPS + 1):
        ready(page, step)
        page.locator("canvas, .logits, .why-bars").first.wait_for()
        task, live = (box_of(page.locator(f".st-key-why-{name}")) for name in ("task", "demo"))
        assert task["x"] + task["width"] < live["x"], step  # text left, what moves right
        screenshot(page, f"why-presented-{step}")
        main = page.get_by_test_id("stMain").evaluate("e => [e.scrollHeight, e.clientHeight, e.scrollWidth]")
        assert main[0] <= main[1] + 1, step
        assert main[2] <= 1280, step
        assert page.locator(".logits .head span").evaluate_all(IN_ONE_LINE), step
        lines = [box_of(line) for line in page.locator(".st-key-why-demo li").all()]
        assert all(b["y"] >= a["y"] + a["height"] - 1 for a, b in pairwise(lines)), step
        if step < STEPS:
            page.keyboard.press("PageDown")
            wait_for_address(page, step=str(step + 1), present="1")
    page.keyboard.press("PageUp")
    wait_for_address(page, step=str(STEPS - 1))
    page.go_back()  # each step that was gone to is one of Back
    wait_for_address(page, step=str(STEPS), present="1")
    ready(page, STEPS)
