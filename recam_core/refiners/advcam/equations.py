"""The equations of AdvCAM as pure functions (Lee et al., CVPR 2021, arXiv 2103.08896; golden part 6).

The arithmetic is that of the reference code; `climb_step` is its ``climb``.
Letters: n climbs (one a class), V views (the picture, and its mirror image where there is one), K classes, D channels.
"""

from torch import Tensor

from recam_core.networks.losses import activation_maps
from recam_core.records import EPSILON

TINY = 1e-12  # what the reference adds to counts and to the largest gradient before it divides by them
HALF_SCALE = 0.5


def pooled_scores(features: Tensor, weight: Tensor) -> Tensor:
    """y = mean over positions of ReLU(A_k), (B, K) (AdvCAM, arXiv 2103.08896, equation 4).

    The ReLU stands before the pooling, so it is not the logit.
    """
    return activation_maps(features, weight).relu().mean(dim=(2, 3))


def grad_cam(evidence: Tensor, weights: Tensor) -> Tensor:
    """Grad-CAM in the reference's scale, in closed form: ReLU(A_c) · n_v / (p_c · Σ_v n_v), (n, V, h, w).

    ``evidence`` (n, V, h, w) is A_c, ``weights`` (n, D) those of the class. n_v counts the positive positions of a view, p_c the
    positive weights. For a linear head the gradient of the score is the weight itself wherever A_c > 0, so no backward
    pass is needed; the factor is not differentiated. The regulariser has an absolute scale, so the factor matters.
    """
    positions = (evidence > 0).sum(dim=(2, 3)).float()  # (n, V)
    entries = (weights > 0).sum(dim=1, keepdim=True) * positions.sum(dim=1, keepdim=True)  # (n, 1)
    return evidence.relu() * (positions / (entries + TINY))[..., None, None]


def merged(maps: Tensor) -> Tensor:
    """The map of the picture plus that of its mirror image, turned back: (n, V, h, w) → (n, h, w)."""
    return maps[:, 0] + maps[:, 1].flip(-1) if maps.shape[1] == 2 else maps[:, 0]


def hold_mask(maps: Tensor, tau: float) -> Tensor:
    """M: where a map (n, h, w) exceeds τ of its own maximum, strictly; nowhere in an empty map."""
    return maps / maps.amax(dim=(1, 2), keepdim=True) > tau  # 0/0 is no number and exceeds nothing


def held_difference(maps: Tensor, first: Tensor, mask: Tensor, kind: str) -> Tensor:
    """‖M ⊗ |map_t − map_0|‖₁ of maps (n, h, w), raw or each divided by its own maximum: (n,)."""
    if kind == "normalised":
        maps, first = (m / (m.amax(dim=(1, 2), keepdim=True) + EPSILON) for m in (maps, first))
    return ((maps - first).abs() * mask).sum(dim=(1, 2))


def climb_step(x: Tensor, gradient: Tensor, xi: float, rule: str) -> Tensor:
    """The next views (n, V, 3, H, W): x + ξ g / max|g|, held in the range of x itself (code), or x + ξ g (formula).

    Maximum and range are one number each over all views of a climb.
    """
    if rule == "plain":
        return x + xi * gradient
    over = (1, 2, 3, 4)
    moved = x + xi * (gradient / (gradient.abs().amax(dim=over, keepdim=True) + TINY))
    return moved.clamp(x.amin(dim=over, keepdim=True), x.amax(dim=over, keepdim=True))


def steps_at(steps: int, scale: float, scales: tuple[float, ...]) -> int:
    """How many of T steps a scale gets: with several scales the reference climbs less far at half the size.

    T // 2 of more than 10, 5 of 6 to 10, all of fewer; every other scale gets all (golden part 6).
    """
    if scale != HALF_SCALE or len(scales) == 1 or steps < 6:
        return steps
    return steps // 2 if steps > 10 else 5
