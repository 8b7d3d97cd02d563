"""The methods of torchcam (Fernandez), each as it is there but for one formula.

Chosen over pytorch-grad-cam 1.5.7, see docs/methods.md: it leaves no gradients in weights, swallows no exception and asks for no
further packages. Of both the weights of Grad-CAM++ are not those of the paper, so these are ours.
"""

from typing import Any

import torch
from torch import Tensor
from torchcam.methods import FinerCAM, GradCAM, LayerCAM, ScoreCAM, XGradCAM

from recam_core.cam.methods.views import Views
from recam_core.records import UserError

BATCH = 16  # masked pictures in one pass of Score-CAM


class GradCamPlusPlus(GradCAM):
    """Grad-CAM++ with the weights of the paper (Chattopadhay et al., WACV 2018, equations 11 and 19)."""

    def _get_weights(self, class_idx: int | list[int], scores: Tensor, **kwargs: Any) -> list[Tensor]:
        self._backprop(scores, class_idx, **kwargs)
        hooked: Any = zip(self.hook_a, self.hook_g, strict=True)  # tensors by now
        return [plusplus_weights(a, g) for a, g in hooked]


def plusplus_weights(activations: Tensor, gradients: Tensor) -> Tensor:
    """w_k = Σ_ij α_ij ReLU(g_ij) with α_ij = g_ij² / (2 g_ij² + g_ij³ Σ_ab A_ab), (B, D), both given as (B, D, h, w).

    Written as 1 / (2 + g_ij Σ A): squares of gradients of a mean over many positions vanish beside a constant that guards a
    division. Where features are negative and α is not, it counts as 0.
    """
    positive = gradients.relu()
    denominator = 2 + positive * activations.sum(dim=(2, 3), keepdim=True)
    return torch.where(denominator > 0, positive / denominator, 0).sum(dim=(2, 3))


def gradcam(views: Views) -> Tensor:
    """Grad-CAM times the number of positions."""
    return _summed(_gradient_maps(views, GradCAM))


def gradcampp(views: Views) -> Tensor:
    """Grad-CAM++, whose weights do not depend on the number of positions."""
    return _gradient_maps(views, GradCamPlusPlus)


def layercam(views: Views) -> Tensor:
    """LayerCAM times the number of positions."""
    return _summed(_gradient_maps(views, LayerCAM))


def xgradcam(views: Views) -> Tensor:
    """XGrad-CAM times the number of positions."""
    return _summed(_gradient_maps(views, XGradCAM))


def finercam(views: Views) -> Tensor:
    """Finer-CAM times the number of positions; the library chooses the three classes that are nearest in their logits.

    Raises ``UserError`` where the model has one class alone.
    """
    if views.classes < 2:
        raise UserError("Finer-CAM compares a class with others, and this model has one class alone; use gradcam.")
    return _summed(_gradient_maps(views, FinerCAM))


def scorecam(views: Views) -> Tensor:
    """Score-CAM: as many passes as the layer has channels, for each view and class."""
    net = views.classifier
    with torch.no_grad(), ScoreCAM(net, net.layer, batch_size=BATCH) as extractor:
        net(views.pixels)
        return torch.stack([extractor(k, normalized=False)[0] for k in views.class_ids], dim=1)


def _gradient_maps(views: Views, kind: type[GradCAM] | type[FinerCAM] | type[LayerCAM] | type[XGradCAM]) -> Tensor:
    """One pass for all classes: each asks for the gradients of its logit down to the layer alone."""
    net = views.classifier
    with torch.enable_grad(), kind(net, net.layer) as extractor:
        scores = net(views.pixels)
        maps = [extractor(k, scores, normalized=False, retain_graph=True)[0] for k in views.class_ids]
    return torch.stack(maps, dim=1)


def _summed(maps: Tensor) -> Tensor:
    """The score is a mean over positions, and its gradients shrink with their number."""
    return maps * (maps.shape[-2] * maps.shape[-1])
