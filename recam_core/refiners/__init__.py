"""Refiners: heatmaps → better heatmaps. A further one is a file or folder here and a line in ``REFINERS``."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from recam_core.networks.pair import ModelPair
from recam_core.records import CamResult, HeatmapOptions
from recam_core.refiners.advcam.refiner import AdvCam
from recam_core.refiners.pamr.refiner import Pamr
from recam_core.refiners.random_walk.refiner import Walk
from recam_core.refiners.subject import Subject


class Step(Protocol):
    """One step of a refinement of n classes: the event that page and command read."""

    @property
    def t(self) -> int:
        """Its number."""

    @property
    def steps(self) -> int:
        """How many there will be."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Whose maps it is about."""

    @property
    def seconds(self) -> float:
        """That it took."""

    def to_json(self) -> dict[str, Any]:
        """The figures of the step, without its maps."""


class Refiner(Protocol):
    """One way to refine; it leaves no trace in the model, and closing its steps frees everything."""

    name: str  # in commands and files, and behind the names of maps: "w-walk"
    label: str  # behind a readout's label: "w after the walk"
    help: str  # what --refine says of it
    options: type[Any]  # a frozen dataclass of numbers and words that checks itself
    flags: Mapping[str, str]  # the fields of its options that seeds and evaluate offer as flags, each with its help
    offers: Mapping[str, tuple[str, tuple[str, ...]]]  # what the Errors page offers: key → words, flags of evaluate
    picture_alone: bool  # asks no network, refines any maps (``Subject.made``), tells ``WalkStep``: Compare offers it

    def defaults(self, pair: ModelPair) -> Any:
        """The options that suit a model."""

    def threshold(self, pair: ModelPair, readout: str, view: HeatmapOptions) -> tuple[float, str]:
        """The background threshold that suits its maps, and where that comes from."""

    def words(self, options: Any) -> str:
        """What was done with these options, for a sentence: "after 8 steps of the walk"."""

    def steps(self, subject: Subject, options: Any) -> Iterator[Step]:
        """The refinement, step by step."""

    def results(self, subject: Subject, options: Any) -> list[CamResult]:
        """What it ends with, one result a readout in the order of the subject's, labelled like any other."""


REFINERS: dict[str, Refiner] = {"climb": AdvCam(), "walk": Walk(), "pamr": Pamr()}


@dataclass(frozen=True)
class Refinement:
    """A refiner of ``REFINERS`` by name with options that were chosen; what a whole data set is refined with."""

    name: str
    options: Any

    @property
    def words(self) -> str:
        """What was done, for a sentence."""
        return REFINERS[self.name].words(self.options)

    def results(self, subject: Subject) -> list[CamResult]:
        """The refined maps of a picture, one result a readout."""
        return REFINERS[self.name].results(subject, self.options)

    def to_json(self) -> dict[str, Any]:
        """The options as plain data."""
        return asdict(self.options)
