"""What pseudo masks of a whole data set are made with, and what making them says."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from recam_core.records.boundary import BOUNDARIES
from recam_core.records.checks import check_choice
from recam_core.records.names import READOUTS, UserError
from recam_core.records.settings import AdvCamOptions, HeatmapOptions
from recam_core.records.walk import RandomWalkOptions

REFINEMENTS = {
    "none": "the maps as they are",
    "climb": "the maps of a climb (AdvCAM)",
    "walk": "after the random walk (IRN)",
}


@dataclass(frozen=True)
class PseudoMaskOptions:
    """How a picture whose classes are known becomes a label map.

    A pixel is background where no map of a true class exceeds ``threshold``. ``walk`` and ``boundary`` hold for the refinement
    "walk", ``climb`` for "climb".
    """

    threshold: float
    readout: str = "w"
    refine: str = "none"
    boundary: str = "learned"
    view: HeatmapOptions = field(default_factory=HeatmapOptions)
    walk: RandomWalkOptions = field(default_factory=RandomWalkOptions)
    climb: AdvCamOptions = field(default_factory=AdvCamOptions)

    def __post_init__(self) -> None:
        check_choice(self, "readout", READOUTS)
        check_choice(self, "refine", REFINEMENTS)
        check_choice(self, "boundary", BOUNDARIES)
        if not 0 <= self.threshold <= 1:
            raise UserError(f"The background threshold must be from 0 to 1; got {self.threshold}.")

    def to_json(self) -> dict[str, Any]:
        """The settings that the masks depend on."""
        kept: dict[str, Any] = {name: getattr(self, name) for name in ("readout", "refine", "threshold")}
        kept |= dataclasses.asdict(self.view) | {"scales": list(self.view.scales)}
        if self.refine == "climb":
            kept["climb"] = dataclasses.asdict(self.climb)
        if self.refine == "walk":
            kept["walk"] = {"boundary": self.boundary, **dataclasses.asdict(self.walk)}
        return kept


@dataclass(frozen=True)
class MaskStep:
    """One more picture: its mask was ``written``, ``kept`` (it was there, whole) or the picture ``skipped`` (``why``)."""

    done: int
    total: int  # of this process
    name: str
    state: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.done}/{self.total} {self.name} {self.state}{': ' * bool(self.why)}{self.why}"
