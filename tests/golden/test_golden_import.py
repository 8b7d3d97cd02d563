"""Official checkpoints under all their official names, imported, give the official maps and boundaries (golden parts 3 and 5)."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hash_weights import hash_tensor
from official_names import first_name

from recam_core.checkpoints.importers import import_checkpoint, recognise
from recam_core.datasets.class_names import VOC_CLASSES
from recam_core.networks.readouts import recam_readouts
from recam_core.refiners.random_walk.boundary import edge_logits

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("read_here")]

CLOSE = {"atol": 1e-4, "rtol": 0}


@pytest.fixture(scope="module")
def official(official_shapes):
    """A state dict with every name of an official list, hash weights in it, the same tensor under each of its names."""

    def state_dict(name: str, seed: int, **more: torch.Tensor) -> dict[str, torch.Tensor]:
        made: dict[str, torch.Tensor] = {}
        state = {}
        for full, shape in official_shapes(name).items():
            first = first_name(full, name == "irn_net")
            if first not in made:
                made[first] = torch.tensor(0) if first.endswith("tracked") else hash_tensor(first, shape, seed)
            assert made[first].shape == shape, full
            state[full] = made[first]
        return state | more

    return state_dict


@pytest.fixture(scope="module")
def cam_file(golden, official, tmp_path_factory):
    """An official CAM network as a file, and the vectors that were made with it."""
    vectors = golden("cam_resnet50_full")
    path = tmp_path_factory.mktemp("official") / "res50_cam.pth"
    torch.save(official("cam_net", int(vectors["weight_seed"])), path)
    return path, vectors


def test_a_cam_network_gives_the_official_maps(cam_file):
    path, v = cam_file
    result = recognise(path)
    assert (result.kind, result.backbone, result.classes, result.softmax) == ("cam", "resnet50_s16", 20, False)
    pair = import_checkpoint([path], "official")
    assert (pair.readouts, pair.classes, pair.cam is pair.recam) == (("cam",), VOC_CLASSES, True)
    image = torch.from_numpy(v["image"])
    with torch.inference_mode():
        features = pair.cam.features(torch.stack([image, image.flip(-1)]))
        separate = pair.cam.maps(features, ["cam"])[:, 0]
        logits = pair.cam.scores(features)
    np.testing.assert_allclose(separate, v["separate_s16"], **CLOSE)
    np.testing.assert_allclose(separate[0].relu() + separate[1].relu().flip(-1), v["cam_s16"], **CLOSE)
    np.testing.assert_allclose(logits, v["logits_s16"], **CLOSE)


def test_a_recam_pair_has_both_classifiers_of_the_official_files(cam_file, official, tmp_path):
    path, v = cam_file
    fc2 = official("class_predictor", 7)
    torch.save(fc2, tmp_path / "recam_predictor.pth")
    pair = import_checkpoint([path, tmp_path / "recam_predictor.pth"], "official", backbone="resnet50_s8")
    assert pair.readouts == recam_readouts()
    w, wprime = (pair.recam.class_weights(name) for name in ("w", "wprime"))
    assert torch.equal(wprime, fc2["classifier.weight"].flatten(1))
    assert torch.equal(pair.recam.class_weights("product"), w * wprime)
    image = torch.from_numpy(v["image"])
    with torch.inference_mode():
        separate = pair.recam.maps(pair.recam.features(image[None]), ["w"])[0, 0]
    np.testing.assert_allclose(separate, v["separate_s8"][0], **CLOSE)


def test_an_irn_network_gives_the_official_boundaries_onto_any_model(golden, official, tmp_path):
    v = golden("irn_edge_displacement_full")
    crop = int(v["crop_size"])
    # as it is saved, from the module of the loss
    extra = {"path_indices0": torch.zeros(3, 4, dtype=torch.long), "disp_target": torch.zeros(1, 2, 34, 1)}
    path = tmp_path / "res50_irn.pth"
    torch.save(official("irn_net", int(v["weight_seed"]), **extra), path)
    assert recognise(path).kind == "irn"
    pair = import_checkpoint([path], "scenes with official boundaries", onto="scenes")
    assert pair.backbone == "tiny"
    assert pair.edge_backbone == "resnet50_s16"
    image = torch.from_numpy(v["image"])
    height, width = image.shape[-2:]
    padded = F.pad(image, (0, crop - width, 0, crop - height))
    with torch.inference_mode():
        logits = edge_logits(pair.edges, pair.boundary, torch.stack([image, image.flip(-1)]), crop)
        moves = pair.boundary.displacements(pair.edges.stages(padded[None]))
    np.testing.assert_allclose(logits.sigmoid(), v["edge"][0], **CLOSE)
    np.testing.assert_allclose(moves[0], v["net_dp"][0], **CLOSE)
