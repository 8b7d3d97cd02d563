"""Golden part 5: multi-scale and flip inference of the reference, per scale, at a quarter of the size, and at full size."""

import numpy as np
import pytest
import torch
from torch import nn

from recam_core.heads import HEADS
from recam_core.model import CamModel, ModelPair
from recam_core.pipeline import gather_evidence, read_out
from recam_core.records import HeatmapOptions

STRIDES = (2, 2, 2, 1)
READOUTS = ("w", "wprime", "product")


class FourConvolutions(nn.Module):
    """The golden README's tiny network."""

    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def __init__(self, vectors: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for i, stride in enumerate(STRIDES, start=1):
            weight = torch.from_numpy(vectors[f"conv{i}_weight"])
            conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, stride, 1)
            conv.load_state_dict({"weight": weight, "bias": torch.from_numpy(vectors[f"conv{i}_bias"])})
            self.layers.append(conv)
        self.channels = weight.shape[0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for conv in self.layers:
            x = conv(x).relu()
        return x


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
