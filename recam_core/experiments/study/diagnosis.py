"""Why a product of weights can lose: two negative weights multiply to positive evidence."""

from dataclasses import replace

import torch

from recam_core.networks.model import build_model
from recam_core.networks.pair import ModelPair


def double_negatives(pair: ModelPair) -> dict[str, float]:
    """Share of (class, channel) pairs where w, w′ and both are negative, and the mean length of a row of w and w′."""
    w, wprime = (pair.recam.class_weights(name) for name in ("w", "wprime"))
    return {
        "w_negative": round((w < 0).float().mean().item(), 4),
        "wprime_negative": round((wprime < 0).float().mean().item(), 4),
        "both_negative": round(((w < 0) & (wprime < 0)).float().mean().item(), 4),
        "w_length": round(w.norm(dim=1).mean().item(), 4),
        "wprime_length": round(wprime.norm(dim=1).mean().item(), 4),
    }


def without_double_negatives(pair: ModelPair) -> ModelPair:
    """The same networks with negative weights of FC1 and FC2 set to 0, so that w⊗w′ has no double negatives left.

    What was negative times positive, and so negative evidence, is gone as well; features are the same.
    """
    model = build_model(pair.backbone, "recam", len(pair.classes))
    model.load_state_dict(pair.recam.state_dict())
    with torch.no_grad():
        for weight in model.head.weights.values():
            weight.relu_()
    model.to(pair.recam.device).requires_grad_(False)
    return replace(pair, recam=model, sha256=f"{pair.sha256} positive")
