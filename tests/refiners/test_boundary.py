"""Boundary maps: where they come from, their size and range, and what is said when there is none."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from recam_core.networks.model import build_branches
from recam_core.networks.pair import build_pair
from recam_core.records import BOUNDARIES, UserError
from recam_core.refiners.random_walk.boundary import boundary_map, boundary_sources, edge_logits, gradient_boundary


@pytest.fixture(scope="module")
def plain():
    torch.manual_seed(0)
    return build_pair("mine", "tiny", ("a", "b"))


@pytest.fixture(scope="module")
def edged(plain):
    torch.manual_seed(1)
    return replace(plain, boundary=build_branches(plain.recam).requires_grad_(False))


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_sources_follow_from_the_branches(plain, edged):
    assert boundary_sources(plain) == ("gradient",)
    assert boundary_sources(edged) == tuple(BOUNDARIES)


@pytest.mark.parametrize("source", BOUNDARIES)
@pytest.mark.parametrize("size", [(61, 83), (16, 16), (1, 1), (33, 600)])
def test_a_map_is_a_quarter_of_the_picture_and_in_range(edged, source, size):
    boundary = boundary_map(edged, noise(*size), source)
    assert boundary.shape == tuple((side - 1) // 4 + 1 for side in size)
    assert boundary.dtype == np.float32
    assert boundary.min() >= 0
    assert boundary.max() <= 1


def test_the_mirror_image_has_the_mirrored_boundaries(edged):
    picture = noise(32, 48)  # a multiple of 8: strided grids of both agree
    one, other = (boundary_map(edged, np.ascontiguousarray(p)) for p in (picture, picture[:, ::-1]))
    np.testing.assert_allclose(one, other[:, ::-1], atol=1e-6)


def test_logits_are_averaged_and_not_probabilities(edged):
    x = edged.recam.preprocess(noise(32, 48))
    with torch.inference_mode():
        alone = [edged.boundary.edges(edged.recam.stages(view))[0, 0] for view in (x, x.flip(-1))]
        merged = edge_logits(edged.recam, edged.boundary, torch.cat([x, x.flip(-1)]))
    torch.testing.assert_close(merged, (alone[0] + alone[1].flip(-1)) / 2, atol=1e-5, rtol=1e-5)


def test_padding_changes_what_group_norm_sees_and_not_the_size(edged):
    x = edged.recam.preprocess(noise(32, 48))
    views = torch.cat([x, x.flip(-1)])
    with torch.inference_mode():
        plain, padded = (edge_logits(edged.recam, edged.boundary, views, crop) for crop in (None, 64))
    assert plain.shape == padded.shape == (8, 12)
    assert not torch.allclose(plain, padded, atol=1e-3)
    with pytest.raises(UserError, match="48 × 32 pixels does not fit a crop of 40"):
        edge_logits(edged.recam, edged.boundary, views, 40)


def test_without_branches_the_way_out_is_named(plain):
    with pytest.raises(UserError, match=r"train-boundary --model mine .* gradient"):
        boundary_map(plain, noise(16, 16))
    with pytest.raises(UserError, match="one of learned, gradient; got 'magic'"):
        boundary_map(plain, noise(16, 16), "magic")


@pytest.mark.parametrize("picture", [
    np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((0, 8, 3), np.uint8),
])  # fmt: skip
def test_what_is_no_picture_is_refused(edged, picture):
    with pytest.raises(UserError, match=r"must be \(H, W, 3\) uint8"):
        boundary_map(edged, picture, "gradient")


def test_broken_branches_are_named(plain):
    branches = build_branches(plain.recam)
    torch.nn.init.constant_(branches.fc_edge4.bias, float("nan"))
    with pytest.raises(UserError, match="boundary branches of mine give values that are not finite"):
        boundary_map(replace(plain, boundary=branches), noise(16, 16))


def test_a_look_leaves_no_trace(edged):
    boundary_map(edged, noise(16, 16))
    assert not edged.boundary.training
    assert all(p.grad is None and not p.requires_grad for p in edged.boundary.parameters())


def test_the_gradient_of_a_step_is_where_the_step_is():
    picture = np.zeros((16, 32, 3), np.uint8)
    picture[:, 18:, 1] = 200  # between the 17th and the 18th column, in one channel alone
    boundary = gradient_boundary(picture)
    assert (boundary[:, 4] == 1).all()  # columns 16 to 19
    assert max(boundary[:, :3].max(), boundary[:, 6:].max()) < 1e-3
    assert (boundary == boundary[:1]).all()


def test_a_flat_picture_has_no_edges_and_faint_noise_hardly_any():
    assert gradient_boundary(np.full((16, 16, 3), 90, np.uint8)).max() == 0
    faint = np.full((64, 64, 3), 90, np.uint8) + np.random.default_rng(0).integers(0, 4, (64, 64, 3), dtype=np.uint8)
    assert gradient_boundary(faint).max() < 0.2


def test_a_known_gradient_in_grey_levels():
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None] * 2, 16, axis=0)[..., None].repeat(3, axis=2)
    np.testing.assert_allclose(gradient_boundary(ramp)[:, 4:12], 2 / 8, atol=1e-5)  # 2 levels a pixel of at least 8
