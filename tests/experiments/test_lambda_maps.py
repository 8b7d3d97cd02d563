import numpy as np
import pytest

from recam_core import HeatmapOptions, build_pair, gather_evidence, read_out
from recam_core.datasets.class_names import VOC_CLASSES
from recam_core.datasets.samples import sample_picture
from recam_core.experiments import lambda_maps


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.setattr(lambda_maps, "FILE", tmp_path / "maps.npz")
    monkeypatch.setattr(lambda_maps, "PHOTOS", {"chelsea": None})
    lambda_maps._arrays.cache_clear()
    yield lambda_maps.FILE
    lambda_maps._arrays.cache_clear()


def test_without_the_file_there_is_no_map(stored):
    assert lambda_maps.trained_weights("chelsea", "cat") == ()


def test_a_stored_map_is_that_of_the_model_itself(stored):
    pairs = {weight: build_pair("x", "tiny", VOC_CLASSES) for weight in (0.1, 2.0)}
    lambda_maps.save_lambda_maps(pairs, stored)
    assert lambda_maps.trained_weights("chelsea", "cat") == (0.1, 2.0)
    assert lambda_maps.trained_weights("chelsea", "dog") == ()
    evidence = gather_evidence(sample_picture("chelsea").pixels, pairs[2.0], HeatmapOptions())
    read = lambda_maps.lambda_result("chelsea", "cat", 2.0, evidence)
    itself = read_out(evidence, "w", ["cat"])
    assert (read.readout, read.classes) == ("w", ("cat",))
    np.testing.assert_allclose(read.maps, itself.maps, atol=2e-3)  # half precision
