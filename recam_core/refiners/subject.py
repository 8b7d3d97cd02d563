"""What a refiner is given: evidence of one picture, and which of its maps are to become better ones."""

from dataclasses import dataclass
from functools import cached_property

from recam_core.cam.pipeline import read_out
from recam_core.networks.pair import ModelPair
from recam_core.records import CamResult, Evidence


@dataclass(frozen=True, eq=False)
class Subject:
    """The maps of some classes under some readouts, and the model and evidence that they are read out of."""

    pair: ModelPair
    evidence: Evidence
    classes: tuple[str, ...]
    readouts: tuple[str, ...]

    @cached_property
    def results(self) -> list[CamResult]:
        """The maps as they are before, one result a readout."""
        return [read_out(self.evidence, readout, self.classes) for readout in self.readouts]
