"""Golden parts 2 and 3: confident labels, labels of pairs, the losses and their gradients."""

import numpy as np
import pytest
import torch

from recam_core.training.boundary.confident_labels import confident_labels
from recam_core.training.boundary.losses import affinities, boundary_losses, pair_labels

CLOSE = {"atol": 1e-4, "rtol": 0}


def test_confident_labels(golden):
    v = golden("irn_confident_label_nocrf")
    maps = v["high_res"]
    picture = np.zeros((*maps.shape[1:], 3), np.uint8)
    labels = confident_labels(picture, maps, v["keys"].tolist(), float(v["conf_fg_thres"]), float(v["conf_bg_thres"]))
    np.testing.assert_array_equal(labels, v["label"])
    assert {0, 255} < set(np.unique(labels).tolist())


@pytest.mark.parametrize("radius", [5, 10])
def test_losses_and_gradients(golden, radius):
    v = golden(f"irn_loss_r{radius}")
    edges, moves = (torch.from_numpy(v[name]).requires_grad_() for name in ("edge_out", "dp_out"))
    labels = torch.from_numpy(v["label_map"])
    classes = int(labels[labels != 255].max())
    pairs = pair_labels(labels, radius, classes)
    for name, pair_mask in (("bg_pos", pairs.background), ("fg_pos", pairs.foreground), ("neg", pairs.different)):
        np.testing.assert_array_equal(pair_mask.flatten(2), v[f"{name}_label"])
    terms = boundary_losses(edges, moves, labels, radius, classes)
    for name, term in (
        ("loss_bg_pos", terms.background), ("loss_fg_pos", terms.foreground), ("loss_pos", terms.positive),
        ("loss_neg", terms.negative), ("loss_dp_fg", terms.foreground_displacement),
        ("loss_dp_bg", terms.background_displacement), ("total", terms.total),
    ):  # fmt: skip
        np.testing.assert_allclose(term.detach(), v[name], **CLOSE)
    terms.total.backward()
    np.testing.assert_allclose(edges.grad, v["grad_edge_out"], **CLOSE)
    np.testing.assert_allclose(moves.grad, v["grad_dp_out"], **CLOSE)
    if "pos_aff_map" in v:
        affinity = affinities(edges, radius).detach().flatten(2)
        np.testing.assert_allclose(-torch.log(affinity + 1e-5), v["pos_aff_map"], **CLOSE)
        np.testing.assert_allclose(-torch.log(1 + 1e-5 - affinity), v["neg_aff_map"], **CLOSE)
