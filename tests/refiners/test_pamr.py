"""PAMR as a refiner: maps end at the edges of the picture, and its last step is its result."""

import numpy as np
import pytest
import torch

from recam_core.cam.pipeline import gather_evidence
from recam_core.networks.pair import build_pair
from recam_core.records import HeatmapOptions, UserError
from recam_core.refiners import REFINERS, Refinement
from recam_core.refiners.pamr.equations import pamr
from recam_core.refiners.pamr.refiner import PamrOptions
from recam_core.refiners.subject import Subject

CLASSES = ("cat", "dog", "tree")


def test_a_mask_snaps_to_the_edge_of_a_flat_picture():
    picture = torch.zeros(3, 20, 20)
    picture[:, :, 10:] = 1
    mask = torch.zeros(1, 20, 20)
    mask[:, :, :13] = 1  # three columns too far
    snapped = pamr(picture, mask)[0]
    assert snapped[:, :10].min() > 0.9
    assert snapped[:, 10:].max() < mask[:, :, 10:].float().mean() + 0.2
    assert snapped[:, 9].mean() - snapped[:, 10].mean() > 0.4


def test_the_refiner_snaps_raw_maps_and_tells_of_every_iteration():
    torch.manual_seed(0)
    pair = build_pair("p", "tiny", CLASSES)
    picture = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    subject = Subject(pair, gather_evidence(picture, pair, HeatmapOptions()), ("dog", "tree"), ("cam", "w"))
    refinement = Refinement("pamr", PamrOptions(3))
    steps = list(REFINERS["pamr"].steps(subject, refinement.options))
    results = refinement.results(subject)
    assert [step.t for step in steps] == [0, 1, 2, 3]
    np.testing.assert_array_equal(steps[0].maps, np.concatenate([result.raw for result in subject.results]))
    np.testing.assert_allclose(steps[-1].maps, np.concatenate([result.raw for result in results]), atol=1e-6)
    for start, result in zip(subject.results, results, strict=True):
        assert (result.readout, result.maps.shape, result.grid.shape) == (
            start.readout,
            start.maps.shape,
            start.grid.shape,
        )
        assert 0.99 < result.maps.max() <= 1
        assert result.raw.max() < start.raw.max()  # a mean of neighbours
    assert refinement.words == "after 3 iterations of PAMR"
    with pytest.raises(UserError, match="0 to 200; got 1000"):
        PamrOptions(1000)
