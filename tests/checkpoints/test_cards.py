"""Cards of another hand: what has another form than ours is left out, what has ours stays as it is."""

import pytest

from recam_core.checkpoints.cards import clean_card
from recam_core.checkpoints.pair_file import BUNDLED_MODELS, _header_of

ROW = {"miou": 0.5, "threshold": 0.2, "fp": None, "fn": 0.3}
GAIN = {"mean": 0.01, "low": 0.0, "high": 0.02}
WALKED = {"before": 0.4, "reference": {"miou": 0.5, "gain": GAIN}, "chosen": {"miou": 0.6, "gain": GAIN}}


@pytest.mark.parametrize("name", ["voc", "scenes", "photos"])
def test_our_own_cards_stay_what_they_are(name):
    card = _header_of(BUNDLED_MODELS / f"{name}.safetensors")["card"]
    assert len(card) >= 5
    assert clean_card(card) == card


@pytest.mark.parametrize("part", ["about", "warning", "training", "scores", "walk", "climb", "boundary", "imported"])
@pytest.mark.parametrize("value", [[1], 5, None, True])
def test_a_part_of_another_kind_is_left_out(part, value):
    assert clean_card({part: value, "theirs": value}) == {"theirs": value}


@pytest.mark.parametrize("measured", [
    {"readouts": {"w": 3}}, {"pictures": 3}, {"pictures": 3, "readouts": ["w"]}, {"pictures": 3, "readouts": {}}, "abc",
    {"pictures": 3, "readouts": {"w": {"miou": 0.5}}}, {"pictures": 3, "readouts": {"w": ROW | {"threshold": None}}},
    {"readouts": {"w": ROW | {"threshold": float("nan")}}}, {"readouts": {"w": ROW | {"threshold": 10**400}}},
])  # fmt: skip
def test_scores_of_another_form_are_left_out(measured):
    good = {"pictures": 3, "readouts": {"w": ROW}}
    assert clean_card({"scores": {"VOC, single scale": measured, "COCO": good}}) == {"scores": {"COCO": good}}


def test_of_scores_the_odd_rows_and_entries_alone_are_left_out():
    odd = ROW | {"over_cam": 1, "miou": "x", "fn": float("inf")}
    damaged = {"pictures": "3", "how": [1], "seeds": "many", "readouts": {"w": odd, "cam": 3}}
    left = {"readouts": {"w": {"threshold": 0.2, "fp": None}}}  # the threshold alone is worth something
    assert clean_card({"scores": {"VOC": damaged}}) == {"scores": {"VOC": left}}
    whole = {"pictures": 3, "how": "so", "seeds": 2, "readouts": {"w": ROW | {"over_cam": GAIN}}}
    assert clean_card({"scores": {"VOC": whole}}) == {"scores": {"VOC": whole}}


def test_of_a_calibration_what_cannot_be_shown_is_left_out():
    whole = {"temperature": 2, "preselect": 0.8, "precision": 0.9, "mean_ap": 0.8, "pictures": 3, "split": "val"}
    whole |= {"average_precision": {"cat": 0.9}}
    assert clean_card({"calibration": whole}) == {"calibration": whole}
    odd = {"precision": "x", "mean_ap": None, "pictures": 2.5, "split": 3, "average_precision": {"cat": "high"}}
    assert clean_card({"calibration": whole | odd}) == {"calibration": {"temperature": 2, "preselect": 0.8}}
    assert clean_card({"calibration": whole | {"average_precision": 3}})["calibration"]["mean_ap"] == 0.8
    assert clean_card({"calibration": whole | {"temperature": 0}}) == {"calibration": {}}


def test_settings_of_another_kind_are_left_out_and_unknown_ones_stay():
    settings = {
        "seed": "3", "recam_weight": 1, "half": 1, "dataset": None, "watch": [1], "stage1_epochs": 2.5, "crop": True,
        "batch_size": 4, "split": "val", "theirs": [1],
    }  # fmt: skip
    assert clean_card({"training": settings}) == {
        "training": {"recam_weight": 1, "batch_size": 4, "split": "val", "theirs": [1]}
    }


@pytest.mark.parametrize("change", [
    {"pictures": None}, {"split": 3}, {"measured": 3}, {"measured": {"nobody": WALKED}}, {"measured": {"w": 3}},
    {"measured": {"w": WALKED | {"chosen": {"miou": 0.6}}}}, {"measured": {"w": WALKED | {"before": "x"}}},
])  # fmt: skip
def test_a_walk_without_what_was_measured_keeps_its_settings(change):
    settings = {"radius": 5, "beta": "x", "pictures": 3, "split": "test"}
    whole = settings | {"measured": {"w": WALKED}}
    assert clean_card({"walk": whole}) == {"walk": whole}
    left = {name: value for name, value in (whole | change).items() if name != "measured"}
    assert clean_card({"walk": whole | change}) == {"walk": left}
