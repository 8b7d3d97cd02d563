"""A model owns its normalisation, and one product gives the maps of all its readouts."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from recam_core.networks.model import build_branches, build_edge_network, build_model, unfilled
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS, recam_readouts
from recam_core.records import CAM, UserError

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_model("tiny", "recam", 3)


def test_normalisation_is_the_backbones_own(model):
    grey = torch.full((3, 2, 2), 255, dtype=torch.uint8)
    assert torch.equal(model.normalise(grey), torch.full((3, 2, 2), 2.0))  # (1 − 0.5) / 0.25
    resnet = build_model("resnet18_s16", "cam", 2)
    expected = (PICTURE / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(resnet.preprocess(PICTURE)[0], expected.transpose(2, 0, 1), atol=1e-5)


@pytest.mark.parametrize(("scale", "size"), [(1, (40, 56)), (0.5, (20, 28)), (1.3, (52, 73))])
def test_preprocess_resizes_as_pillow_does(model, scale, size):
    x = model.preprocess(PICTURE, scale)
    assert x.shape == (1, 3, *size)
    assert x.is_contiguous()
    resized = np.asarray(Image.fromarray(PICTURE).resize(size[::-1], Image.Resampling.BICUBIC))
    np.testing.assert_allclose(x[0], (resized.transpose(2, 0, 1) / 255 - 0.5) / 0.25, atol=1e-5)


def test_a_picture_never_shrinks_to_nothing(model):
    assert model.preprocess(PICTURE[:1, :1], 0.25).shape == (1, 3, 1, 1)


def test_maps_of_all_readouts_equal_one_product_each(model):
    with torch.no_grad():
        features = model.features(model.preprocess(PICTURE))
        maps = model.maps(features, recam_readouts())
    assert maps.shape == (1, len(recam_readouts()), 3, *features.shape[2:])
    for r, readout in enumerate(recam_readouts()):
        expected = torch.einsum("kd,bdhw->bkhw", model.class_weights(readout), features)
        torch.testing.assert_close(maps[:, r], expected, atol=1e-5, rtol=1e-5)


def test_sum_maps_are_w_plus_wprime_maps(model):
    with torch.inference_mode():
        w, wprime, both = model.maps(torch.rand(1, 128, 3, 4), ("w", "wprime", "sum"))[0]
    torch.testing.assert_close(both, w + wprime, atol=1e-5, rtol=1e-5)


def test_models_are_built_for_evaluation(model):
    assert not any(module.training for module in model.modules())
    assert "mean" not in model.state_dict()  # it belongs to the backbone, not to the weights
    assert model.device == torch.device("cpu")


def test_a_pair_knows_which_network_gives_which_readout():
    pair = build_pair("p", "tiny", ["cat", "dog"])
    assert [pair.network(r) is pair.cam for r in READOUTS] == [readout == "cam" for readout in READOUTS]
    assert pair.cam.readouts + pair.recam.readouts == tuple(READOUTS)


def test_class_ids_by_name():
    pair = build_pair("my model", "tiny", ["cat", "dog", "tree"])
    assert pair.class_ids(["tree", "cat"]) == [2, 0]
    with pytest.raises(UserError, match="my model does not know 'horse', 'cow'; it knows cat, dog, tree"):
        pair.class_ids(["horse", "cat", "cow"])


def test_an_unknown_backbone_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match=r"no backbone 'vgg'.*tiny.*resnet50_s16"):
        build_model("vgg", "cam", 2)


@pytest.fixture(params=["cam", "recam"])
def alone(request):
    """One network that stands for both, under either head, with boundary branches on a backbone of their own."""
    heads = {request.param: {"bias": True, "activation": "softmax"}}
    pair = build_pair("alone", "tiny", ["cat", "dog"], {}, [request.param], heads)
    network = build_edge_network("tiny")
    return replace(pair, boundary=build_branches(network), edge_network=network, edge_backbone="tiny")


def test_one_network_stands_for_both(alone):
    assert alone.cam is alone.recam
    assert alone.networks == (alone.cam,)
    assert alone.readouts == alone.cam.readouts
    assert alone.default_readout == ("cam" if alone.readouts == (CAM,) else "w")
    assert alone.edges is alone.edge_network
    folded = alone.folded()
    assert folded.cam is folded.recam is not alone.cam
    assert folded.edges is not alone.edges


def test_a_whole_pair_has_two_networks_and_all_readouts():
    pair = build_pair("p", "tiny", ["cat", "dog"])
    assert pair.networks == (pair.cam, pair.recam)
    assert pair.readouts == tuple(READOUTS)
    assert pair.default_readout == "w"
    assert pair.edges is pair.recam


def test_a_readout_that_is_lacking_is_refused_with_what_there_is(alone):
    lacking = next(name for name in READOUTS if name not in alone.readouts)
    complaint = (
        "readout cam only: it has no FC2, so w cannot.*can be trained"
        if lacking == "w"
        else "readouts w, wprime.*CAM cannot"
    )
    with pytest.raises(UserError, match=complaint):
        alone.network(lacking)
    with pytest.raises(UserError, match=r"Readouts are cam, w.*got nobody"):
        alone.check_readouts(["nobody"])
    with pytest.raises(UserError, match="got none"):
        alone.check_readouts([])


@pytest.mark.parametrize("networks", [(), ("w",), ("cam", "w")])
def test_networks_that_no_model_has_are_refused(networks):
    with pytest.raises(UserError, match="The networks of a model are cam and recam, or one of them"):
        build_pair("p", "tiny", ["cat"], {}, networks)


def test_very_many_class_names_are_not_all_listed():
    pair = build_pair("p", "tiny", [f"class {i}" for i in range(150)])
    with pytest.raises(UserError, match=r"it knows class 0, .*class 9 … \(150 in all\)"):
        pair.class_ids(["horse"])


@pytest.mark.parametrize("backbone", ["tiny", "efficientnet_lite0", "resnet18_s16"])
def test_a_network_whose_weights_come_from_a_file_draws_no_random_numbers(backbone):
    before = torch.get_rng_state()
    with unfilled(backbone):
        build_model(backbone, "recam", 3)
    assert torch.equal(torch.get_rng_state(), before)
