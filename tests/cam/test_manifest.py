"""What an evidence bundle says about itself."""

import json
from datetime import UTC, datetime
from importlib import metadata

import numpy as np
import pytest
import torch

from recam_core.cam import manifest as manifest_module
from recam_core.cam.manifest import PACKAGES, make_manifest
from recam_core.cam.pipeline import gather_evidence
from recam_core.networks.pair import build_pair
from recam_core.records import HeatmapOptions, Picture

CARD = {"training": {"seed": 3, "fc2_rate": 0.5}, "warning": "only drawn scenes", "scores": {}}


@pytest.fixture(scope="module")
def case():
    """A picture stored at twice its working size, an untrained pair, and its evidence."""
    torch.manual_seed(0)
    pair = build_pair("mine", "tiny", ("cat", "wine glass"), CARD)
    pixels = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    picture = Picture(pixels, "a.jpg", "ab" * 32, (256, 192), ("turned upright",))
    return picture, pair, gather_evidence(pixels, pair, HeatmapOptions((1.0, 0.5), False, 64))


def test_a_manifest_holds_everything_needed_to_make_the_maps_again(case):
    picture, pair, evidence = case
    out = json.loads(json.dumps(make_manifest(*case), allow_nan=False))
    assert out["picture"] == {
        "name": "a.jpg", "sha256": picture.sha256, "original_size": [256, 192], "working_size": [64, 48],
        "notes": ["turned upright"],
    }  # fmt: skip
    assert out["model"] == {
        "name": "mine", "sha256": pair.sha256, "backbone": "tiny", "probabilities": "sigmoid",
        "training": CARD["training"], "warning": CARD["warning"],
    }  # fmt: skip
    assert out["options"] == {"scales": [1.0, 0.5], "flip": False, "long_side": 64}
    assert out["scores"] == pytest.approx(dict(zip(pair.classes, evidence.scores.tolist(), strict=True)), abs=1e-6)
    assert out["computed"]["device"] == "cpu"
    assert out["computed"]["backbone_passes"] == 4
    age = datetime.now(UTC) - datetime.fromisoformat(out["computed"]["date"])
    assert abs(age.total_seconds()) < 60
    assert set(out["versions"]) == {"python", *PACKAGES}
    assert out["versions"]["torch"] == metadata.version("torch")


def test_a_package_that_is_not_installed_under_that_name_does_not_cost_the_bundle(case, monkeypatch):
    def version(name):
        if name == "opencv-python-headless":  # opencv-python does as well
            raise metadata.PackageNotFoundError(name)
        return metadata.version(name)

    monkeypatch.setattr(manifest_module, "version", version)
    assert make_manifest(*case)["versions"]["torch"] == metadata.version("torch")
