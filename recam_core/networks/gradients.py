"""What BCE and SCE teach, in closed form: gradients by logits and by position, on numpy arrays and without torch.

They are those of ``losses`` for one picture, written out so that a lesson can show where each number comes from
(ReCAM, Chen et al., CVPR 2022, arXiv 2203.00962, section 4). BCE asks of each class alone; SCE lets the classes compete.
"""

import numpy as np

from recam_core.records import EPSILON, UserError


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probability of each class by itself, σ(z) = 1 / (1 + e^−z), any shape; exact for large logits of either sign."""
    small = np.exp(-np.abs(logits))  # in (0, 1]: never overflows
    return np.where(np.asarray(logits) >= 0, 1, small) / (1 + small)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities that sum to 1 over the last axis, p_k = e^z_k / Σ_j e^z_j; exact for large logits."""
    powers = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def bce_gradient(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """K · ∂BCE/∂z_k = σ(z_k) − y_k, (K,): no class depends on another, and each is near 0 once it is answered.

    ``labels`` are multi-hot (K,). Times K, because BCE is the mean over the classes. Raises ``UserError`` for other labels.
    """
    z, y = _logits(logits), np.asarray(labels, float)
    if y.shape != z.shape or not np.isin(y, (0, 1)).all():
        raise UserError(
            f"The labels must be {len(z)} numbers that are 0 or 1, one a class; got {np.ravel(y).tolist()}."
        )
    return sigmoid(z) - y


def sce_gradient(logits: np.ndarray, target: int) -> np.ndarray:
    """∂SCE/∂z_k = p_k − [k = target], (K,): sums to 0, so what one class wins the others lose.

    Raises ``UserError`` for a target that is no index of a class.
    """
    z = _logits(logits)
    if not 0 <= target < len(z):
        raise UserError(f"The target must be the index of a class, 0 to {len(z) - 1}; got {target}.")
    return softmax(z) - (np.arange(len(z)) == target)


def bce_position_gradient(features: np.ndarray, fc1: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """∂BCE/∂f(x) = (1/(K·hw)) Σ_k (σ(z_k) − y_k) w_k, (D, h, w): with average pooling the same at every position.

    ``features`` (D, h, w) of one picture, ``fc1`` (K, D), ``labels`` multi-hot (K,).
    """
    f, w = _one_picture(features, fc1)
    step = bce_gradient(w @ f.mean(axis=(1, 2)), labels) @ w / (len(w) * f[0].size)  # (D,)
    return np.broadcast_to(step[:, None, None], f.shape).copy()


def sce_position_gradient(
    features: np.ndarray, fc1: np.ndarray, wprime: np.ndarray, labels: np.ndarray, mask_gradient: bool = True
) -> np.ndarray:
    """∂SCE/∂f(x), (D, h, w): (1/(|Y|·hw)) Σ_c M_c(x) Σ_k (p_k^c − [k = c]) w′_k over the classes c ∈ Y of the picture.

    With ``mask_gradient`` the path through the masks M_c = ReLU(w_cᵀf) / (max + 1e-5) is added, as in the reference;
    zero where the picture has no class. Shapes as in ``bce_position_gradient``, ``wprime`` (K, D).
    """
    f, w = _one_picture(features, fc1)
    _, wprime = _one_picture(features, wprime)
    present = np.flatnonzero(labels)
    total = np.zeros_like(f)
    for c in present:
        signed = np.tensordot(w[c], f, 1)  # (h, w)
        map_, peak = signed.clip(0), signed.max().clip(0) + EPSILON
        mask = map_ / peak
        pooled = (f * mask).mean(axis=(1, 2))  # (D,)
        by_pooled = sce_gradient(wprime @ pooled, int(c)) @ wprime / len(present)  # (D,)
        total += by_pooled[:, None, None] * mask / mask.size
        if mask_gradient:
            by_mask = np.tensordot(by_pooled, f, 1) / mask.size  # (h, w)
            tops = map_ == map_.max()  # a maximum that is reached twice passes half to each
            by_map = by_mask / peak - tops / tops.sum() * (by_mask * mask).sum() / peak
            total += w[c][:, None, None] * by_map * (signed > 0)
    return total


def _logits(logits: np.ndarray) -> np.ndarray:
    z = np.asarray(logits, float)
    if z.ndim != 1 or not z.size or not np.isfinite(z).all():
        raise UserError(f"The logits must be a row of finite numbers, one a class; got {np.ravel(z).tolist()}.")
    return z


def _one_picture(features: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    f, w = np.asarray(features, float), np.asarray(weight, float)
    if f.ndim != 3 or w.ndim != 2 or len(f) != w.shape[1]:
        raise UserError(f"Features must be (D, h, w) and weights (K, D) of the same D; got {f.shape} and {w.shape}.")
    return f, w
