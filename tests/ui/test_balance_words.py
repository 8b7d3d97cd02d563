"""Sentences and curves of the Balance page follow from the numbers of the fits."""

import numpy as np
import pytest

from recam_core import Refit, RefitConfig
from recam_core.networks.readouts import READOUTS
from recam_core.records import SeedScore
from ui.balance.charts import common_bounds, fitted_curve, lambda_chart, trained_curve
from ui.balance.knobs import RUNGS, linked_lambda
from ui.balance.when import gain_chart, summary
from ui.balance.words import flatness, table_rows, what_changed

FIVE = ("cam", "w", "wprime", "sum", "product")
AREAS = dict(zip(FIVE, (0.1, 0.2, 0.3, 0.4, 0.5), strict=True))


@pytest.fixture(autouse=True)
def five(monkeypatch):
    """No readouts but these, of which the sentences were worked out by hand."""
    for name in READOUTS.keys() - set(FIVE):
        monkeypatch.delitem(READOUTS, name)


def fit(weight=1.0, miou=(0.5, 0.51, 0.52, 0.53, 0.54), scored=True, **settings):
    scores = {name: SeedScore(value, 0.2, 0.3, 0.2) for name, value in zip(FIVE, miou, strict=True)} if scored else {}
    losses = np.full((16, 2), 0.25)
    losses[:, 1] *= weight > 0
    config = RefitConfig(recam_weight=weight, **settings)
    return Refit(config, {"w": np.zeros((2, 3)), "wprime": np.zeros((2, 3))}, {}, scores, losses, 0.5)


def test_the_sentence_names_areas_and_the_best_readout():
    sentence = what_changed(fit(), AREAS, 0.3, "dog")
    assert sentence == (
        "At λ = 1 and above 0.30, **dog** covers w 20 %, w′ 30 %, w⊕w′ 40 %, w⊗w′ 50 % of this picture; CAM 10 %. "
        "Over all pictures the best readout, w⊗w′, is 4.0 points above CAM."
    )
    assert "w⊕w′, is 3.0 points below CAM" in what_changed(fit(miou=(0.5, 0.4, 0.4, 0.47, 0.4)), AREAS, 0.3, "dog")
    assert "the best readout, w, is level with CAM" in what_changed(
        fit(miou=(0.5, 0.5, 0.4, 0.4, 0.4)), AREAS, 0.3, "dog"
    )


def test_without_fc2_or_masks_the_sentence_claims_nothing_about_them():
    sentence = what_changed(fit(0.0, (0.5, 0.4, 0.9, 0.9, 0.9)), AREAS, 0.3, "dog")
    assert "w′" not in sentence
    assert "w, is 10.0 points below CAM" in sentence
    assert "no λ can be called better than another" in what_changed(fit(scored=False), AREAS, 0.3, "dog")


def test_a_flat_curve_is_called_flat_only_where_it_is_and_the_backbone_is_frozen():
    rungs = (0.1, 1.0, 2.0, 5.0)
    moving = [fit(w, (0.5, 0.5 - w / 50, 0.5, 0.5 + w / 1000, 0.5 - w / 40)) for w in rungs]
    assert "w′ and w⊕w′ hardly move with λ (less than 1 point)" in flatness(moving)
    assert flatness(moving[:3]) == ""  # too few to call anything flat
    assert flatness([fit(w, (0.5, 0.5 - w / 50, 0.5 - w / 50, 0.5 - w / 50, 0.5 - w / 50)) for w in rungs]) == ""
    assert flatness([fit(w, last_block=True) for w in rungs]) == ""


def test_rows_say_what_was_tried():
    shared = fit(0.1, objective="shared")
    rows = table_rows([fit(2.0, mask_gradient=False, last_block=True), shared, fit(1.0, objective="sce"), fit(0.0)])
    assert [row["λ"] for row in rows] == ["2", "0.1", "–", "0"]
    assert [row["what"] for row in rows] == [
        "two heads, mask detached, last block too",
        "one shared head",
        "SCE alone",
        "two heads",
    ]
    assert rows[0]["w⊗w′"] == "54.0"
    assert rows[1]["w⊗w′"] == rows[3]["w⊗w′"] == "untrained"
    assert [row["SCE"] for row in rows] == ["0.25", "0.25", "0.25", "–"]


def test_curves_leave_out_what_means_nothing():
    curve = fitted_curve([fit(1.0), fit(0.0), fit(10.0)])
    assert curve["cam"] == [(0.0, 0.5), (1.0, 0.5), (10.0, 0.5)]
    assert curve["wprime"] == [(1.0, 0.52), (10.0, 0.52)]
    low, high = common_bounds(curve, {})
    assert low < 50 < 54 < high
    assert common_bounds({}) is None
    figure = lambda_chart(curve, RUNGS, 1.0, (low, high))
    assert list(figure.data[1].x) == ["0", "1", "10"]
    assert figure.layout.shapes[0].x0 == RUNGS.index(1.0)


def test_full_training_is_read_from_its_rows():
    study = {
        "rows": [
            {"name": "0", "cam": {"miou": 0.4}, "w": {"miou": 0.5}},
            {"name": "0.5", "cam": {"miou": 0.4}, "w": {"miou": 0.3}},
        ]
    }
    assert trained_curve(study)["w"] == [(0.0, 0.5), (0.5, 0.3)]
    assert trained_curve(study)["product"] == []


@pytest.mark.parametrize(("text", "value", "is_refused"), [
    (None, 1.0, False), ("0", 0.0, False), ("0.12", 0.1, False), ("10", 10.0, False), ("-0.1", 1.0, True), ("11", 1.0, True),
    ("nan", 1.0, True), ("inf", 1.0, True), ("", 1.0, True), ("λ", 1.0, True),
])  # fmt: skip
def test_a_link_gives_a_rung_or_a_sentence(text, value, is_refused):
    rung, fault = linked_lambda(text)
    assert rung == value
    assert bool(fault) == is_refused


def when(gains):
    knobs = {
        "body_contrast": [8.0, 18.0, 36.0],
        "radius": [[0.1, 0.2], [0.2, 0.3], [0.3, 0.4]],
        "together": [0.0, 0.3, 0.8],
    }
    rows = []
    for n in range(27):
        place = dict(
            zip(
                knobs,
                (knobs["body_contrast"][n // 9], knobs["radius"][n // 3 % 3], knobs["together"][n % 3]),
                strict=True,
            )
        )
        mean = gains.get(n, 0.0)
        gain = {"mean": mean, "low": mean - 0.005, "high": mean + 0.005}
        rows.append(
            {"knobs": place, "readouts": {"1": {"cam": {"miou": 0.3}, "w": {"miou": 0.3 + mean, "over_cam": gain}}}}
        )
    return {"knobs": knobs, "rows": rows}


def test_the_map_counts_gains_and_losses_and_marks_the_sure_ones():
    study = when({0: 0.02, 26: -0.03, 5: 0.001})
    assert summary(study, "w", "1", "over_cam") == (
        "Against CAM, **w** with λ = 1 gains at 1 of 27 points, loses at 1, and at 25 the interval contains 0; "
        "from −3.0 to +2.0 points."
    )
    squares = gain_chart(study, "w", "1", "over_cam").data[0]
    assert squares.text[0] == "<b>+2.0</b>"
    assert squares.text[5] == "+0.1"
    assert (squares.x[26], squares.y[26]) == (10, 2)  # large objects stand on the right, loud bodies on top
    assert squares.customdata[26][0] == 26
