"""One pass of a network over a picture while it is in training: scores and maps of all classes."""

from dataclasses import dataclass

import numpy as np
import torch

from recam_core.networks.model import CamModel
from recam_core.records import TrainConfig
from recam_core.system.device import autocast


@dataclass(frozen=True, eq=False)
class Look:
    """``scores`` (K,) are probabilities of FC1; ``maps[readout]`` (K, h, w) raw, ReLU'd, at the feature grid, float32."""

    scores: np.ndarray
    maps: dict[str, np.ndarray]


def look(model: CamModel, picture: np.ndarray) -> Look:
    """Look once at a picture (H, W, 3) uint8 as it is, without its mirror image."""
    with torch.inference_mode():
        with autocast(model.device):
            features = model.features(model.preprocess(picture))
        features = features.float()
        maps = model.maps(features, model.readouts)[0].relu().cpu().numpy()  # (R, K, h, w)
        scores = model.head.probabilities(model.scores(features)[0]).cpu().numpy()
    return Look(scores, dict(zip(model.readouts, maps, strict=True)))


def look_size(config: TrainConfig) -> int:
    """The working size in pixels: the largest that training shows, but no more than a heatmap is made at by default."""
    return max(32, min(512, config.long_side_max))
