"""A readout that somebody adds from outside, one row: commands, evaluations and pages have it, the models stay what they are."""

import json
from dataclasses import replace

import numpy as np
import pytest
from any_page import handed_over, open_page, unfold

import ui.balance.curve
import ui.balance.knobs
import ui.balance.sets
import ui.compute.engine
from recam_core import load_pair, open_store
from recam_core.__main__ import main
from recam_core.checkpoints.pair_file import BUNDLED_MODELS, copy_pair
from recam_core.networks.readouts import READOUTS
from recam_core.training.recipes import default_refit
from ui.compute import payloads
from ui.compute.packing import unpack
from ui.session import uploads

SCENE = "scene-fish-boat"
WITH_OUTSIDE = [*READOUTS, "outside"]
SPOKEN = {6: "six", 7: "seven", 8: "eight", 9: "nine"}


@pytest.fixture(autouse=True)
def outside(monkeypatch, tmp_path):
    """The mean of w and w′ as a row, and the bundled model under a name that no cache knows."""
    row = replace(
        READOUTS["sum"],
        name="outside",
        label="outside",
        weights=lambda head: sum(head.weights.values()) / len(head.weights),
    )
    monkeypatch.setitem(READOUTS, "outside", row)
    (tmp_path / "models").mkdir()
    copy_pair(BUNDLED_MODELS / "scenes.safetensors", tmp_path / "models" / "outside.safetensors", "outside")
    monkeypatch.setenv("RECAM_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("RECAM_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(ui.compute.engine, "EVIDENCE", ui.compute.engine.EvidenceCache())
    uploads._STORE.clear()
    return row


def view_keys(app):
    """The maps that the first heat view of a page is given."""
    return [shown["key"] for shown in unpack(payloads.get(handed_over(app)[0]["id"]))[0]["views"]]


def test_a_file_that_was_there_has_it():
    pair = load_pair("scenes")
    assert list(pair.readouts) == WITH_OUTSIDE
    w, wprime = (pair.recam.class_weights(name) for name in ("w", "wprime"))
    np.testing.assert_allclose(pair.recam.class_weights("outside"), (w + wprime) / 2)


def test_explain_writes_it(tmp_path):
    assert main(["explain", SCENE, "--readouts", "all", "--model", "scenes", "--out", str(tmp_path / "out")]) == 0
    with np.load(tmp_path / "out" / "maps.npz") as arrays:
        assert {"outside", "raw_outside"} <= set(arrays.files)
        np.testing.assert_allclose(arrays["raw_outside"], arrays["raw_sum"] / 2, rtol=1e-3, atol=1e-4)
    assert json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))["readouts"] == WITH_OUTSIDE


def test_compare_shows_it(outside):
    app = open_page(picture=SCENE, model="outside")
    assert view_keys(app) == WITH_OUTSIDE
    said = " ".join(element.value for element in unfold(app, "show_method").markdown)
    assert f"for {SPOKEN[len(WITH_OUTSIDE)]} maps of" in said


def test_an_evaluation_counts_it_and_errors_compares_it(tmp_path):
    common = ["evaluate", "--model", "outside", "--dataset", "scenes", "--split", "samples", "--json-lines"]
    assert main([*common, "--out", str(tmp_path / "runs" / "mine")]) == 0
    assert list(open_store(tmp_path / "runs" / "mine").settings.maps) == WITH_OUTSIDE
    app = open_page("../pages/lab/errors.py", run="mine", a="outside", b="sum")
    assert app.session_state["errors-a"] == "outside"
    assert app.selectbox(key="errors-b").options == [READOUTS[name].label for name in WITH_OUTSIDE]
    assert not app.error


def test_balance_fits_and_shows_it(monkeypatch):
    monkeypatch.setattr(ui.balance.sets, "COUNTS", {"quick": 4, "scenes": 4, "photos": 4})
    monkeypatch.setattr(ui.balance.knobs, "default_refit", lambda backbone: replace(default_refit(backbone), steps=4))
    for module in (ui.balance.knobs, ui.balance.curve):
        monkeypatch.setattr(module, "RUNGS", (0.0, 1.0))
    app = open_page("../pages/learn/balance.py", picture=SCENE, model="outside")
    assert view_keys(app) == WITH_OUTSIDE
    assert "outside" in app.dataframe[0].value.columns
    assert not app.error
