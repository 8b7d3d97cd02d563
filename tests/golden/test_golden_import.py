"""Official checkpoints under all their official names, imported, give the official maps and boundaries (golden parts 3 and 5)."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hash_weights import hash_tensor
from official_names import first_name

from recam_core.checkpoints.importers import import_checkpoint, recognise
from recam_core.datasets.class_names import VOC_CLASSES
from recam_core.refiners.random_walk.boundary import edge_logits

LISTS = Path(__file__).parents[3] / "shared" / "golden"
CLOSE = {"atol": 1e-4, "rtol": 0}


def official(name: str, seed: int, **more: torch.Tensor) -> dict[str, torch.Tensor]:
    """A state dict with every name of an official list, hash weights in it, the same tensor under each of its names."""
    path = LISTS / f"state_dict_{name}.txt"
    if not path.is_file():
        pytest.skip("the lists of the official names are not beside the project (../shared/golden)")
    made: dict[str, torch.Tensor] = {}
    state = {}
    for line in path.read_text("utf-8").splitlines():
        full, shape = line.split()
        sizes = () if shape == "scalar" else tuple(map(int, shape.split("x")))
        first = first_name(full, name == "irn_net")
        if first not in made:
            made[first] = torch.tensor(0) if first.endswith("tracked") else hash_tensor(first, sizes, seed)
        assert made[first].shape == sizes, full
        state[full] = made[first]
    return state | more


@pytest.fixture(scope="module")
def cam_file(golden, tmp_path_factory):
    """An official CAM network as a file, and the vectors that were made with it."""
    vectors = golden("cam_resnet50_full")
    path = tmp_path_factory.mktemp("official") / "res50_cam.pth"
    torch.save(official("cam_net", int(vectors["weight_seed"])), path)
    return path, vectors


def test_a_cam_network_gives_the_official_maps(cam_file):
    path, v = cam_file
    found = recognise(path)
    assert (found.kind, found.backbone, found.classes, found.softmax) == ("cam", "resnet50_s16", 20, False)
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


def test_a_recam_pair_has_both_classifiers_of_the_official_files(cam_file, tmp_path):
    path, v = cam_file
    fc2 = official("class_predictor", 7)
    torch.save(fc2, tmp_path / "recam_predictor.pth")
    pair = import_checkpoint([path, tmp_path / "recam_predictor.pth"], "official", backbone="resnet50_s8")
    assert pair.readouts == ("w", "wprime", "sum", "product")
    w, wprime = (pair.recam.class_weights(name) for name in ("w", "wprime"))
    assert torch.equal(wprime, fc2["classifier.weight"].flatten(1))
    assert torch.equal(pair.recam.class_weights("product"), w * wprime)
    image = torch.from_numpy(v["image"])
    with torch.inference_mode():
        separate = pair.recam.maps(pair.recam.features(image[None]), ["w"])[0, 0]
    np.testing.assert_allclose(separate, v["separate_s8"][0], **CLOSE)


def test_an_irn_network_gives_the_official_boundaries_onto_any_model(golden, tmp_path):
    v = golden("irn_edge_displacement_full")
    # as it is saved, from the module of the loss
    extra = {"path_indices0": torch.zeros(3, 4, dtype=torch.long), "disp_target": torch.zeros(1, 2, 34, 1)}
    path = tmp_path / "res50_irn.pth"
    torch.save(official("irn_net", int(v["weight_seed"]), **extra), path)
    assert recognise(path).kind == "irn"
    pair = import_checkpoint([path], "scenes with official boundaries", onto="scenes")
    assert pair.backbone == "tiny"
    assert pair.edge_backbone == "resnet50_s16"
    image = torch.from_numpy(v["image"])
    with torch.inference_mode():
        logits = edge_logits(pair.edges, pair.boundary, torch.stack([image, image.flip(-1)]), int(v["crop_size"]))
        moves = pair.boundary.displacements(pair.edges.stages(torch.nn.functional.pad(image, (0, 3, 0, 19))[None]))
    np.testing.assert_allclose(logits.sigmoid(), v["edge"][0], **CLOSE)
    np.testing.assert_allclose(moves[0], v["net_dp"][0], **CLOSE)
