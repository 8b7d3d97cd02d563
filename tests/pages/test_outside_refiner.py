"""A refiner that somebody adds from outside, one line in ``REFINERS``: commands, stores, Errors and Compare have it."""

import json
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
import pytest
from any_page import open_page, press

from recam_core import open_store
from recam_core.__main__ import main
from recam_core.cam.thresholds import seed_threshold
from recam_core.records import WalkStep
from recam_core.refiners import REFINERS
from recam_core.refiners.subject import with_raw
from ui.errors import maps, runs

SCENES = ["--model", "scenes", "--dataset", "scenes", "--split", "samples", "--no-flip", "--json-lines"]


@dataclass(frozen=True)
class SoftOptions:
    width: float = 2.0


class Soft:
    """The raw maps after a Gaussian blur, divided anew."""

    name, label, help = "soft", "made soft", "maps after a Gaussian blur"
    options = SoftOptions
    flags: ClassVar = {"width": "width of the blur in pixels"}
    offers: ClassVar = {"soft": ("yes, made soft", ())}
    picture_alone = True

    def defaults(self, pair):
        return SoftOptions()

    def threshold(self, pair, readout, view):
        return seed_threshold(pair, readout, view)

    def words(self, options):
        return f"after a blur of {options.width:g} pixels"

    def steps(self, subject, options):
        for t, results in enumerate((subject.results, self.results(subject, options))):
            maps = np.concatenate([result.raw for result in results])
            yield WalkStep(t, 1, subject.classes * len(subject.readouts), maps, 0.0)

    def results(self, subject, options):
        return [with_raw(result, blurred(result.raw, options.width)) for result in subject.results]


def blurred(maps, width):
    return np.stack([cv2.GaussianBlur(values, (0, 0), width) for values in maps])


@pytest.fixture(autouse=True)
def _soft(monkeypatch, tmp_path):
    monkeypatch.setitem(REFINERS, "soft", Soft())
    monkeypatch.setenv("RECAM_RUNS", str(tmp_path))


def test_seeds_are_blurred(tmp_path):
    assert main(["seeds", *SCENES, "--refine", "soft", "--width", "1", "--out", str(tmp_path / "masks")]) == 0
    settings = json.loads((tmp_path / "masks" / "seeds.json").read_text("utf-8"))
    assert (settings["refine"], settings["soft"]) == ("soft", {"width": 1.0})
    assert len(list((tmp_path / "masks").glob("*.png"))) == 12


def test_flags_of_a_refiner_that_is_not_used_are_refused(tmp_path, capsys):
    assert main(["seeds", *SCENES, "--width", "1", "--out", str(tmp_path / "masks")]) == 2
    assert "--width would change nothing without a soft: add --refine soft" in capsys.readouterr().err


def test_an_evaluation_counts_blurred_maps_and_errors_has_them_as_a_side(tmp_path):
    report = tmp_path / "figures.json"
    more = ["--readouts", "cam", "--refine", "soft", "--out", str(tmp_path / "mine"), "--json", str(report)]
    assert main(["evaluate", *SCENES, *more]) == 0
    figures = json.loads(report.read_text("utf-8"))
    assert (figures["refine"], figures["soft"]) == ("soft", {"width": 2.0})
    store = open_store(tmp_path / "mine")
    assert store.settings.maps == ("cam", "cam-soft")
    assert store.settings.to_json()["soft"] == {"width": 2.0}
    plain, soft = maps.results_of(store, 1, ("cam", "cam-soft"))
    np.testing.assert_allclose(soft.raw, blurred(plain.raw, 2.0), rtol=1e-5)
    assert soft.maps.max() == pytest.approx(1, abs=1e-3)  # divided anew
    app = open_page("../pages/lab/errors.py", run="mine", a="cam", b="cam-soft")
    assert app.selectbox(key="errors-b").options == ["CAM", "CAM made soft"]
    assert app.session_state["errors-b"] == "cam-soft"
    assert not app.error
    assert runs.offers()["soft"] == "yes, made soft"


def test_the_table_says_that_its_maps_are_refined(capsys):
    assert main(["evaluate", *SCENES[:-1], "--readouts", "cam", "--refine", "soft"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("CAM made soft ")


def test_a_store_of_a_refiner_that_is_gone_says_so(tmp_path, monkeypatch):
    more = ["--readouts", "cam", "--refine", "soft", "--out", str(tmp_path / "mine")]
    assert main(["evaluate", *SCENES, *more]) == 0
    monkeypatch.delitem(REFINERS, "soft")
    with pytest.raises(ValueError, match="counted maps of the refiner 'soft', which this program does not have"):
        open_store(tmp_path / "mine")


def test_compare_shows_blurred_maps_and_how_they_became_so():
    app = open_page(picture="scene-fish-boat", size="96", flip="0", snap="soft")
    offered = [refiner.label for refiner in REFINERS.values() if refiner.picture_alone]
    assert app.selectbox(key="more-refiner").options == ["as they are", *offered]
    assert "made soft" in offered
    assert app.selectbox(key="more-refiner").value == "soft"
    assert "Step by step: made soft" in [expander.label for expander in app.expander]
    stream = press(app, label="Show the steps").session_state["refining-run"].stream
    assert stream.wait(60)
    assert (stream.made, stream.state) == (2, "done")
    assert stream.about["title"].endswith(", made soft")
    assert not app.error
