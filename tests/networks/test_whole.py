"""Classifiers that CAM does not apply to: opened as a whole, their own answer, finite maps by the gradient methods."""

import numpy as np
import pytest
import torch

from recam_core.cam.explanation import explain
from recam_core.cam.methods import METHODS
from recam_core.cam.methods.results import method_gap, method_results
from recam_core.cam.pipeline import gather_evidence
from recam_core.checkpoints.importers import import_checkpoint
from recam_core.checkpoints.pair_file import load_pair, save_pair
from recam_core.networks.backbones.libraries import build_classifier, parse_name
from recam_core.networks.backbones.whole import Outline, structure_of
from recam_core.networks.pair import build_pair
from recam_core.records import HeatmapOptions, UserError

PICTURE = np.random.default_rng(0).integers(0, 256, (61, 97, 3), dtype=np.uint8)
CLASSES = ("cat", "dog", "tree")
FEW = ("torchvision:mobilenet_v3_small", "timm:test_vit")  # layers after pooling; tokens, of pictures of one size
MORE = ("timm:ghostnet_100", "timm:pit_ti_224")
LARGE = ("torchvision:vgg11", "torchvision:swin_t", "timm:swin_tiny_patch4_window7_224", "timm:inception_v3")
QUICK = [name for name, row in METHODS.items() if not row.slow and name != "lpcam"]


def whole(name, hidden=0):
    torch.manual_seed(0)
    how = {"cam": {"head": "vector", "bias": True} | ({"hidden": hidden} if hidden else {})}
    return build_pair("whole", name, CLASSES, networks=["cam"], heads=how)


@pytest.mark.parametrize("name", [
    *FEW,
    *(pytest.param(name, marks=pytest.mark.slow) for name in MORE),
    *(pytest.param(name, marks=pytest.mark.thousand) for name in LARGE),
])  # fmt: skip
def test_gradient_methods_apply_where_cam_does_not(name):
    pair = whole(name).folded()
    evidence = gather_evidence(PICTURE, pair, HeatmapOptions((1.0, 0.5)))
    assert (pair.readouts, evidence.scale_maps, len(evidence.scores)) == ((), {}, 3)
    assert [method for method in METHODS if not method_gap(pair, method)] == [m for m in METHODS if m != "lpcam"]
    for result in method_results(evidence, pair, QUICK, ["dog", "tree"]):
        assert result.raw.shape == (2, *PICTURE.shape[:2])
        assert np.isfinite(result.maps).all()
        assert result.raw.max() > 0
    for wanted in (lambda: pair.check_readouts(["cam"]), lambda: pair.default_readout, lambda: explain(PICTURE, pair)):
        with pytest.raises(UserError, match=r"CAM and its readouts do not apply to the model whole.*gradcam"):
            wanted()
    with pytest.raises(UserError, match="compares averaged features, as CAM does"):
        method_results(evidence, pair, ["lpcam"], ["dog"])


@pytest.mark.usefixtures("read_here")
@pytest.mark.parametrize("name", FEW)
def test_an_imported_whole_answers_as_the_library_does_and_is_kept(name, tmp_path):
    torch.manual_seed(0)
    net = build_classifier(parse_name(name), 3)
    torch.save({f"module.{key}": value for key, value in net.state_dict().items()}, tmp_path / "mine.pth")
    made = import_checkpoint([tmp_path / "mine.pth"], "mine", class_names=CLASSES, backbone=name, activation="softmax")
    assert "CAM does not apply" in made.card["imported"]["note"]
    save_pair(made, tmp_path / "mine.safetensors")
    pair, outline = load_pair(tmp_path / "mine.safetensors"), structure_of(name)
    assert isinstance(outline, Outline)
    side = outline.side or 96
    x = torch.rand(1, 3, side, side)
    with torch.inference_mode():
        torch.testing.assert_close(pair.cam.scores(pair.cam.features(x)), net(x), atol=1e-4, rtol=1e-4)


def test_a_token_layer_passes_as_a_grid_and_another_layer_is_refused_in_a_sentence():
    pair = whole("timm:test_vit").folded()
    evidence = gather_evidence(PICTURE, pair, HeatmapOptions(flip=False))
    (early,) = method_results(evidence, pair, ["layercam@trunk.blocks.0"], ["dog"])
    assert early.raw.max() > 0
    with pytest.raises(UserError, match=r"gives .* and no positions of the picture"):
        method_results(evidence, pair, ["layercam@trunk.head_drop"], ["dog"])
    with pytest.raises(UserError, match="no layer 'block'"):
        method_results(evidence, pair, ["layercam@block"], ["dog"])


def test_a_network_with_neither_is_refused_with_the_reason():
    with pytest.raises(UserError, match="no single linear layer"):
        structure_of("torchvision:squeezenet1_1")
