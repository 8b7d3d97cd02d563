"""The Why page as AppTest runs it: every step, its link, its numbers; what the browser computes is in tests/browser."""

import re

import numpy as np
import pytest
from any_page import open_page, query, ran
from compare_page import SCENE
from why_page import PAGE, heading, open_why, press, words

import ui.compute.engine
from recam_core import (
    AdvCamOptions,
    HeatmapOptions,
    climb,
    gather_evidence,
    load_pair,
    read_out,
    read_sample,
    sample_mask,
)
from recam_core.cam.lesson import channel_votes, picture_features, sce_value
from recam_core.cam.thresholds import seed_threshold
from recam_core.checkpoints.pair_file import save_pair
from recam_core.networks.model import CamModel
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS
from ui.session import uploads
from ui.why.counterpoint import measured
from ui.why.lesson import STEPS
from ui.why.logits import START, checked
from ui.why.refining import PAGES
from ui.why.symbols import COLOURS, signed

NUMBERS = range(1, len(STEPS) + 1)


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(ui.compute.engine, "EVIDENCE", ui.compute.engine.EvidenceCache())
    uploads._STORE.clear()


def check_step(app, number):
    """It is the step of this number, with a task and its answer."""
    assert heading(app) == f"#### {number} · {STEPS[number - 1].title}"
    assert query(app)["step"] == str(number)
    assert "Try this." in words(app)
    (answer,) = [expander for expander in app.expander if expander.label == "Show the answer"]
    assert len(answer.markdown[0].value) > 80
    assert app.latex or number == 2


def test_every_step_opens_by_its_link_with_a_task_and_its_answer():
    for number in NUMBERS:
        app = open_why(step=str(number))
        check_step(app, number)
        assert not app.warning


def test_it_begins_with_a_sample_of_its_own_until_somebody_chooses_one():
    app = open_page()
    compared = app.session_state["picture"]
    for choice, sample in ((None, "scene-cat-fish-boat"), (SCENE, SCENE)):  # of the first one CAM lights up a part
        if choice is not None:
            press(app, f"show-{choice}")
        app.switch_page(PAGE)
        assert ran(app).session_state["picture"] == query(app)["picture"] == sample
        app.switch_page("../pages/explore/compare.py")
        assert ran(app).session_state["picture"] == (choice or compared)


def test_every_step_can_be_told_with_a_photo():
    app = open_why(picture="chelsea")  # its model warns of itself
    for number in NUMBERS:
        check_step(app, number)
        if number < len(STEPS):
            press(app, "why-next")


def test_forward_and_back_through_all_steps():
    app = open_why()
    assert app.button(key="why-back").disabled
    for number in NUMBERS[1:]:
        press(app, "why-next")
        assert heading(app).startswith(f"#### {number} ")
        assert query(app)["step"] == str(number)
    assert app.button(key="why-next").disabled
    press(app, "why-back")
    assert heading(app).startswith(f"#### {len(STEPS) - 1} ")


def test_a_step_that_is_none_opens_the_first_and_says_so():
    for text in ("99", "0", "-1", "two", "", "1.5", "**8**"):
        app = open_why(step=text)
        assert heading(app).startswith("#### 1 "), text
        (warning,) = [w.value for w in app.warning]
        assert "has steps 1 to 8" in warning


def test_turning_pages_looks_at_the_picture_once(monkeypatch):
    shapes, features = [], CamModel.features

    def counted(self, x):
        shapes.append(tuple(x.shape))
        return features(self, x)

    monkeypatch.setattr(CamModel, "features", counted)
    monkeypatch.setattr(
        ui.compute.engine,
        "FEATURES",
        ui.compute.engine.TurnCache(2**27, lambda f: f.nbytes, ui.compute.engine.EVIDENCE.queue),
    )
    app = open_why()
    first = len(shapes)
    assert first == 4  # both networks, for the maps of all classes and for their features
    for _ in NUMBERS[1:]:
        press(app, "why-next")
    assert len(shapes) == first


def test_the_votes_on_screen_are_those_of_the_position_in_the_link():
    app = open_why(step="2", classes="fish", at="0.25,0.75")
    pair = load_pair("scenes")
    inside = picture_features(read_sample(SCENE)[0].pixels, pair)
    rows, columns = inside.stage1.shape[1:]
    row, column = int(0.75 * rows), int(0.25 * columns)
    votes = channel_votes(inside.stage1, inside.weights["cam"][pair.class_ids(["fish"])[0]], row, column)
    text = words(app)
    assert f"At column {column + 1} of {columns}, row {row + 1} of {rows}" in text
    shown = re.findall(r'<span class="number(?: strong)?">([^<]+)</span>', text)
    assert shown == [signed(float(v), 3) for v in (*votes.votes, votes.rest, votes.total)]
    assert text.count("data:image/png;base64,") == len(votes.channels)


def test_the_peak_and_the_lowest_place_can_be_reached_without_a_mouse():
    app = open_why(step="2", at="0.1,0.1")
    press(app, "why-lowest")
    low = query(app)["at"]
    press(app, "why-peak")
    assert query(app)["at"] not in ("0.100,0.100", low)


def test_a_position_that_is_none_becomes_the_peak():
    peak = query(open_why(step="2"))["at"]
    for at in ("here", "2,2", "0.5", "nan,0.5", "0.1,0.2,0.3", "-1,0"):
        assert query(open_why(step="2", at=at))["at"] == peak, at


def test_the_mask_is_called_after_the_readout_that_makes_it():
    text = words(open_why(step="4", classes="fish"))
    pair = load_pair("scenes").folded()
    evidence = gather_evidence(read_sample(SCENE)[0].pixels, pair, HeatmapOptions((1.0,), False))
    w, cam = (f"{100 * (read_out(evidence, name, ['fish']).maps[0] > 0.3).mean():.0f} %" for name in ("w", "cam"))
    assert f"made with **w**: above 0.30 it covers {w} of the picture" in text
    assert f"trained with BCE alone, and covers {cam}." in text


def test_what_advcam_climbs_is_the_number_of_the_climb_page():
    app = open_why(step="7", classes="fish", flip="0")
    view = HeatmapOptions((1.0,), False)
    (step,) = climb(read_sample(SCENE)[0].pixels, load_pair("scenes"), ["fish"], AdvCamOptions(steps=1), "w", view)
    formulas = " ".join(formula.value for formula in app.latex)
    assert f"{step.score[0]:.2f}" in formulas
    assert f"{step.others[0]:.2f}" in formulas
    assert "y is not the logit z" in words(app)
    assert "mirror image" not in words(app).split("y is not the logit z")[1].split("\n")[0]


def test_another_class_is_another_story_and_compare_hears_of_it():
    app = open_why(classes="fish")
    (box,) = [box for box in app.selectbox if box.label.startswith("Class")]
    assert box.value == "fish"
    box.set_value("boat")
    ran(app)
    assert query(app)["classes"] == "boat"
    assert "where* boat is" in words(app)


def test_both_loss_steps_share_the_logits_of_the_link():
    app = open_why(step="3", z="1,-2,0.5", y="011", target="2")
    state = app.session_state["why-logits"]
    assert state == {"z": [1, -2, 0.5], "y": [0, 1, 1], "target": 2}
    press(app, "why-next")
    press(app, "why-next")
    assert app.session_state["why-logits"] == state
    address = query(app)
    assert address | {"z": "1,-2,0.5", "y": "011", "target": "2", "step": "5"} == address


@pytest.mark.parametrize("state", [
    {"z": ["nan", 0, 0], "y": [1, 1, 0], "target": 0}, {"z": [9, 0, 0], "y": "1", "target": 3},
    {"z": [], "y": [2, 0, 0], "target": "a"},
    {"z": ["1", "x", "2"], "y": [], "target": -1}, {"z": None, "y": "abc", "target": None},
])  # fmt: skip
def test_nonsense_logits_become_the_worked_example(state):
    assert checked(state) == START


def test_the_presentation_is_in_the_link_and_changes_the_page_also_by_an_old_link():
    app = open_why(large="1")
    assert query(app)["present"] == "1"
    assert "why-body" in words(app)
    app.toggle(key="present").set_value(False)
    ran(app)
    assert "why-body" not in words(app)
    assert "present" not in query(app)


def test_the_lesson_begins_with_a_sample_on_which_cam_lights_up_a_part_and_a_readout_finds_more():
    app = open_page(PAGE)
    name = query(app)["picture"]
    pair, view = load_pair("scenes"), HeatmapOptions((1.0,), False)
    evidence = gather_evidence(read_sample(name)[0].pixels, pair.folded(), view)
    (shown,) = [box.value for box in app.selectbox if box.key.startswith("climb-class-")]
    truth = sample_mask(name, pair.classes) == pair.classes.index(shown) + 1
    recall = {}
    for readout in READOUTS:
        above = read_out(evidence, readout, [shown]).maps[0] > seed_threshold(pair, readout, view)[0]
        recall[readout] = (above & truth).sum() / truth.sum()
    assert recall["cam"] < 0.4
    assert max(recall.values()) > recall["cam"]
    assert evidence.scores[pair.classes.index(shown)] > 0.9  # so sure of a class, of which it lights up so little


@pytest.mark.parametrize("page", [page for page in ("climb", "walk") if (PAGES / f"{page}.py").is_file()])
def test_the_way_to_another_page_keeps_picture_and_class(page):
    app = open_why(step="7", classes="boat")
    press(app, f"why-to-{page}")
    assert (query(app)["picture"], query(app)["classes"]) == (SCENE, "boat")
    assert not [m for m in app.markdown if m.value.startswith("#### ")]  # the lesson is not on the page any more


@pytest.mark.parametrize("classes", [1, 2])
def test_a_model_of_one_or_two_classes_can_be_taught_with(classes, tmp_path, monkeypatch):
    save_pair(build_pair("few", "tiny", ("cat", "dog")[:classes]), tmp_path / "few.safetensors")
    monkeypatch.setenv("RECAM_MODELS", str(tmp_path))
    app = open_why(model="few")
    for _ in NUMBERS[1:]:
        press(app, "why-next")
    assert "nothing was measured" in words(app)


def test_the_measured_sentence_is_that_of_the_card():
    pair = load_pair("scenes")
    text = words(open_why(step="8"))
    table = pair.card["scores"]["scenes test, one scale"]["readouts"]
    ours = max(table[name]["over_cam"]["mean"] for name in ("w", "wprime", "sum", "product"))
    control = table["control"]["over_cam"]["mean"]
    assert f"{signed(100 * ours, 1)} (" in text
    assert f"the control {signed(100 * control, 1)} (" in text
    assert ("does not beat its control" in text) == any(
        max(t["readouts"][n]["over_cam"]["mean"] for n in ("w", "wprime", "sum", "product"))
        <= t["readouts"]["control"]["over_cam"]["mean"]
        for t in pair.card["scores"].values()
    )


def gains(**means):
    return {name: {"over_cam": {"mean": mean, "low": mean - 0.01, "high": mean + 0.01}} for name, mean in means.items()}


@pytest.mark.parametrize(("means", "verdict"), [
    (
        {"w": 0.01, "product": 0.02, "control": 0.03},
        "w⊗w′, +2.0 (+1.0 … +3.0) points over CAM; "
        "the control +3.0 (+2.0 … +4.0): ReCAM does not beat its control here.",
    ),
    ({"w": 0.05, "control": 0.01}, "ahead of its control by +4.0."),
    ({"w": 0.02, "control": 0.01}, "ahead of its control by +1.0, but the intervals overlap."),
    ({"w": -0.02}, "w, −2.0 (−3.0 … −1.0) points over CAM; no control was trained here."),
])  # fmt: skip
def test_what_is_said_of_the_control_follows_from_the_numbers(means, verdict):
    ((sentence, how),) = measured({"scores": {"there": {"pictures": 7, "seeds": 3, "readouts": gains(**means)}}})
    assert sentence.startswith("there: the best readout, ")
    assert how == "7 pictures, each readout at its best threshold; mean of 3 trainings."
    assert sentence.endswith(verdict)


@pytest.mark.parametrize("card", [{}, {"scores": {}}, {"scores": None}])
def test_a_model_without_scores_says_that_nothing_was_measured(card):
    assert measured(card) == [("nothing was measured, so its card has no scores.", "")]


def test_of_the_default_model_both_splits_and_views_are_told():
    sentences = [sentence for sentence, _ in measured(load_pair("voc").card)]
    assert [" ".join(sentence.split()[:4]) for sentence in sentences] == [
        f"voc {split}, {scales} {word}:"
        for split in ("train", "val")
        for scales, word in (("one", "scale"), ("four", "scales"))
    ]
    assert ["the control " in sentence for sentence in sentences] == [True, False, True, False]


def test_sce_of_the_picture_is_said_in_step_five():
    app = open_why(step="5", classes="fish")
    pair = load_pair("scenes")
    inside = picture_features(read_sample(SCENE)[0].pixels, pair)
    k = pair.class_ids(["fish"])[0]
    mask = np.tensordot(inside.weights["w"][k], inside.stage2, 1).clip(0)
    pooled = (inside.stage2 * mask / (mask.max() + 1e-5)).mean(axis=(1, 2))
    assert f"SCE = {sce_value(inside.weights['wprime'] @ pooled, k):.3f}".replace("-", "−") in words(app)


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("page", ["#ffffff", "#14171f"])
def test_every_symbol_can_be_read_on_the_light_and_on_the_dark_page(page):
    for symbol, colour in COLOURS.items():
        low, high = sorted((luminance(colour), luminance(page)))
        assert (high + 0.05) / (low + 0.05) >= 3.5, symbol
