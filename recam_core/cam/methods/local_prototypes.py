"""LPCAM (Chen & Sun, CVPR 2023, arXiv 2303.15052): likeness to what local features of a class look like."""

import torch
import torch.nn.functional as F
from torch import Tensor

from recam_core.cam.methods.views import Views
from recam_core.networks.losses import activation_maps
from recam_core.records import UserError


def lpcam(views: Views) -> Tensor:
    """ReLU(mean_j cos(f(x), c_kj) − mean_j cos(f(x), b_kj)) of the network's class prototypes c and context prototypes b.

    A mean of cosines is one product with the mean of unit vectors, so ``prototypes`` (K, D) hold the difference of the two
    means. Raises ``UserError`` where the network has no prototypes or no features that CAM applies to, and for an earlier
    layer.
    """
    model = views.model
    if not model.readouts:
        raise UserError(
            "LPCAM compares averaged features, as CAM does, which are not what this network answers by; use gradcam."
        )
    if views.classifier.layer is not views.classifier.backbone:
        raise UserError("LPCAM is of the last features; leave the layer out.")
    if model.prototypes is None:
        raise UserError(
            f"The network {model.head.network} of this model has no local prototypes yet: fit them with python -m recam_core "
            "fit-prototypes --model M --dataset … --out FILE, and ask for lpcam of that file (lpcam@cam for stage 1)."
        )
    features = F.normalize(model.features(views.pixels).float(), dim=1)
    return activation_maps(features, model.prototypes[list(views.class_ids)]).relu()


def class_direction(centres: Tensor, contexts: Tensor) -> Tensor:
    """The row (D,) of one class: mean of its unit prototypes (P, D) minus mean of its unit contexts (Q, D), if it has any."""
    direction = F.normalize(centres, dim=1).mean(dim=0)
    return direction - F.normalize(contexts, dim=1).mean(dim=0) if len(contexts) else direction


def class_probability(centres: Tensor, weights: Tensor, k: int) -> Tensor:
    """How much of class ``k`` the classifier (K, D) sees in each centre (P, D): softmax_k(W c), (P,)."""
    return torch.softmax(centres @ weights.T, dim=1)[:, k]
