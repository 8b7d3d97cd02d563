"""Golden part 3: the whole boundary network on ResNet-50, with hash weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hash_weights import hash_tensor

from recam_core.networks.model import build_branches, build_model
from recam_core.refiners.random_walk.boundary import edge_logits

CLOSE = {"atol": 1e-4, "rtol": 0}


@pytest.mark.slow
def test_full_network(golden, fill_with_hash_weights):
    v = golden("irn_edge_displacement_full")
    seed, crop = int(v["weight_seed"]), int(v["crop_size"])
    model = build_model("resnet50_s16", "recam", 2)
    fill_with_hash_weights(model.backbone.trunk, seed)
    branches = build_branches(model)
    branches.load_state_dict(
        {name: hash_tensor(name, tuple(value.shape), seed) for name, value in branches.state_dict().items()}
    )
    np.testing.assert_allclose(branches.mean_shift.running_mean, v["mean_shift"], **CLOSE)
    image = torch.from_numpy(v["image"])
    views = torch.stack([image, image.flip(-1)])
    height, width = v["dp"].shape[1:]
    with torch.no_grad():
        logits = edge_logits(model, branches, views, crop)
        stages = model.stages(F.pad(views, (0, crop - views.shape[-1], 0, crop - views.shape[-2])))
        edges, moves = branches.edges(stages), branches.displacements(stages)
    np.testing.assert_allclose(edges, v["net_edge_logits"], **CLOSE)
    np.testing.assert_allclose(logits.sigmoid(), v["edge"][0], **CLOSE)
    np.testing.assert_allclose(moves, v["net_dp"], **CLOSE)
    np.testing.assert_allclose(moves[0, :, :height, :width], v["dp"], **CLOSE)
    branches.train()
    with torch.no_grad():
        unshifted = branches.displacements(stages)
    shift = branches.mean_shift.running_mean[:, None, None]
    np.testing.assert_allclose(unshifted - shift, moves, atol=1e-6)


def test_names_and_shapes_are_those_of_the_official_code(official_shapes):
    with torch.device("meta"):
        state = build_branches(build_model("resnet50_s16", "recam", 2)).state_dict()
    shapes = official_shapes("irn_net")
    official = {name: shape for name, shape in shapes.items() if name.startswith(("fc_", "mean_shift"))}
    del official["fc_dp7.4.running_mean"]  # mean_shift under its other name
    assert {name: tuple(value.shape) for name, value in state.items()} == official
