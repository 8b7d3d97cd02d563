"""Boundary branches: shapes on every backbone, and one level by hand."""

import pytest
import torch

from recam_core.networks.backbones import BACKBONES
from recam_core.networks.backbones.resnet import ResNet
from recam_core.networks.boundary_branches import BoundaryBranches, MeanShift
from recam_core.records import UserError


@pytest.mark.parametrize("name", BACKBONES)
def test_branches_fit_every_backbone_at_a_quarter_of_any_size(name):
    with torch.device("meta"):
        net = BACKBONES[name].build("none")
        branches = BoundaryBranches(net.stage_channels, net.stage_strides)
        stages = net.stages(torch.zeros(2, 3, 61, 83))
        assert branches.edges(stages).shape == (2, 1, 16, 21)
        assert branches.has_displacement == isinstance(net, ResNet)
        if branches.has_displacement:
            assert branches.displacements(stages).shape == (2, 2, 16, 21)


def test_a_level_upsamples_before_its_relu():
    branches = BoundaryBranches((4, 4), (4, 8))
    for module in branches.modules():
        if isinstance(module, torch.nn.GroupNorm):
            torch.nn.init.constant_(module.weight, 1)
            torch.nn.init.constant_(module.bias, 0)
    torch.nn.init.zeros_(branches.fc_edge1[0].weight)
    torch.nn.init.ones_(branches.fc_edge2[0].weight)
    torch.nn.init.ones_(branches.fc_edge3.weight)
    torch.nn.init.constant_(branches.fc_edge3.bias, 0.5)
    deep = torch.tensor([[-1.0, 1.0]]).expand(1, 4, 1, 2)  # after 1×1 and GroupNorm: −1 and 1 in all 32 channels
    edges = branches.edges([torch.zeros(1, 4, 2, 3), deep])  # ×2: −1, −½, ½, 1, cut to three columns
    torch.testing.assert_close(edges[0, 0], torch.tensor([[0.5, 0.5, 16.5]] * 2), atol=1e-3, rtol=0)


def test_the_mean_shift_acts_in_evaluation_alone():
    shift = MeanShift(2)
    shift.running_mean.copy_(torch.tensor([1.0, -2.0]))
    x = torch.zeros(1, 2, 1, 1)
    assert shift.eval()(x).flatten().tolist() == [-1, 2]
    assert shift.train()(x).flatten().tolist() == [0, 0]


@pytest.mark.parametrize("strides", [(), (8, 8), (4, 6)])
def test_stages_that_do_not_begin_at_a_quarter_are_refused(strides):
    with pytest.raises(UserError, match="begin at stride 4"):
        BoundaryBranches((8,) * len(strides), strides)


def test_only_resnets_have_displacements():
    with pytest.raises(UserError, match="no displacement branch"):
        BoundaryBranches((4, 4), (4, 8)).displacements([])
