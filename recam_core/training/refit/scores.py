"""How good the maps of fitted heads are as seeds, on the pictures that they were fitted on: quick, at sampled pixels."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from recam_core.cam.pipeline import normalise_maps
from recam_core.evaluation.metrics import THRESHOLDS, figures
from recam_core.evaluation.sweep import ThresholdSweep, count_stacks
from recam_core.networks.losses import activation_maps
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import READOUTS
from recam_core.records import CAM, SeedScore
from recam_core.training.refit.feature_bank import FINER, FeatureBank

CHUNK = 32  # pictures whose features are finished at a time


@torch.no_grad()
def seed_scores(pair: ModelPair, bank: FeatureBank, learner: Any, features: Tensor) -> dict[str, SeedScore]:
    """Scores of every readout; empty where no picture has a mask.

    As this field scores seeds: the classes of a picture are known and compete. The pictures are halved, and each half is
    counted at the threshold that is best for the other one.
    """
    if not bank.masked.any():
        return {}
    half = np.zeros(len(bank.names), int)
    half[np.flatnonzero(bank.masked)[1::2]] = 1
    sweeps = {name: [ThresholdSweep(len(bank.classes)) for _ in (0, 1)] for name in READOUTS}
    chosen_classes = bank.present
    for grid, pictures in bank.shapes().items():
        for side in (0, 1):
            rows = [i for i in pictures if bank.masked[i] and half[i] == side]
            for start in range(0, len(rows), CHUNK):
                chunk = rows[start : start + CHUNK]
                maps = _maps(pair, learner, features[chunk], grid, chosen_classes[chunk])
                truth = bank.truth[chunk, : FINER * grid[0], : FINER * grid[1]]
                for name, values in maps.items():
                    sweeps[name][side].add(count_stacks(values, chosen_classes[chunk], truth, len(bank.classes) + 1))
    return {name: _crossed(*halves) for name, halves in sweeps.items()}


def _maps(
    pair: ModelPair, learner: Any, features: Tensor, grid: tuple[int, int], classes: np.ndarray
) -> dict[str, np.ndarray]:
    """Maps (P, n, 2h, 2w) in [0, 1] of each picture's own classes (P, n), by readout."""
    features = features[:, :, : grid[0], : grid[1]]
    grids = [grid] * len(features)
    finished = learner.finish(features, grids)
    original = features if learner.block is None else pair.cam.backbone.last_block(features)
    ids = torch.from_numpy(np.maximum(classes, 0)).to(features.device)
    maps_by_name: dict[str, np.ndarray] = {}
    for deep, head, is_first in ((original, pair.cam.head, True), (finished, learner.head, False)):
        names = [name for name, row in READOUTS.items() if (row.network == CAM) == is_first]
        weights = torch.cat([READOUTS[name].weights(head)[ids] for name in names], dim=1)
        maps = activation_maps(deep, weights).relu().split(ids.shape[1], dim=1)
        maps_by_name |= {name: _finer(one) for name, one in zip(names, maps, strict=True)}
    return maps_by_name


def _finer(maps: Tensor) -> np.ndarray:
    large = F.interpolate(maps, scale_factor=FINER, mode="bilinear", align_corners=False)
    return normalise_maps(large.flatten(0, 1)).reshape(large.shape).cpu().numpy()


def _crossed(first: ThresholdSweep, second: ThresholdSweep) -> SeedScore:
    """Each half at the other's best threshold; a half without a picture has no say."""
    best = [second.best() if second.counts.any() else first.best(), first.best()]
    total = first.confusion(best[0]) + second.confusion(best[1])
    row = figures(total)
    miou, fp, fn = (float(np.asarray(row[name])) for name in ("miou", "fp", "fn"))
    return SeedScore(miou, fp, fn, float(THRESHOLDS[best].mean()))
