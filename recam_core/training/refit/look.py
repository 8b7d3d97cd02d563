"""One picture under heads that were fitted again: its features are made once, and every λ reads them out."""

import time
from dataclasses import dataclass

import numpy as np
import torch

from recam_core.images.pictures import working_picture
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import READOUTS
from recam_core.records import CAM, Evidence, HeatmapOptions, Refit
from recam_core.training.refit.feature_bank import start_features
from recam_core.training.refit.refit import Learner


@dataclass(frozen=True, eq=False)
class StartLook:
    """A picture at its working size, and what fits start from: stage-1 ``features`` (1 or 2, D, h, w), 2 with the mirror image.

    They are those of the last block, or what it is given if ``last_block``.
    """

    picture: np.ndarray
    features: np.ndarray
    options: HeatmapOptions
    last_block: bool
    seconds: float

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return self.picture.nbytes + self.features.nbytes


def start_look(picture: np.ndarray, pair: ModelPair, options: HeatmapOptions, last_block: bool = False) -> StartLook:
    """Look once at a picture (H, W, 3) uint8, at the first scale alone and with its mirror image if ``options.flip``."""
    start = time.perf_counter()
    picture = working_picture(picture, options.long_side)
    features = start_features(pair, picture, last_block, options.flip).cpu().numpy()
    features.setflags(write=False)
    return StartLook(picture, features, options, last_block, time.perf_counter() - start)


def refit_evidence(look: StartLook, pair: ModelPair, fitted: Refit) -> Evidence:
    """What fitted heads say of the picture: CAM of stage 1 as it was, and the readouts of stage 2; no backbone pass.

    ``scores`` are probabilities of the fitted FC1. Flip-summed and ReLU'd as in ``gather_evidence``.
    """
    start = time.perf_counter()
    learner = Learner(pair, fitted.config, fitted)
    with torch.no_grad():
        features = torch.tensor(look.features, device=pair.cam.device)
        stage1 = pair.cam.backbone.last_block(features) if look.last_block else features
        stage2 = learner.finish(features, [(features.shape[2], features.shape[3])] * len(features))
        scores = learner.head.probabilities(learner.head.scores(stage2).mean(dim=0))
        signed = {
            name: pair.cam.maps(stage1, [name])[:, 0]
            if row.network == CAM
            else torch.einsum("kd,bdhw->bkhw", row.weights(learner.head), stage2)
            for name, row in READOUTS.items()
        }
        maps = {name: _merged(values.relu()) for name, values in signed.items()}
    options = HeatmapOptions((1.0,), look.options.flip, look.options.long_side)
    device, seconds = str(pair.cam.device), time.perf_counter() - start
    activation = learner.head.activation
    return Evidence(look.picture, pair.classes, scores.cpu().numpy(), maps, options, device, seconds, 0, activation)


def _merged(maps: torch.Tensor) -> tuple[np.ndarray, ...]:
    merged = maps[0] + maps[1].flip(-1) if len(maps) == 2 else maps[0]
    return (merged.cpu().numpy(),)
