"""Golden part 4: logits, masks, class features, both losses and every gradient of the reference's training step."""

import numpy as np
import pytest
import torch

from recam_core.networks.heads import HEADS
from recam_core.networks.losses import activation_maps, class_features, class_masks, class_scores, softmax_loss

FILES = ("recam_train_0", "recam_train_1")


def close(ours: torch.Tensor, golden: np.ndarray) -> None:
    np.testing.assert_allclose(ours.detach().numpy(), golden, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", FILES)
def test_values(golden, name):
    v = {key: torch.from_numpy(value) for key, value in golden(name).items()}
    masks = class_masks(v["feature"], v["fc1_weight"])
    pooled = class_features(v["feature"], masks)
    close(class_scores(v["feature"], v["fc1_weight"]), v["logits"].numpy())
    close(masks, v["cam"].numpy())
    close(pooled, v["cam_feature"].numpy())
    loss, accuracy = softmax_loss(pooled, v["label"], v["fc2_weight"])
    close(loss, v["loss_ce"].numpy())
    close(accuracy, v["acc"].numpy())


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("prefix", "pick"), [("", 0), ("cls_", 1), ("ce_", 2)])
def test_gradients(golden, name, prefix, pick):
    v = {key: torch.from_numpy(value) for key, value in golden(name).items()}
    classes, channels = v["fc1_weight"].shape
    head = HEADS["recam"](channels, classes, recam_weight=float(v["recam_loss_weight"]))
    head.load_state_dict({"fc1": v["fc1_weight"], "fc2": v["fc2_weight"]})
    features = v["feature"].requires_grad_()
    losses = head.loss(features, v["label"])
    close(losses[pick], v[("loss", "loss_cls", "loss_ce")[pick]].numpy())
    losses[pick].backward()
    close(features.grad, v[f"{prefix}grad_feature"].numpy())
    close(head.fc1.grad, v[f"{prefix}grad_fc1"].numpy())
    if f"{prefix}grad_fc2" in v:
        close(head.fc2.grad, v[f"{prefix}grad_fc2"].numpy())


def test_net_cam_head(golden):
    v = {key: torch.from_numpy(value) for key, value in golden("recam_netcam_head").items()}
    close(class_scores(v["feature"], v["fc1_weight"]), v["logits"].numpy())
    close(activation_maps(v["feature"], v["fc1_weight"]).relu(), v["cam"].numpy())
