"""Pictures whose maps are refined: what several tests ask of refiners."""

from recam_core.cam.pipeline import gather_evidence
from recam_core.records import HeatmapOptions
from recam_core.refiners import Refinement
from recam_core.refiners.random_walk.refiner import WalkSettings
from recam_core.refiners.subject import Subject


def walk_of(boundary="gradient", **settings):
    """A walk with these settings, else the reference's."""
    return Refinement("walk", WalkSettings(boundary, **settings))


def subject_of(picture, pair, classes, readouts, options=None):
    """The maps of some classes and readouts of a picture."""
    evidence = gather_evidence(picture, pair, options or HeatmapOptions(), readouts)
    return Subject(pair, evidence, tuple(classes), tuple(readouts))
