"""Golden part 5: multi-scale and flip inference of the reference, per scale, at a quarter of the size, and at full size."""

import numpy as np
import pytest
import torch
from four_convolutions import FourConvolutions

from recam_core.cam.pipeline import gather_evidence, read_out
from recam_core.networks.heads import HEADS
from recam_core.networks.model import CamModel
from recam_core.networks.pair import ModelPair
from recam_core.records import HeatmapOptions

READOUTS = ("w", "wprime", "product")


@pytest.fixture(scope="module")
def vectors(golden):
    return golden("recam_inference")


@pytest.fixture(scope="module")
def pair(vectors):
    fc1, fc2 = (torch.from_numpy(vectors[key]).flatten(1) for key in ("classifier_weight", "fc2_weight"))
    backbone = FourConvolutions(vectors)
    cam, recam = (HEADS[name](fc1.shape[1], fc1.shape[0]) for name in ("cam", "recam"))
    cam.load_state_dict({"fc1": fc1})
    recam.load_state_dict({"fc1": fc1, "fc2": fc2})
    classes = tuple(f"class {k}" for k in range(len(fc1)))
    return ModelPair("golden", classes, "", CamModel(backbone, cam), CamModel(backbone, recam))


@pytest.fixture(scope="module")
def evidence(vectors, pair):
    options = HeatmapOptions(scales=tuple(float(s) for s in vectors["scales"]), flip=True)
    return gather_evidence(vectors["image_u8"], pair, options)


def test_network_input_per_scale(vectors, pair):
    for i, scale in enumerate(vectors["scales"]):
        x = pair.recam.preprocess(vectors["image_u8"], float(scale))[0]
        np.testing.assert_allclose(x.numpy(), vectors[f"input_scale{i}"], atol=1e-5)


@pytest.mark.parametrize("readout", READOUTS)
def test_flip_sum_per_scale(vectors, evidence, readout):
    for i in range(len(vectors["scales"])):
        np.testing.assert_allclose(evidence.scale_maps[readout][i], vectors[f"map_{readout}_scale{i}"], atol=1e-4)


@pytest.mark.parametrize("readout", READOUTS)
def test_merged_maps(vectors, pair, evidence, readout):
    result = read_out(evidence, readout, [pair.classes[k] for k in vectors["keys"]])
    np.testing.assert_allclose(result.grid, vectors[f"strided_cam_{readout}"], atol=1e-4)
    np.testing.assert_allclose(result.maps, vectors[f"high_res_{readout}"], atol=1e-4)


def test_raw_product_maps_of_picture_and_mirror_image(vectors, pair):
    x = pair.recam.preprocess(vectors["image_u8"])
    with torch.no_grad():
        maps = pair.recam.maps(pair.recam.features(torch.cat([x, x.flip(-1)])), ["product"])[:, 0]
    np.testing.assert_allclose(maps.numpy(), vectors["separate_product_scale0"], atol=1e-4)


def test_cam_is_w_when_both_networks_are_the_same(evidence):
    for cam, w in zip(evidence.scale_maps["cam"], evidence.scale_maps["w"], strict=True):
        np.testing.assert_allclose(cam, w, atol=1e-5)
