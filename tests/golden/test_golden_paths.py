"""Golden part 1: displacements, paths, and the indices of sources and destinations."""

import numpy as np
import pytest
import torch

from recam_core.refiners.random_walk.paths import displacements, path_groups, path_maxima


@pytest.mark.parametrize("radius", [5, 10])
def test_displacements_and_paths(golden, radius):
    v = golden(f"irn_pathindex_r{radius}")
    groups = path_groups(int(v["radius"]))
    np.testing.assert_array_equal(displacements(radius), v["search_dst"])
    assert len(groups) == v["n_groups"]
    for g, group in enumerate(groups):
        np.testing.assert_array_equal(np.array(group), v[f"search_path_{g}"])


@pytest.mark.parametrize("radius", [5, 10])
def test_maxima_look_at_exactly_the_points_of_the_paths(golden, radius):
    v = golden(f"irn_pathindex_r{radius}")
    height, width = (int(side) for side in v["grid"])
    field = torch.rand(height * width, generator=torch.Generator().manual_seed(0))
    expected = torch.cat([field[torch.from_numpy(v[f"path_indices_{g}"]).long()].amax(1) for g in range(v["n_groups"])])
    maxima = path_maxima(field.view(height, width), radius)
    assert maxima.flatten(1).shape == v["dst_indices"].shape
    torch.testing.assert_close(maxima.flatten(1), expected, rtol=0, atol=0)
    # a source's own value is on each of its paths, its destination's too
    assert (maxima.flatten(1) >= field[torch.from_numpy(v["src_indices"]).long()]).all()
    assert (maxima.flatten(1) >= field[torch.from_numpy(v["dst_indices"]).long()]).all()
