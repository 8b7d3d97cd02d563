"""The equations of training as pure functions of features (B, D, h, w), weights (K, D) and labels (B, K).

BCE is the multilabel soft-margin loss of a pooled linear classifier; SCE is ReCAM's softmax cross-entropy on features
that were masked, class by class, with their own CAM (ReCAM, Chen et al., CVPR 2022, arXiv 2203.00962, equations 3 to
5), with the arithmetic of its ``Net_CAM_Feature`` and ``Class_Predictor`` (golden part 4). Nothing is detached unless it is asked
for: the gradient of SCE also reaches the features and FC1 through the mask, as in the reference.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from recam_core.records import EPSILON


def class_scores(features: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Logits of a globally average-pooled linear classifier: z = W · GAP(f), plus its ``bias`` (K,) if it has one, (B, K)."""
    return F.linear(features.mean(dim=(2, 3)), weight, bias)


def probabilities(logits: Tensor, activation: str) -> Tensor:
    """Logits (…, K) as probabilities: "sigmoid" of each class by itself, or "softmax" over all classes, which sum to 1."""
    return logits.softmax(dim=-1) if activation == "softmax" else logits.sigmoid()


def activation_maps(features: Tensor, weight: Tensor) -> Tensor:
    """Signed evidence of each class at each position: A_k = w_kᵀ f(x), (B, K, h, w) (CAM, arXiv 1512.04150, equation 2).

    ``weight`` is (K, D), or (B, n, D) where every picture asks for classes of its own: then (B, n, h, w).
    """
    if weight.dim() == 3:
        return torch.bmm(weight, features.flatten(2)).unflatten(2, features.shape[2:])
    return F.conv2d(features, weight[:, :, None, None])


def class_masks(features: Tensor, weight: Tensor) -> Tensor:
    """CAM as a soft mask: ReLU(A_k) over its own maximum plus 1e-5, in [0, 1); (B, K, h, w), or (B, n, h, w) as above."""
    maps = activation_maps(features, weight).relu()
    return maps / (maps.amax(dim=(2, 3), keepdim=True) + EPSILON)


def class_features(features: Tensor, masks: Tensor) -> Tensor:
    """Features pooled under each class mask: f_k = (1/hw) Σ_x M_k(x) f(x), (B, K, D) (ReCAM, arXiv 2203.00962, equation 3).

    A matrix product (K×hw · hw×D) for each picture; the masked features themselves, B×K×D×h×w, never exist.
    """
    positions = features.shape[2] * features.shape[3]
    return torch.bmm(masks.flatten(2), features.flatten(2).transpose(1, 2)) / positions


def multilabel_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """BCE with logits, mean over classes and pictures; scores and multi-hot labels (B, K)."""
    return F.multilabel_soft_margin_loss(scores, labels)


def present_classes(labels: Tensor) -> Tensor:
    """Indices (B, n) of the classes of each picture, n those of the fullest one; the rest of a row are absent classes."""
    return labels.topk(max(1, int((labels > 0).sum(dim=1).max())), dim=1).indices


def softmax_loss(
    pooled: Tensor, labels: Tensor, weight: Tensor, classes: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """SCE of the class features under FC2 (ReCAM, arXiv 2203.00962, equation 4), and the share that FC2 names right.

    ``pooled`` is (B, K, D), ``labels`` (B, K) multi-hot, ``weight`` (K, D). Each class that is present is one sample with
    itself as target: mean over the classes of a picture, then over the batch. A picture without a class adds nothing but
    is counted in B, as in the reference. Where ``classes`` (B, n) says whose features they are, ``pooled`` is (B, n, D).
    """
    pairs = labels if classes is None else labels.gather(1, classes)
    picture, column = pairs.nonzero(as_tuple=True)  # both (P,), P positive pairs
    if len(picture) == 0:
        return pooled.sum() * 0, pooled.new_zeros(())
    target = column if classes is None else classes[picture, column]
    logits = F.linear(pooled[picture, column], weight)  # (P, K)
    share = 1 / (labels > 0).sum(dim=1).to(logits.dtype)[picture]  # (P,)
    loss = (F.cross_entropy(logits, target, reduction="none") * share).sum() / labels.shape[0]
    accuracy = (logits.argmax(dim=1) == target).to(logits.dtype).mean()
    return loss, accuracy


def recam_loss(
    features: Tensor,
    labels: Tensor,
    fc1: Tensor,
    wprime: Tensor,
    recam_weight: float,
    mask_gradient: bool = True,
    objective: str = "both",
    bias: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """BCE + λ·SCE (ReCAM, arXiv 2203.00962, equation 5), and its two terms: (total, bce, sce), scalars.

    With ``recam_weight`` 0 the second term is not computed and is reported as 0. Without ``mask_gradient`` the masks are
    constants: SCE then teaches the features and its own head only. The paper's ablations are the other objectives:
    "shared" asks FC1 in the place of FC2, and so does "sce", whose total is SCE alone (BCE is only reported). ``bias`` (K,) is
    FC1's, which the scores have and the masks do not.
    """
    bce = multilabel_loss(class_scores(features, fc1, bias), labels)
    if recam_weight == 0 and objective != "sce":
        return bce, bce, bce.new_zeros(())
    present = present_classes(labels)  # the masks of absent classes take part in nothing
    masks = class_masks(features, fc1[present])
    pooled = class_features(features, masks if mask_gradient else masks.detach())
    sce, _ = softmax_loss(pooled, labels, wprime if objective == "both" else fc1, present)
    return sce if objective == "sce" else bce + recam_weight * sce, bce, sce
