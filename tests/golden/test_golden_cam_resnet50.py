"""Golden part 5: the whole ResNet-50 CAM network at output stride 16 and 8, with hash weights."""

import numpy as np
import pytest
import torch
from hash_weights import hash_tensor

from recam_core.networks.losses import class_features, class_masks
from recam_core.networks.model import build_model


@pytest.mark.slow
@pytest.mark.parametrize("stride", [16, 8])
def test_full_network(golden, fill_with_hash_weights, stride):
    v = golden("cam_resnet50_full")
    classes, seed = int(v["n_classes"]), int(v["weight_seed"])
    model = build_model(f"resnet50_s{stride}", "cam", classes)
    fill_with_hash_weights(model.backbone.trunk, seed)
    fc1 = hash_tensor("classifier.weight", (classes, model.backbone.channels, 1, 1), seed).flatten(1)
    model.head.load_state_dict({"fc1": fc1})
    image = torch.from_numpy(v["image"])
    with torch.no_grad():
        features = model.features(torch.stack([image, image.flip(-1)]))
        separate = model.maps(features, ["cam"])[:, 0]
        masks = class_masks(features, fc1)
        pooled = class_features(features, masks)
        logits = model.scores(features)
    close = {"atol": 1e-4, "rtol": 0}
    np.testing.assert_allclose(separate, v[f"separate_s{stride}"], **close)
    np.testing.assert_allclose(separate[0].relu() + separate[1].relu().flip(-1), v[f"cam_s{stride}"], **close)
    np.testing.assert_allclose(logits, v[f"logits_s{stride}"], **close)
    np.testing.assert_allclose(masks, v[f"norm_cam_s{stride}"], **close)
    np.testing.assert_allclose(pooled.mean(dim=2), v[f"cam_feature_mean_s{stride}"], **close)
