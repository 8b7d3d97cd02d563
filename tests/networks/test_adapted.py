"""Classifiers of timm and torchvision as backbones: taken apart by trying, the same answer, and why some cannot be."""

import copy
import warnings

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision

from recam_core.cam.pipeline import gather_evidence, read_out
from recam_core.networks.backbones import build_backbone, check_backbone
from recam_core.networks.backbones.adapted import anatomy_of, take_apart
from recam_core.networks.backbones.libraries import (
    build_classifier,
    input_description,
    library_names,
    near_names,
    numbered,
    parameter_count,
    parse_name,
)
from recam_core.networks.boundary_branches import BoundaryBranches
from recam_core.networks.folding import folded_copy
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import NETWORKS
from recam_core.records import HeatmapOptions, UserError

PICTURE = np.random.default_rng(0).integers(0, 256, (61, 97, 3), dtype=np.uint8)
FEW = (  # a ReLU that is no module, a norm after pooling, a head of timm's, no sequence, another stride, another norm
    "torchvision:densenet121", "timm:convnext_atto", "torchvision:regnet_y_400mf", "timm:hrnet_w18_small", "timm:resnet18@8",
    "timm:convnext_atto_rms",
)  # fmt: skip
STRIDES = dict.fromkeys(FEW, 32) | {"timm:resnet18@8": 8}


def made(name, classes=5):
    torch.manual_seed(0)
    return build_classifier(parse_name(name), classes)


@pytest.mark.parametrize("name", FEW)
def test_averaged_features_give_the_librarys_own_answer(name):
    net, x = made(name), torch.rand(2, 3, 96, 128)
    with torch.inference_mode():
        answer = net(x).softmax(dim=1)
        backbone, weight, bias = take_apart(copy.deepcopy(net), name)
        features = backbone.eval()(x)
        ours = F.linear(features.mean(dim=(2, 3)), weight, bias).softmax(dim=1)
    torch.testing.assert_close(ours, answer, rtol=0, atol=1e-4)
    stride = STRIDES[name]
    assert features.shape == (2, backbone.channels, 96 // stride, 128 // stride)


@pytest.mark.parametrize("name", FEW)
def test_an_adapted_classifier_keeps_the_contract_of_backbones(name):
    torch.manual_seed(0)
    net, x = build_backbone(name).eval(), torch.rand(1, 3, 61, 83)
    with torch.inference_mode():
        features = net(x)
        torch.testing.assert_close(net.last_block(net.before_last(x)), features)
        torch.testing.assert_close(folded_copy(net)(x), features, atol=1e-4, rtol=1e-3)
        stages = net.stages(x)
    assert features.shape == (1, net.channels, -(-61 // STRIDES[name]), -(-83 // STRIDES[name]))
    assert tuple(stage.shape[1] for stage in stages) == net.stage_channels
    torch.testing.assert_close(stages[-1], features)
    own = {id(p) for part in net.parts for p in part.parameters()}
    assert own == {id(p) for p in net.parameters()}
    if name.startswith("timm:hrnet"):
        with pytest.raises(UserError, match="Stages must begin at stride 4"):
            BoundaryBranches(net.stage_channels, net.stage_strides)
    else:
        with torch.inference_mode():
            edges = BoundaryBranches(net.stage_channels, net.stage_strides).edges(stages)
        assert edges.shape[2:] == stages[0].shape[2:] == (16, 21)


@pytest.mark.parametrize(("name", "reason"), [
    ("torchvision:mobilenet_v3_small", "head of torchvision:mobilenet_v3_small is not linear .* does not apply.*Gradient"),
    ("torchvision:squeezenet1_1", "no single linear layer"),
    ("timm:vit_tiny_patch16_224", "are tokens and no grid of channels, so CAM does not apply.*Gradient methods"),
    ("torchvision:swin_t", "are tokens"), ("timm:inception_v3", "do not cover a picture evenly"),
    ("timm:mobilenetv2_100@4", "16 or 8"), ("torchvision:regnet_x_400mf@16", "has no output stride 16; leave out @16"),
    ("timm:resnet3", "no image classifier 'resnet3'; near names: .*resnet34"), ("torchvision:zzzzz", "no name is near"),
    ("timm:resnet18.b9", "no weights 'b9'; there are a1_in1k"), ("keras:resnet50", "There is no backbone"),
])  # fmt: skip
def test_what_cannot_be_taken_apart_is_told_why(name, reason):
    with pytest.raises(UserError, match=reason):
        build_backbone(name)


def test_names_strides_and_tags():
    name = parse_name("timm:resnet50.a1_in1k@16")
    assert (name.library, name.architecture, name.tag, name.stride, str(name)) == (
        "timm", "resnet50", "a1_in1k", 16, "timm:resnet50.a1_in1k@16"
    )  # fmt: skip
    assert check_backbone("torchvision:resnet18.IMAGENET1K_V1")
    assert near_names("convnext_t")[0] == "timm:convnext_tiny"
    assert "timm:resnet34" in near_names("resnet43")
    assert numbered(["crane", "cat", "crane"]) == ("crane", "cat", "crane (2)")
    assert parameter_count(parse_name("timm:resnet18")) > 11_000_000


def test_the_input_is_that_of_the_weights():
    halves = input_description(parse_name("timm:mixer_b16_224.goog_in21k"))
    assert (halves.mean, halves.std, halves.size) == ((0.5,) * 3, (0.5,) * 3, 224)
    own = input_description(parse_name("torchvision:resnet50.IMAGENET1K_V2"))
    assert (own.size, own.resize, own.interpolation) == (224, 232, "bilinear")
    assert "the middle 224 × 224 px" in str(own)


@pytest.mark.usefixtures("read_here")
def test_weights_of_a_file_are_taken_and_others_refused(tmp_path):
    net = made("timm:resnet18")
    torch.save(net.state_dict(), tmp_path / "mine.pth")
    loaded = build_backbone("timm:resnet18", str(tmp_path / "mine.pth")).trunk.state_dict()
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in loaded.items())
    with pytest.raises(UserError, match=r"mine\.pth does not hold timm:resnet34: .* is missing"):
        build_backbone("timm:resnet34", str(tmp_path / "mine.pth"))


def test_weights_that_cannot_be_fetched_are_a_sentence(monkeypatch):
    def cut_off(*_, **__):
        raise ConnectionError("the connection was cut")

    monkeypatch.setattr(timm, "create_model", cut_off)
    monkeypatch.setattr("recam_core.networks.backbones.libraries.check_reachable", lambda address: None)
    with pytest.raises(UserError, match=r"weights of timm:resnet18 could not be fetched \(the connection was cut\)"):
        build_backbone("timm:resnet18", "imagenet")


TEN = (
    "timm:resnet18", "timm:resnext26ts", "timm:regnetx_002", "timm:efficientnet_lite0", "timm:convnext_atto", "timm:repvgg_a0",
    "timm:dla34", "torchvision:shufflenet_v2_x0_5", "torchvision:mnasnet0_5", "torchvision:densenet121",
)  # fmt: skip


@pytest.mark.slow
def test_ten_networks_look_at_one_picture():
    for name in TEN:
        torch.manual_seed(0)
        networks = NETWORKS if name == TEN[0] else ("cam",)
        pair = build_pair("x", name, ("a", "b"), {}, networks).folded()
        evidence = gather_evidence(PICTURE, pair, HeatmapOptions(long_side=97))
        for readout in pair.readouts:
            result = read_out(evidence, readout, ("a", "b"))
            assert result.maps.shape == (2, 61, 97)
            assert np.isfinite(result.raw).all()


def some(library):
    """The first four networks of each module of a library, where they are not large."""
    modules = {}
    for name in library_names(library):
        entry = timm.model_entrypoint(name) if library == "timm" else getattr(torchvision.models, name)
        modules.setdefault(entry.__module__.rpartition(".")[2], []).append(f"{library}:{name}")
    for module, names in sorted(modules.items()):
        yield from ((module, name) for name in names[:4] if parameter_count(parse_name(name)) < 60_000_000)


@pytest.mark.thousand
@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_hundreds_of_networks_are_taken_apart_or_told_why(library):
    adapted, reasons = {}, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that a library has given up
        for module, name in some(library):
            try:
                anatomy_of(name)
                adapted.setdefault(module, []).append(name)
            except UserError as error:
                reasons[name] = str(error)
            print(f"{name}: {reasons.get(name, 'taken apart')}", flush=True)
    for module, names in adapted.items():
        print(f"{module}: {', '.join(names)}")
    print(f"{sum(map(len, adapted.values()))} networks of {len(adapted)} families, {len(reasons)} refused")
    most, families = {"timm": (100, 20), "torchvision": (15, 8)}[library]
    assert sum(map(len, adapted.values())) >= most
    assert len(adapted) >= families
