"""A refiner that somebody adds from outside, one line in ``REFINERS``: commands, stores and the Errors page have it."""

import json
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from opened import opened

from recam_core import open_store
from recam_core.__main__ import main
from recam_core.cam.thresholds import seed_threshold
from recam_core.records import WalkStep
from recam_core.refiners import REFINERS
from ui.errors import maps, runs

SCENES = ["--model", "scenes", "--dataset", "scenes", "--split", "samples", "--no-flip", "--json-lines"]


@dataclass(frozen=True)
class BlurOptions:
    sigma: float = 2.0


class Blur:
    """Maps after a Gaussian blur."""

    name, label, help = "blur", "after the blur", "maps after a Gaussian blur"
    options = BlurOptions
    flags = {"sigma": "width of the blur in pixels"}  # noqa: RUF012
    offers = {"blur": ("yes, after a blur", ())}  # noqa: RUF012

    def defaults(self, pair):
        return BlurOptions()

    def threshold(self, pair, readout, view):
        return seed_threshold(pair, readout, view)

    def words(self, options):
        return f"after a blur of {options.sigma:g} pixels"

    def steps(self, subject, options):
        for result in self.results(subject, options):
            yield WalkStep(1, 1, subject.classes, result.grid, 0.0)

    def results(self, subject, options):
        return [self._blurred(result, options.sigma) for result in subject.results]

    def _blurred(self, result, sigma):
        blurred = np.stack([cv2.GaussianBlur(values, (0, 0), sigma) for values in result.maps])
        return replace(result, maps=blurred)


@pytest.fixture(autouse=True)
def _blur(monkeypatch, tmp_path):
    monkeypatch.setitem(REFINERS, "blur", Blur())
    monkeypatch.setenv("RECAM_RUNS", str(tmp_path))


def test_seeds_are_blurred(tmp_path):
    assert main(["seeds", *SCENES, "--refine", "blur", "--sigma", "1", "--out", str(tmp_path / "masks")]) == 0
    told = json.loads((tmp_path / "masks" / "seeds.json").read_text("utf-8"))
    assert (told["refine"], told["blur"]) == ("blur", {"sigma": 1.0})
    assert len(list((tmp_path / "masks").glob("*.png"))) == 12


def test_flags_of_a_refiner_that_is_not_used_are_refused(tmp_path, capsys):
    assert main(["seeds", *SCENES, "--sigma", "1", "--out", str(tmp_path / "masks")]) == 2
    assert "--sigma would change nothing without a blur: add --refine blur" in capsys.readouterr().err


def test_an_evaluation_counts_blurred_maps_and_errors_has_them_as_a_side(tmp_path):
    report = tmp_path / "figures.json"
    more = ["--readouts", "cam", "--refine", "blur", "--out", str(tmp_path / "mine"), "--json", str(report)]
    assert main(["evaluate", *SCENES, *more]) == 0
    told = json.loads(report.read_text("utf-8"))
    assert (told["refine"], told["blur"]) == ("blur", {"sigma": 2.0})
    store = open_store(tmp_path / "mine")
    assert store.settings.maps == ("cam", "cam-blur")
    assert store.settings.to_json()["blur"] == {"sigma": 2.0}
    plain, blurred = maps.results_of(store, 1, ("cam", "cam-blur"))
    np.testing.assert_allclose(blurred.maps[0], cv2.GaussianBlur(plain.maps[0], (0, 0), 2), atol=1e-6)
    app = opened("../pages/lab/errors.py", run="mine", a="cam", b="cam-blur")
    assert app.selectbox(key="errors-b").options == ["CAM", "CAM after the blur"]
    assert app.session_state["errors-b"] == "cam-blur"
    assert not app.error
    assert runs.offers()["blur"] == "yes, after a blur"


def test_a_store_of_a_refiner_that_is_gone_says_so(tmp_path, monkeypatch):
    more = ["--readouts", "cam", "--refine", "blur", "--out", str(tmp_path / "mine")]
    assert main(["evaluate", *SCENES, *more]) == 0
    monkeypatch.delitem(REFINERS, "blur")
    with pytest.raises(ValueError, match="counted maps of the refiner 'blur', which this program does not have"):
        open_store(tmp_path / "mine")
