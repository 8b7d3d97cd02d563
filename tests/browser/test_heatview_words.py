"""The sentences of the heat view, on grids small enough to check by eye, and what it says of broken payloads."""

from pathlib import Path

import numpy as np
import pytest

from ui.components.modules import bundle
from ui.compute.packing import pack

pytestmark = pytest.mark.browser

SCRIPTS = Path(__file__).parents[2] / "ui" / "components" / "heatview"
SIZE = 20


def blob(row, column, height=3, width=3):
    grid = np.zeros((SIZE, SIZE))
    grid[max(row, 0) : row + height, max(column, 0) : column + width] = 255
    return grid


CAM = blob(9, 9)  # 9 of 400 cells; the first of them at (9, 9) counts as the peak
NOTHING = np.zeros((SIZE, SIZE))


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page()
    page.add_script_tag(content=bundle(*(SCRIPTS / f"{name}.js" for name in ("payload", "heat", "words"))))
    yield page
    page.close()


@pytest.fixture(scope="module")
def sentence(page):
    def build(cam, other, threshold=0.3, covered=None):
        grids = [cam, other]
        shares = covered or [float((grid > 255 * threshold).mean()) for grid in grids]
        header = {
            "views": [{"key": "cam", "label": "CAM", "reference": True}, {"key": "product", "label": "w⊗w′"}],
            "classes": [{"name": "dog"}],
            "grid": [SIZE, SIZE],
            "picture": {"width": 100, "height": 100},
            "peaks": [[float(grid.max())] for grid in grids],
            "thresholds": 101,
            "covered": {"each": [[[share] * 101] for share in shares]},
        }
        maps = np.stack(grids).astype(np.uint8).ravel().tolist()
        text = page.evaluate(
            """([header, maps, threshold]) => rowSentence(
                new Heat({ header, blobs: { maps: new Uint8Array(maps) } }), 0, { threshold, scale: "each" })""",
            [header, maps, threshold],
        )
        return text.replace("\u00a0", " ")

    return build


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ((9, 0), "left of"),
        ((9, 17), "right of"),
        ((0, 9), "above"),
        ((17, 9), "below"),
        ((1, 1), "above and left of"),
        ((1, 16), "above and right of"),
        ((16, 1), "below and left of"),
        ((16, 16), "below and right of"),
    ],
)
def test_the_gain_has_a_direction(sentence, place, words):
    grown = np.maximum(CAM, blob(*place))
    assert sentence(CAM, grown) == (
        f"Above 0.30, CAM covers 2 % of the picture, w⊗w′ 5 %; most of the gain lies {words} CAM’s peak."
    )


def test_a_gain_on_all_sides_is_around(sentence):
    assert sentence(CAM, blob(5, 5, 9, 9)).endswith("w⊗w′ 20 %; most of the gain lies around CAM’s peak.")


def test_a_gain_far_off_in_two_places_is_not_pinned_to_one(sentence):
    grown = np.maximum(np.maximum(CAM, blob(9, 0)), blob(9, 17))
    assert "around" in sentence(CAM, grown)


def test_shrinking_is_a_loss(sentence):
    wide = np.maximum(CAM, blob(9, 0, 3, 9))
    wide[10, 10] = 255
    wide[wide > 0] = 200
    wide[10, 15] = 255  # CAM's own peak, right of what goes
    assert sentence(wide, blob(9, 9)) == (
        "Above 0.30, CAM covers 9 % of the picture, w⊗w′ 2 %; most of the loss lies left of CAM’s peak."
    )


def test_equal_areas(sentence):
    assert sentence(CAM, CAM) == "Above 0.30, CAM and w⊗w′ both cover 2 % of the picture."
    assert sentence(CAM, blob(9, 0)) == (
        "Above 0.30, CAM and w⊗w′ both cover 2 % of the picture; what w⊗w′ adds lies left of CAM’s peak,"
        " and it gives up as much elsewhere."
    )


def test_empty_maps(sentence):
    assert sentence(NOTHING, NOTHING) == "Neither CAM nor w⊗w′ has positive evidence for dog."
    assert sentence(NOTHING, CAM) == (
        "Above 0.30, w⊗w′ covers 2 % of the picture; CAM has no positive evidence for dog."
    )
    assert sentence(CAM, NOTHING) == (
        "Above 0.30, CAM covers 2 % of the picture; w⊗w′ has no positive evidence for dog."
    )


def test_nothing_above_the_threshold(sentence):
    assert sentence(CAM, CAM, threshold=1.0) == "Above 1.00, neither CAM nor w⊗w′ covers any of the picture."


def test_small_and_large_shares_are_not_rounded_into_a_lie(sentence):
    text = sentence(CAM, blob(0, 0, 20, 20), covered=[0.002, 0.998])
    assert "CAM covers under 1 % of the picture, w⊗w′ over 99 %" in text


def make_payload(**changes):
    curve = [[[0.5, 0.0]]]
    header = {
        "version": 1,
        "picture": {"width": 2, "height": 2, "name": "a.png", "type": "image/png"},
        "grid": [1, 2],
        "views": [{"key": "cam", "label": "CAM"}],
        "classes": [{"name": "dog", "score": 1}],
        "peaks": [[1.0]],
        "thresholds": 2,
        "covered": {"each": curve, "together": curve},
        "quality": None,
    }
    return pack(header | changes, {"picture": b"PNG", "maps": bytes([0, 255]), "mask": bytes([0, 1, 1, 255])})


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (make_payload(), "fine"),
        (make_payload()[:-3], '"mask" is cut short'),
        (make_payload()[:40], "the answer is cut short"),
        (b"", "the answer is empty"),
        (make_payload()[:4] + b"{" + make_payload()[4:-1], "their description is not readable"),
        (make_payload(version=2), "this page reads version 1, got 2"),
        (make_payload(peaks=[[1.0], [1.0]]), "their peaks do not match"),
        (make_payload(covered={"each": [[[1.0]]], "together": [[[1.0]]]}), "their areas do not match"),
        (make_payload(quality={"each": [[{"iou": [1, 1], "fn": [0, 0]}]]}), "their errors do not match"),
    ],
)
def test_a_broken_payload_is_refused_with_its_reason(page, payload, words):
    message = page.evaluate(
        """bytes => {
        try { readPayload(new Uint8Array(bytes).buffer); return "fine"; } catch (error) {
            return error instanceof PayloadError ? error.message : `not a PayloadError: ${error}`;
        } }""",
        list(payload),
    )
    assert words in message


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            (0.60, 0.30, 0.10),
            (0.70, 0.18, 0.12),
            "ReCAM’s w is better than CAM here: IoU 70 % against 60 %. At the best threshold of each: 80 % against 80 %.",
        ),
        (
            (0.60, 0.30, 0.10, 0.9),
            (0.70, 0.18, 0.12),
            "ReCAM’s w is better than CAM here: IoU 70 % against 60 %. "
            "But at the best threshold of each it is worse: 80 % against 90 %.",
        ),
        (
            (0.60, 0.30, 0.10),
            (0.50, 0.20, 0.30),
            "ReCAM’s w is worse than CAM here: it lights up more besides the dog, IoU 50 % against 60 %. "
            "At the best threshold of each: 80 % against 80 %.",
        ),
        (
            (0.60, 0.30, 0.10),
            (0.50, 0.45, 0.05),
            "ReCAM’s w is worse than CAM here: it misses more of the dog, IoU 50 % against 60 %. "
            "At the best threshold of each: 80 % against 80 %.",
        ),
        (
            (0.601, 0.3, 0.099, 0.7),
            (0.603, 0.3, 0.097),
            "ReCAM’s w is as good as CAM here: IoU 60 % against 60 %. At the best threshold of each: 80 % against 70 %.",
        ),
    ],
)
def test_the_verdict_is_that_of_the_numbers(page, before, after, words):
    rates = [
        {"iou": [iou, *(best or [0.8])], "fn": [fn, 0], "fp": [fp, 0], "best": 1}
        for iou, fn, fp, *best in (before, after)
    ]
    header = {
        "views": [
            {"key": "cam", "label": "CAM", "reference": True, "threshold": 0},
            {"key": "w", "label": "w", "family": "ReCAM", "threshold": 0},
        ],
        "classes": [{"name": "dog"}],
        "grid": [1, 1],
        "peaks": [[1], [1]],
        "otsu": [[0], [1]],
        "thresholds": 2,
        "covered": {"each": [[[0.5, 0.1]], [[0.5, 0.2]]]},
        "quality": {"each": [[rates[0]], [rates[1]]]},
    }
    text, cuts = page.evaluate(
        """header => { const heat = new Heat({ header, blobs: { maps: new Uint8Array(2) } });
            const cut = (rule) => heat.cut(1, 0, { rule, threshold: 0.5, area: 0.2, scale: "together" });
            return [verdict(heat, 0, { rule: "measured", scale: "each" }),
                ["measured", "otsu", "area", "same"].map((rule) => [cut(rule).threshold, cut(rule).scale])]; }""",
        header,
    )
    assert text.replace("\u00a0", " ") == words
    assert cuts == [[0, "each"], [1, "each"], [1, "each"], [0.5, "together"]]
