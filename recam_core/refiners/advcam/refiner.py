"""AdvCAM as a refiner: the maps of a climb (Lee et al., CVPR 2021, arXiv 2103.08896)."""

from collections.abc import Iterator, Mapping

from recam_core.cam.pipeline import read_out
from recam_core.cam.thresholds import seed_threshold
from recam_core.networks.pair import ModelPair
from recam_core.records import AdvCamOptions, CamResult, HeatmapOptions, RefineStep
from recam_core.refiners.advcam.climb import climb
from recam_core.refiners.advcam.result import climb_defaults, climbed_evidence
from recam_core.refiners.subject import Subject


class AdvCam:
    """Climbs with each readout in turn; a data set takes as many backbone passes as there are steps."""

    name = "climb"
    label = "after the climb"
    help = "the maps of a climb (AdvCAM)"
    options = AdvCamOptions
    flags: Mapping[str, str] = {}
    offers: Mapping[str, tuple[str, tuple[str, ...]]] = {}
    picture_alone = False

    def defaults(self, pair: ModelPair) -> AdvCamOptions:
        """Those of the model's card, else the reference's in grey levels."""
        return climb_defaults(pair)

    def threshold(self, pair: ModelPair, readout: str, view: HeatmapOptions) -> tuple[float, str]:
        """That of the readout's own maps."""
        return seed_threshold(pair, readout, view)

    def words(self, options: AdvCamOptions) -> str:
        """What was done, for a sentence."""
        return f"after a climb of {options.steps} steps"

    def steps(self, subject: Subject, options: AdvCamOptions) -> Iterator[RefineStep]:
        """Climb after climb, scale after scale."""
        for readout in subject.readouts:
            view, picture = subject.evidence.options, subject.evidence.picture
            yield from climb(picture, subject.pair, subject.classes, options, readout, view)

    def results(self, subject: Subject, options: AdvCamOptions) -> list[CamResult]:
        """The maps at the end of each climb."""
        last: dict[str, dict[int, RefineStep]] = {readout: {} for readout in subject.readouts}
        for step in self.steps(subject, options):
            last[step.readout][step.scale_index] = step  # one a scale is enough, and a step is large
        results = []
        for readout, steps in last.items():
            evidence = climbed_evidence(subject.evidence, list(steps.values()), options.result)
            results.append(read_out(evidence, readout, subject.classes))
        return results
