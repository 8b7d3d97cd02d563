"""How far a classifier's probabilities can be believed: ranking, temperature, and which classes deserve to be preselected."""

from typing import Any

import numpy as np

from recam_core.cam.pipeline import gather_evidence
from recam_core.datasets import Dataset
from recam_core.evaluation.evaluate import check_classes
from recam_core.networks.pair import ModelPair
from recam_core.records import HeatmapOptions

TEMPERATURES = np.arange(0.5, 5.01, 0.05)
PRECISION = 0.9  # of what is preselected
LARGEST_LOGIT = 30.0


def calibrate(pair: ModelPair, dataset: Dataset, options: HeatmapOptions) -> dict[str, Any]:
    """What a card keeps as ``calibration``: the best temperature, the preselection, and the figures of both on these pictures."""
    check_classes(pair, dataset)
    readout = pair.default_readout
    scores = np.array([gather_evidence(dataset.image(i), pair, options, [readout]).scores for i in range(len(dataset))])
    labels = np.array([dataset.labels(i) for i in range(len(dataset))])
    logits = to_logits(scores) * pair.calibration.temperature
    temperature = best_temperature(logits, labels)
    probabilities = 1 / (1 + np.exp(-logits / temperature))
    preselect, precision = best_preselection(probabilities, labels)
    return {
        "temperature": temperature,
        "preselect": preselect,
        "precision": precision,
        "pictures": len(dataset),
        "mean_ap": mean_average_precision(scores, labels),
        "average_precision": {
            pair.classes[k]: round(average_precision(scores[:, k], labels[:, k] > 0), 4)
            for k in np.flatnonzero(labels.any(axis=0))
        },
    }


def to_logits(probabilities: np.ndarray) -> np.ndarray:
    """The logits of sigmoids, float64, at most 30 in size."""
    p = np.clip(probabilities.astype(float), 1e-13, 1 - 1e-13)
    return np.clip(np.log(p / (1 - p)), -LARGEST_LOGIT, LARGEST_LOGIT)


def best_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the least binary cross-entropy (Guo et al., arXiv 1706.04599); logits and labels (N, K)."""
    losses = [float(np.mean(np.logaddexp(0, z) - labels * z)) for z in (logits / t for t in TEMPERATURES)]
    return round(float(TEMPERATURES[int(np.argmin(losses))]), 2)


def best_preselection(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """The lowest threshold at which nine of ten preselected classes are there, and that precision; 1 where none is enough.

    Preselected is what exceeds the threshold, and of every picture the most probable class; (N, K) both.
    """
    best = np.zeros(labels.shape, bool)
    best[np.arange(len(best)), probabilities.argmax(axis=1)] = True
    for threshold in np.arange(0.5, 1.0, 0.01):
        precision = float(labels[(probabilities > threshold) | best].mean())
        if precision >= PRECISION:
            return round(float(threshold), 2), round(precision, 4)
    return 1.0, round(float(labels[best].mean()), 4)


def mean_average_precision(scores: np.ndarray, labels: np.ndarray) -> float | None:
    """Mean over the classes that occur of the average precision of their ranking; scores and labels (N, K). None of none."""
    precisions = [average_precision(scores[:, k], labels[:, k] > 0) for k in np.flatnonzero(labels.any(axis=0))]
    return round(float(np.mean(precisions)), 6) if precisions else None


def average_precision(scores: np.ndarray, positive: np.ndarray) -> float:
    """Mean over the positive pictures of the precision at their place in the ranking (N,); equal scores share the last place."""
    order = np.argsort(-scores, kind="stable")
    ranked = -scores[order]
    places = np.searchsorted(ranked, ranked, side="right")  # (N,) pictures with at least this score
    hits = np.cumsum(positive[order])[places - 1]
    return float((hits / places)[positive[order]].mean())
