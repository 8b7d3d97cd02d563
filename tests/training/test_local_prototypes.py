"""LPCAM by hand, and prototypes from a data set to a file to a map."""

from types import SimpleNamespace

import numpy as np
import torch

from recam_core.__main__ import main
from recam_core.cam.methods.local_prototypes import class_direction, class_probability, lpcam
from recam_core.cam.methods.results import method_results
from recam_core.cam.pipeline import gather_evidence
from recam_core.checkpoints.pair_file import load_pair, save_pair
from recam_core.datasets.scenes import Scenes
from recam_core.networks.pair import build_pair
from recam_core.records import HeatmapOptions
from recam_core.training.local_prototypes import PrototypeOptions, Sample, _chosen, cosine_kmeans

CENTRES, CONTEXT = torch.tensor([[1.0, 0], [3, 4]]), torch.tensor([[0.0, 2]])


def test_a_map_is_the_mean_likeness_to_prototypes_minus_that_to_contexts():
    direction = class_direction(CENTRES, CONTEXT)
    np.testing.assert_allclose(direction, [0.8, -0.6], atol=1e-6)
    features = torch.tensor([[2.0, 0], [1, 1], [0, 5]]).T[None, :, None]  # (1, 2, 1, 3)
    whole = object()
    prototypes = torch.stack([direction, -direction])
    model = SimpleNamespace(prototypes=prototypes, features=lambda x: features, readouts=("w",))
    views = SimpleNamespace(
        model=model, classifier=SimpleNamespace(layer=whole, backbone=whole), pixels=None, class_ids=[0]
    )
    # (1 + .6)/2 − 0;  (.7071 + .9899)/2 − .7071;  (0 + .8)/2 − 1, which is negative
    np.testing.assert_allclose(lpcam(views)[0, 0, 0], [0.8, 0.1414, 0], atol=1e-4)
    np.testing.assert_allclose(class_direction(CENTRES, CONTEXT[:0]), [0.8, 0.4], atol=1e-6)


def test_clusters_count_by_the_probability_of_their_class():
    weights = torch.eye(2)
    np.testing.assert_allclose(
        class_probability(torch.tensor([[3.0, 0], [3, 4]]), weights, 0), [0.9526, 0.2689], atol=1e-4
    )
    centres = torch.tensor([[3.0, 0], [3, 4], [9, 0]])
    contexts = torch.tensor([[3.0, 4], [0, 4], [3, 0]])  # .27, .018 and .95: too unlikely, too certain
    sure, around = _chosen(centres, contexts, weights, 0, PrototypeOptions())
    assert sure.tolist() == [[3, 0], [9, 0]]
    assert around.tolist() == [[3, 4]]
    assert _chosen(centres[1:2], contexts[:0], weights, 0, PrototypeOptions())[0].tolist() == [[3, 4]]


def test_clusters_are_means_of_what_points_the_same_way():
    rows = torch.tensor([[1.0, 0], [2, 0], [0, 1], [0, 3]])
    centres = cosine_kmeans(rows, 2, torch.Generator().manual_seed(0))
    assert sorted(centres.tolist()) == [[0, 2], [1.5, 0]]
    assert len(cosine_kmeans(rows[:1], 12, torch.Generator())) == 1


def test_a_sample_is_bounded_and_fair(monkeypatch):
    monkeypatch.setattr("recam_core.training.local_prototypes.SAMPLE_SIZE", 100)
    sample = Sample(torch.Generator().manual_seed(0))
    for start in range(0, 1000, 50):
        sample.add(torch.arange(start, start + 50.0)[:, None])
    assert len(sample.rows) == 100
    assert 400 < sample.rows.mean() < 600


def test_prototypes_are_kept_with_the_model(tmp_path, capsys):
    torch.manual_seed(0)
    pair = build_pair("p", "tiny", Scenes.classes)
    save_pair(pair, tmp_path / "plain.safetensors")
    arguments = [
        "fit-prototypes",
        "--model",
        str(tmp_path / "plain.safetensors"),
        "--dataset",
        "scenes",
        "--split",
        "samples",
    ]
    assert main([*arguments, "--readout", "product", "--clusters", "3", "--out", str(tmp_path / "lp.safetensors")]) == 0
    assert "class prototypes and" in capsys.readouterr().err
    assert load_pair(tmp_path / "plain.safetensors").recam.prototypes is None
    fitted = load_pair(tmp_path / "lp.safetensors")
    assert fitted.card["prototypes"]["recam"]["readout"] == "product"
    assert fitted.cam.prototypes is None
    picture = Scenes("samples").image(0)
    evidence = gather_evidence(picture, fitted.folded(), HeatmapOptions(flip=False))
    (result,) = method_results(evidence, fitted.folded(), ["lpcam"], Scenes.classes)
    assert np.isfinite(result.maps).all()
    assert 0 < result.raw.max() <= 2  # cosines
    assert main([*arguments, "--out", str(tmp_path / "lp.pt")]) == 2
    assert main([*arguments, "--clusters", "0", "--out", str(tmp_path / "x.safetensors")]) == 2
    assert "clusters must be 1 to 1000; got 0" in capsys.readouterr().err
