"""PAMR as a refiner: maps snap to the edges of the picture; no network is asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recam_core.cam.thresholds import seed_threshold
from recam_core.networks.pair import ModelPair
from recam_core.records import CamResult, HeatmapOptions, UserError, WalkStep
from recam_core.refiners.pamr.equations import ITERATIONS, pamr, pamr_steps
from recam_core.refiners.subject import Subject, with_raw

MOST = 200


@dataclass(frozen=True)
class PamrOptions:
    """How often every pixel becomes the mean of its neighbours; ``UserError`` for a number out of its range."""

    iterations: int = ITERATIONS

    def __post_init__(self) -> None:
        if not 0 <= self.iterations <= MOST:
            raise UserError(f"The number of iterations of PAMR must be 0 to {MOST}; got {self.iterations}.")


class Pamr:
    """The raw maps are refined at picture size and divided anew, each by its own maximum; they share the picture's weights."""

    name = "pamr"
    label = "snapped to edges"
    help = "maps that follow the colours of the picture (PAMR)"
    options = PamrOptions
    flags: Mapping[str, str] = {"iterations": "how often every pixel becomes the mean of its neighbours"}
    offers: Mapping[str, tuple[str, tuple[str, ...]]] = {"pamr": ("yes, snapped to edges of the picture (PAMR)", ())}
    picture_alone = True

    def defaults(self, pair: ModelPair) -> PamrOptions:
        """Those of the paper."""
        return PamrOptions()

    def threshold(self, pair: ModelPair, readout: str, view: HeatmapOptions) -> tuple[float, str]:
        """That of the readout's own maps."""
        return seed_threshold(pair, readout, view)

    def words(self, options: PamrOptions) -> str:
        """What was done, for a sentence."""
        return f"after {options.iterations} iterations of PAMR"

    def steps(self, subject: Subject, options: PamrOptions) -> Iterator[WalkStep]:
        """The raw maps of all readouts at picture size, one below the other, from t = 0."""
        picture, raw = _tensors(subject)
        for t, maps in enumerate(pamr_steps(picture, raw, options.iterations)):
            yield WalkStep(t, options.iterations, subject.classes * len(subject.readouts), maps.cpu().numpy(), 0.0)

    def results(self, subject: Subject, options: PamrOptions) -> list[CamResult]:
        """The maps after the last iteration."""
        parts = pamr(*_tensors(subject), options.iterations).cpu().split(len(subject.classes))
        return [with_raw(start, maps) for start, maps in zip(subject.results, parts, strict=True)]


def _tensors(subject: Subject) -> tuple[Tensor, Tensor]:
    """The picture (3, H, W) in [0, 1], and the raw maps of all results and classes, on the device of the model."""
    pixels = torch.from_numpy(subject.evidence.picture.transpose(2, 0, 1).astype(np.float32) / 255)
    raw = torch.from_numpy(np.concatenate([result.raw for result in subject.results]))
    return pixels.to(subject.pair.recam.device), raw.to(subject.pair.recam.device)
