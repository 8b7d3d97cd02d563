"""The random walk as a refiner: heat spreads until boundaries stop it (IRN, Ahn et al., CVPR 2019, arXiv 1904.05044)."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from recam_core.cam.thresholds import walk_threshold
from recam_core.networks.pair import ModelPair
from recam_core.records import BOUNDARIES, CamResult, HeatmapOptions, RandomWalkOptions, UserError, WalkStep
from recam_core.refiners.random_walk.boundary import boundary_map
from recam_core.refiners.random_walk.result import walk_defaults, walked_result
from recam_core.refiners.random_walk.walk import RandomWalk
from recam_core.refiners.subject import Subject

REFERENCE = RandomWalkOptions()


@dataclass(frozen=True)
class WalkSettings:
    """Which boundaries hold the heat, and the settings of the walk itself (``RandomWalkOptions``).

    Raises ``UserError`` for a value out of its range.
    """

    boundary: str = field(default="learned", metadata={"choices": tuple(BOUNDARIES)})
    radius: int = REFERENCE.radius
    beta: float = REFERENCE.beta
    steps: int = REFERENCE.steps

    def __post_init__(self) -> None:
        if self.boundary not in BOUNDARIES:
            raise UserError(f"boundary must be one of {', '.join(BOUNDARIES)}; got {self.boundary!r}.")
        _ = self.walk

    @property
    def walk(self) -> RandomWalkOptions:
        """Those of the walk, checked."""
        return RandomWalkOptions(self.radius, self.beta, self.steps)


class Walk:
    """All readouts and classes of a picture walk together, as columns of the same product."""

    name = "walk"
    label = "after the walk"
    help = "after the random walk (IRN)"
    options = WalkSettings
    flags: Mapping[str, str] = {
        "boundary": "; ".join(f"{name}: {text}" for name, text in BOUNDARIES.items()),
        "radius": "positions nearer than this on the quarter-size grid are neighbours",
        "beta": "affinities are raised to it (β)",
        "steps": "how often heat moves on. The reference's 8 are squarings, 2⁸ = 256 steps: here 256 is written 256",
    }
    offers: Mapping[str, tuple[str, tuple[str, ...]]] = {
        "learned": ("yes, with boundaries that the model learned", ("--boundary", "learned")),
        "gradient": ("yes, with edges of the picture (baseline)", ("--boundary", "gradient")),
    }
    picture_alone = False

    def defaults(self, pair: ModelPair) -> WalkSettings:
        """Those of the model's card, else the reference's, with learned boundaries."""
        return WalkSettings(**asdict(walk_defaults(pair)))

    def threshold(self, pair: ModelPair, readout: str, view: HeatmapOptions) -> tuple[float, str]:
        """That of the model's card for this readout, else the reference's after the walk."""
        return walk_threshold(pair, readout)

    def words(self, options: WalkSettings) -> str:
        """What was done, for a sentence."""
        return f"after {options.steps} steps of the walk ({options.boundary} boundaries)"

    def steps(self, subject: Subject, options: WalkSettings) -> Iterator[WalkStep]:
        """The maps of all readouts, one below the other, from t = 0."""
        walk, grids = self._walk(subject, options), np.concatenate([result.grid for result in subject.results])
        for t, maps in enumerate(walk.steps(grids)):
            yield WalkStep(t, options.steps, subject.classes * len(subject.readouts), maps, 0.0)

    def results(self, subject: Subject, options: WalkSettings) -> list[CamResult]:
        """The maps after the last step."""
        results = subject.results
        together = self._walk(subject, options).at(np.concatenate([start.grid for start in results]), options.steps)
        parts = np.split(together, len(results))
        return [walked_result(start, maps) for start, maps in zip(results, parts, strict=True)]

    def _walk(self, subject: Subject, options: WalkSettings) -> RandomWalk:
        boundary = boundary_map(subject.pair, subject.evidence.picture, options.boundary)
        return RandomWalk(boundary, options.walk, subject.pair.recam.device)
