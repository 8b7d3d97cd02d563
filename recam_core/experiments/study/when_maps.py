"""Maps of a few pictures of every point, small enough for a result file, and the pictures drawn anew beside them."""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from recam_core.cam.pipeline import gather_evidence
from recam_core.datasets import Dataset
from recam_core.datasets.scenes import SceneOptions, Scenes
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import READOUTS
from recam_core.records import HeatmapOptions, UserError


def packed_maps(pair: ModelPair, test: Dataset, i: int, look: HeatmapOptions) -> dict[str, Any]:
    """Maps of a picture's own classes at the feature grid, each as 0 … 255 of its own maximum, (readouts, n, h, w)."""
    evidence = gather_evidence(test.image(i), pair, look)
    ids = np.flatnonzero(test.labels(i))
    maps = np.stack([evidence.scale_maps[name][0][ids] for name in READOUTS])
    peaks = maps.max(axis=(2, 3), keepdims=True)
    eight = np.rint(255 * np.divide(maps, peaks, out=np.zeros_like(maps), where=peaks > 0)).astype(np.uint8)
    return {
        "classes": [pair.classes[k] for k in ids],
        "scores": [round(float(evidence.scores[k]), 4) for k in ids],
        "shape": list(eight.shape),
        "bytes": base64.b64encode(zlib.compress(eight.tobytes(), 9)).decode(),
    }


@dataclass(frozen=True, eq=False)
class WhenMaps:
    """A kept picture of a point, drawn anew with its mask, and the ``maps`` (readouts, n, h, w) in [0, 1] found there."""

    picture: np.ndarray
    mask: np.ndarray
    classes: tuple[str, ...]
    labels: tuple[int, ...]  # their class ids
    scores: np.ndarray
    maps: np.ndarray


def when_picture(study: Mapping[str, Any], row: Mapping[str, Any], weight: str, i: int) -> WhenMaps:
    """Picture ``i`` of a row of the result file, under the λ named ``weight``.

    Raises ``UserError`` where the generator no longer draws what was measured.
    """
    stored, knobs = row["maps"][weight][i], row["knobs"]
    options = SceneOptions(size=study["side"], **knobs | {"radius": tuple(knobs["radius"])})
    scenes = Scenes(study["split"], options=options)
    ids = tuple(int(k) for k in np.flatnonzero(scenes.labels(i)))
    names = tuple(scenes.classes[k] for k in ids)
    if names != tuple(stored["classes"]):
        raise UserError(
            f"The generator of scenes draws another picture {i} today than was measured ({', '.join(stored['classes'])}); "
            "run python -m recam_core study scenes-when again."
        )
    eight = np.frombuffer(zlib.decompress(base64.b64decode(stored["bytes"])), np.uint8).reshape(stored["shape"])
    scores = np.array(stored["scores"], np.float32)
    return WhenMaps(scenes.image(i), scenes.mask(i), names, ids, scores, eight.astype(np.float32) / 255)
