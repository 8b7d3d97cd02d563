"""Maps of the sample photos after full training with every λ of the study: made once, read without a network."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from recam_core.cam.pipeline import gather_evidence, read_out
from recam_core.datasets.samples import PHOTOS, sample_labels, sample_picture
from recam_core.experiments.findings import RESULTS
from recam_core.networks.pair import ModelPair
from recam_core.records import CamResult, Evidence, HeatmapOptions
from recam_core.system.files import npz_bytes, save_atomically

READOUT = "w"
FILE = RESULTS / "maps-voc-lambda.npz"


def save_lambda_maps(pairs: Mapping[float, ModelPair], path: Path) -> None:
    """Write the maps of w that the pairs, by their λ, make of every sample photo and its classes: one scale, with its mirror."""
    arrays: dict[str, np.ndarray] = {}
    for weight, pair in pairs.items():
        for sample in PHOTOS:
            evidence = gather_evidence(sample_picture(sample).pixels, pair, HeatmapOptions(), [READOUT])
            for label in sample_labels(sample, pair.classes):
                values = evidence.scale_maps[READOUT][0][pair.class_ids([label])[0]]
                arrays[_key(sample, label, weight)] = values.astype(np.float16)
    save_atomically(path, npz_bytes(arrays))


def trained_weights(sample: str, label: str) -> tuple[float, ...]:
    """Every λ that there is a map of; none where there is none."""
    start = _key(sample, label, "")
    return tuple(sorted(float(key.removeprefix(start)) for key in _arrays() if key.startswith(start)))


def lambda_result(sample: str, label: str, weight: float, evidence: Evidence) -> CamResult:
    """The heatmap of w that a model trained with a λ makes of a class; ``evidence`` is of the same picture at the same size."""
    values = _arrays()[_key(sample, label, weight)].astype(np.float32)[None]
    score = evidence.scores[[evidence.classes.index(label)]]
    alone = replace(evidence, classes=(label,), scores=score, scale_maps={READOUT: (values,)})
    return read_out(alone, READOUT, [label])


def _key(sample: str, label: str, weight: float | str) -> str:
    return f"{sample}/{label}/{weight if isinstance(weight, str) else format(weight, 'g')}"


@cache
def _arrays() -> Mapping[str, np.ndarray]:
    if not FILE.is_file():
        return {}
    with np.load(FILE) as arrays:
        return dict(arrays)
