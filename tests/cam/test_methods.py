"""Methods of the library and ours: they agree with CAM where they must, by hand elsewhere, and leave no trace."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchcam import methods as library

from recam_core.cam.methods import METHODS, method_map, method_names
from recam_core.cam.methods.library import plusplus_weights
from recam_core.cam.methods.results import _turned_back, covered_pixels, method_gap, method_passes, method_results
from recam_core.cam.pipeline import gather_evidence, read_out
from recam_core.networks.pair import build_pair
from recam_core.records import HeatmapOptions, UserError

CLASSES = ("cat", "dog", "tree")
PICTURE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
PLAIN = HeatmapOptions(flip=False)


def new_pair(backbone="tiny", classes=CLASSES, **more):
    torch.manual_seed(0)
    return build_pair("p", backbone, classes, **more)


@pytest.fixture(scope="module")
def pair():
    pair = new_pair()
    pair.recam.prototypes = torch.randn(3, 128)
    return pair


class Plain(nn.Module):
    """A network of ours as other libraries expect one: a backbone and a linear layer."""

    def __init__(self, model):
        super().__init__()
        self.backbone = model.backbone
        self.fc = nn.Linear(*reversed(model.class_weights("cam").shape), bias=False)
        self.fc.weight = nn.Parameter(model.class_weights("cam"))

    def forward(self, x):
        return self.fc(self.backbone(x).mean(dim=(2, 3)))


@pytest.mark.parametrize("backbone", ["resnet18_s16", pytest.param("resnet50_s16", marks=pytest.mark.slow)])
def test_cam_is_the_librarys_cam_where_sizes_are_multiples_of_the_stride(backbone):
    pair = new_pair(backbone).folded()

    def largest_difference(size, options=PLAIN):
        picture = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
        ours = read_out(gather_evidence(picture, pair, options, ["cam"]), "cam", ["dog"]).raw[0]
        network = Plain(pair.cam).eval()
        with torch.no_grad(), library.CAM(network, "backbone", "fc") as extractor:
            network(pair.cam.preprocess(picture))
            (theirs,) = extractor(1, normalized=False)
        shown = F.interpolate(theirs.relu()[None], size, mode="bilinear", align_corners=False)[0, 0].numpy()
        return np.abs(ours - shown).max() / shown.max()

    assert largest_difference((96, 128)) < 1e-4
    assert largest_difference((90, 120)) > 1e-2  # padded to a multiple of 16 and cropped, as the reference does
    assert largest_difference((90, 120), HeatmapOptions(flip=False, stretch=True)) < 1e-4


@pytest.mark.parametrize("options", [PLAIN, HeatmapOptions((1.0, 0.5))])
def test_of_the_last_features_gradients_lead_back_to_cam_at_every_scale(pair, options):
    evidence = gather_evidence(PICTURE, pair, options)
    for place, readout in (("", "w"), ("@cam", "cam")):
        expected = read_out(evidence, readout, CLASSES)
        for name in ("gradcam", "xgradcam"):
            (result,) = method_results(evidence, pair, [name + place], CLASSES)
            np.testing.assert_allclose(result.maps, expected.maps, atol=1e-4)
            np.testing.assert_allclose(result.raw, expected.raw, atol=1e-4 * expected.raw.max())
            assert (result.readout, result.classes) == (name + place, CLASSES)


def test_every_method_of_every_layer_gives_finite_maps_and_leaves_no_trace(pair):
    evidence = gather_evidence(PICTURE, pair, HeatmapOptions())
    hooks = [len(module._forward_hooks) for module in pair.recam.modules()]
    names = method_names([*METHODS, *(f"{name}@blocks.0" for name in METHODS if name != "lpcam")])
    for result in method_results(evidence, pair, names, ["dog", "tree"]):
        assert result.raw.shape == (2, *PICTURE.shape[:2])
        assert np.isfinite(result.maps).all()
        assert result.raw.max() > 0
        np.testing.assert_array_equal(result.scores, evidence.scores[1:])
    assert [len(module._forward_hooks) for module in pair.recam.modules()] == hooks
    assert all(p.grad is None for p in pair.recam.parameters())


def test_what_a_layers_grid_lies_over_by_hand():
    assert covered_pixels((26, 38), (101, 149)) == (104, 152)  # stride 4, the last positions begun
    assert covered_pixels((24, 32), (80, 112), multiple=32) == (96, 128)  # of a picture that is padded
    assert covered_pixels((50, 74), (101, 149)) == (100, 148)  # stride 2, what is left over is dropped
    assert covered_pixels((5, 7), (101, 149)) == (101, 149)  # no power of two
    evidence = gather_evidence(PICTURE[:2, :10], new_pair(), PLAIN)
    one = np.array([[[0, 1, 0]]], np.float32)  # three positions of 4 pixels over a picture that is 10 wide
    result = read_out(replace(evidence, scale_maps={"w": (one,)}, classes=("cat",), covered=((2, 12),)), "w", ["cat"])
    np.testing.assert_allclose(
        result.raw[0, 0], [0, 0, 0.125, 0.375, 0.625, 0.875, 0.875, 0.625, 0.375, 0.125], atol=1e-6
    )
    np.testing.assert_allclose(result.maps[0, 0] * result.peaks[0], result.raw[0, 0], atol=1e-4)
    # the mirror image's positions begin at its left, which is the right: 2, 6 and 10 from here are 8, 4 and 0 from there
    np.testing.assert_allclose(_turned_back(torch.tensor([[[1.0, 0, 0]]]), 10 / 12), [[[0, 0.5, 1]]], atol=1e-6)


@pytest.mark.parametrize(("backbone", "layer"), [
    ("resnet18_s16", "trunk.layer1"), ("timm:convnext_atto", "trunk.stages.0"), ("timm:convnext_atto", "trunk.stages.1"),
])  # fmt: skip
def test_a_position_of_an_earlier_layer_is_shown_where_it_looks(backbone, layer):
    pair = new_pair(backbone, networks=["cam"]).folded()
    size = (72, 140)
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    outputs: list[torch.Tensor] = []
    hook = pair.cam.backbone.get_submodule(layer).register_forward_hook(lambda _, __, out: outputs.append(out))
    x = pair.cam.preprocess(picture).requires_grad_()
    pair.cam.features(x)
    hook.remove()
    (features,) = outputs
    grid = features.shape[2:]
    evidence = gather_evidence(picture, pair, PLAIN)
    covered = covered_pixels(grid, size, getattr(pair.cam.backbone, "multiple", 1))
    stride = covered[0] / grid[0]
    for row, column in ((2, 3), (int(60 / stride), int(130 / stride))):
        (gradient,) = torch.autograd.grad(features[0, :, row, column].square().sum(), x, retain_graph=True)
        looked = centre(gradient[0].square().sum(dim=0).numpy())
        one = np.zeros((1, *grid), np.float32)
        one[0, row, column] = 1
        impulse = replace(evidence, scale_maps={"cam": (one,)}, classes=("cat",), covered=(covered,))
        shown = centre(read_out(impulse, "cam", ["cat"]).raw[0])
        assert (
            np.abs(np.subtract(shown, looked)).max() < stride
        )  # before, padding and the last positions made it 8 to 14 pixels


def test_a_sequence_is_its_last_module_and_what_is_passed_by_is_named():
    pair = new_pair("timm:convnext_atto", networks=["cam"])
    evidence = gather_evidence(PICTURE, pair, PLAIN)
    one, other = method_results(evidence, pair, ["layercam@trunk.stem", "layercam@trunk.stem.1"], ["dog"])
    np.testing.assert_array_equal(one.raw, other.raw)
    with pytest.raises(UserError, match=r"layer trunk\.head is not on the way from the picture to the answer"):
        method_results(evidence, pair, ["layercam@trunk.head"], ["dog"])


def centre(values):
    """Centre of gravity in pixels."""
    y, x = (np.arange(side) + 0.5 for side in values.shape)
    return (values.sum(axis=1) @ y) / values.sum(), (values.sum(axis=0) @ x) / values.sum()


@pytest.mark.slow
@pytest.mark.parametrize("backbone", [
    "tiny", "efficientnet_lite0", "resnet18_s8", "resnet50_s16", "timm:convnext_atto", "timm:regnety_002", "timm:densenet121",
    "timm:repvgg_a0", "timm:resnext50_32x4d", "torchvision:shufflenet_v2_x0_5",
])  # fmt: skip
def test_every_network_takes_every_quick_method(backbone):
    pair = new_pair(backbone, networks=["cam"]).folded()
    evidence = gather_evidence(PICTURE, pair, PLAIN)
    names = [name for name, row in METHODS.items() if not row.slow and not method_gap(pair, name)]
    assert len(names) == 5
    for result in method_results(evidence, pair, names, ["dog"]):
        assert result.raw.shape == (1, *PICTURE.shape[:2])
        assert np.isfinite(result.maps).all()


def test_the_weights_of_grad_cam_plus_plus_by_hand():
    activations = torch.tensor([[[[1.0, 3.0]], [[0.0, 2.0]]]])  # Σ A = 4 and 2
    gradients = torch.tensor([[[[0.5, -1.0]], [[1e-9, 1e-9]]]])
    # channel 1: .5 · 1/(2 + .5·4) = .125, the negative one counts nothing; channel 2: 2 · 1e-9/(2 + 2e-9)
    np.testing.assert_allclose(plusplus_weights(activations, gradients)[0], [0.125, 1e-9], rtol=1e-6)


def test_a_layer_or_method_that_is_not_there_is_named_with_near_ones(pair):
    evidence = gather_evidence(PICTURE, pair, PLAIN)
    with pytest.raises(UserError, match=r"no method 'Grad-CAM\+' \(did you mean gradcamp?p?"):
        method_map("Grad-CAM+")
    with pytest.raises(UserError, match=r"no layer 'block'; near names are blocks"):
        method_results(evidence, pair, ["gradcam@block"], ["dog"])
    alone = new_pair(networks=["recam"])
    with pytest.raises(UserError, match="has no network trained with BCE alone, so there is no layercam@cam"):
        method_results(gather_evidence(PICTURE, alone, PLAIN), alone, ["layercam@cam"], ["dog"])
    with pytest.raises(UserError, match="fit-prototypes"):
        method_results(evidence, pair, ["lpcam@cam"], ["dog"])
    with pytest.raises(UserError, match="leave the layer out"):
        method_results(evidence, pair, ["lpcam@blocks"], ["dog"])
    one = new_pair(classes=("cat",))
    with pytest.raises(UserError, match="one class alone"):
        method_results(gather_evidence(PICTURE, one, PLAIN), one, ["finercam"], ["cat"])


def test_a_slow_method_says_how_often_it_looks(pair):
    assert method_passes(pair, "layercam", 2, 2) == 2
    assert method_passes(pair, "scorecam", 2, 1) == 1 + 2 * (1 + 128)  # the tiny network has 128 channels
