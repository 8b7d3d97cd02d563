"""What a refiner is given, evidence of one picture and which of its maps are to become better ones, and what it gives back."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from recam_core.cam.pipeline import normalise_maps, read_out
from recam_core.networks.pair import ModelPair
from recam_core.records import CamResult, Evidence


@dataclass(frozen=True, eq=False)
class Subject:
    """The maps of some classes under some readouts, and the model and evidence that they are read out of.

    ``made`` are the maps where they are others than the evidence's, as a method's are; one a name in ``readouts``.
    """

    pair: ModelPair
    evidence: Evidence
    classes: tuple[str, ...]
    readouts: tuple[str, ...]
    made: tuple[CamResult, ...] = ()

    @cached_property
    def results(self) -> list[CamResult]:
        """The maps as they are before, one result a readout."""
        return list(self.made) or [read_out(self.evidence, readout, self.classes) for readout in self.readouts]


def with_raw(start: CamResult, raw: Tensor | np.ndarray) -> CamResult:
    """A result with other raw maps (n, h, w), brought to picture size and divided anew, each by its own maximum."""
    raw = torch.as_tensor(raw).contiguous()
    if raw.shape[1:] != start.raw.shape[1:]:
        raw = F.interpolate(raw[None], start.raw.shape[1:], mode="bilinear", align_corners=False)[0]
    grid = F.interpolate(raw[None], start.grid.shape[1:], mode="bilinear", align_corners=False)[0]
    return replace(start, raw=raw.numpy(), maps=normalise_maps(raw).numpy(), grid=normalise_maps(grid).numpy())
