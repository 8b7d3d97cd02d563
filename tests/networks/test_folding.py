"""Folding batch normalisation: the same numbers from every backbone, nothing left to normalise, the original untouched."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from recam_core.networks.backbones import BACKBONES
from recam_core.networks.folding import folded_copy
from recam_core.networks.model import build_model


def lively(module):
    """Running statistics and scales away from 0 and 1, as after training."""
    generator = torch.Generator().manual_seed(1)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
                tensor.add_(0.2 * torch.rand(tensor.shape, generator=generator))
    return module


@pytest.mark.parametrize("name", ["tiny", "efficientnet_lite0", "resnet18_s16", "resnet50_s8"])
def test_a_folded_backbone_gives_the_same_features_and_picture_gradients(name):
    assert name in BACKBONES
    torch.manual_seed(0)
    backbone = lively(
        BACKBONES[name].build().eval()
    ).double()  # in float32 a ReLU near 0 may open for one and not for the other
    folded = folded_copy(backbone)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    answers = []
    for net in (backbone, folded):
        x = torch.linspace(-2, 2, 3 * 64 * 80, dtype=torch.float64).view(1, 3, 64, 80).sin().requires_grad_()
        features = net(x)
        (gradient,) = torch.autograd.grad(features.square().mean(), x)
        answers.append((features.detach().numpy(), gradient.numpy()))
    for one, two in zip(*answers, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-9 * np.abs(one).max())


def test_the_original_is_only_read():
    torch.manual_seed(0)
    model = build_model("resnet18_s16", "recam", 3)
    state = copy.deepcopy(model.state_dict())
    marks = [(p.requires_grad, p.grad is None, p._version, p.data_ptr()) for p in model.parameters()]
    folded = model.folded()
    assert [(p.requires_grad, p.grad is None, p._version, p.data_ptr()) for p in model.parameters()] == marks
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert folded.head is model.head
    assert not any(p.requires_grad for p in folded.backbone.parameters())
    assert folded.mean is model.mean


def test_a_norm_in_training_mode_is_left_alone():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    assert isinstance(folded_copy(net)[1], nn.BatchNorm2d)
    assert isinstance(folded_copy(net.eval())[1], nn.Identity)
