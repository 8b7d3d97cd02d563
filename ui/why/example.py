"""What every step of the lesson looks at: one picture, one class, one look without scales or mirror image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import streamlit as st

from recam_core import CamResult, Evidence, HeatmapOptions, ModelPair, class_curves, read_out
from recam_core.cam.lesson import MaskedFeature, PictureFeatures, climb_scores, masked_feature
from recam_core.records import SCALE_NAMES
from ui.components.heatview import heat_view
from ui.components.heatview.maps import heat_payload
from ui.compute import payloads
from ui.compute.engine import brief_turn
from ui.session.link import heat_settings, write_heat_settings
from ui.widgets.subject import Subject


def one_look(options: HeatmapOptions) -> HeatmapOptions:
    """The same working size, one scale, no mirror image: then a map is one matrix product that can be followed."""
    return replace(options, scales=(1.0,), flip=False)


@dataclass(frozen=True, eq=False)
class Example:
    """Subject, model, evidence of one look, features in both networks, and the class the lesson is about."""

    subject: Subject
    pair: ModelPair
    evidence: Evidence
    features: PictureFeatures
    name: str

    @cached_property
    def k(self) -> int:
        """The number of the class."""
        return self.evidence.classes.index(self.name)

    @cached_property
    def logits(self) -> np.ndarray:
        """FC1 of the ReCAM network on the pooled features: z (K,)."""
        return self.features.weights["w"] @ self.features.stage2.mean(axis=(1, 2)) + self.features.bias

    @cached_property
    def climbed(self) -> np.ndarray:
        """What AdvCAM climbs, in the ReCAM network: y (K,)."""
        return climb_scores(self.features.stage2, self.features.weights["w"])

    def covered(self, readouts: Sequence[str], threshold: float) -> dict[str, float]:
        """Which share of the picture the map of the class exceeds a threshold on, by readout."""
        with brief_turn():
            maps = {name: read_out(self.evidence, name, [self.name]).maps[0] for name in readouts}
        return {name: float((values > threshold).mean()) for name, values in maps.items()}

    @cached_property
    def masked(self) -> MaskedFeature:
        """The features of the ReCAM network under the class's own mask."""
        return masked_feature(self.features.stage2, self.features.weights["w"][self.k])

    @cached_property
    def masked_logits(self) -> np.ndarray:
        """FC2 on the masked feature of the class: z′ (K,)."""
        return self.features.weights["wprime"] @ self.masked.pooled

    def strongest(self, logits: np.ndarray, count: int = 3) -> list[int]:
        """The class of the lesson and the strongest others, that one first."""
        others = [int(k) for k in np.argsort(-logits, kind="stable") if k != self.k]
        return [self.k, *others[: count - 1]]

    @cached_property
    def covers(self) -> tuple[int, int]:
        """Height and width in pixels that a map's grid covers: the picture's, rounded up to 16, as in ``read_out``."""
        height, width = self.evidence.picture.shape[:2]
        return -(-height // 16) * 16, -(-width // 16) * 16

    def grid(self, x: float, y: float) -> tuple[int, int]:
        """Row and column of the feature grid at fractions of the picture's width and height."""
        height, width = self.evidence.picture.shape[:2]
        rows, columns = self.features.stage1.shape[1:]
        row, column = int(y * height / self.covers[0] * rows), int(x * width / self.covers[1] * columns)
        return min(row, rows - 1), min(column, columns - 1)

    def centre(self, row: int, column: int) -> tuple[float, float]:
        """Fractions of the picture's width and height at the middle of a cell of the feature grid."""
        height, width = self.evidence.picture.shape[:2]
        rows, columns = self.features.stage1.shape[1:]
        x, y = (column + 0.5) / columns * self.covers[1] / width, (row + 0.5) / rows * self.covers[0] / height
        return min(x, 1.0), min(y, 1.0)


def show_heat(
    example: Example,
    readouts: tuple[str, ...],
    key: str,
    own: Mapping[str, tuple[np.ndarray, tuple[str, str, str]]] | None = None,
) -> Any:
    """The heat view of some readouts of the class, or of ``own`` maps (h, w) ≥ 0 with label, title and help each."""
    evidence, named = example.evidence, None
    if own:
        maps: dict[str, tuple[np.ndarray, ...]] = {
            name: (grid[None].astype(np.float32),) for name, (grid, _) in own.items()
        }
        score = evidence.scores[[example.k]]
        evidence = replace(evidence, classes=(example.name,), scores=score, scale_maps=maps)
        named = {name: words for name, (_, words) in own.items()}
    with brief_turn():
        results: list[CamResult] = [read_out(evidence, name, [example.name]) for name in own or readouts]
        curves = {scale: [class_curves(result, None, scale, None) for result in results] for scale in SCALE_NAMES}
    payload = heat_payload(results, curves, example.subject.picture.name, named=named)
    settings = st.session_state.get("heat_settings") or heat_settings()
    view = heat_view(payloads.put(payload), key=key, initial=settings)
    st.session_state["heat_settings"] = settings = settings | (view.settings or {})
    write_heat_settings(settings)
    return view
