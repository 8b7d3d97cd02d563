"""Names of the maps that an evaluation keeps: readouts, the same refined, methods, and baselines."""

from recam_core.cam.methods import is_method, map_title
from recam_core.networks.readouts import READOUTS
from recam_core.records.stored import BASELINES
from recam_core.refiners import REFINERS

RESET = "reset-"  # before a readout's name: the same network with random weights
_BASELINE_LABELS = {"random": "random map", "everything": "whole picture", "centre": "centre blob"}


def refiner_of(name: str) -> str:
    """The refiner whose name stands behind the readout's, as in "w-walk", or an empty string."""
    _, dash, last = name.rpartition("-")
    return last if dash and last in REFINERS else ""


def readout_of(name: str) -> str:
    """The readout or method that a kept map was made of; of a baseline its own name."""
    return name.removesuffix(f"-{refiner_of(name)}").removeprefix(RESET)


def map_label(name: str) -> str:
    """What a person reads for a kept map: "CAM", "w⊗w′ after the walk", "random map", "CAM, random weights"."""
    if name in BASELINES:
        return _BASELINE_LABELS[name]
    made_of = readout_of(name)
    label = map_title(made_of) if made_of in READOUTS or is_method(made_of) else made_of
    if refiner := refiner_of(name):
        return f"{label} {REFINERS[refiner].label}"
    return f"{label}, random weights" if name.startswith(RESET) else label


def is_baseline(name: str) -> bool:
    """Whether a kept map says what figures are worth, rather than what the model found."""
    return name in BASELINES or name.startswith(RESET)


def is_map_name(name: str) -> bool:
    """Whether an evaluation may keep a map under this name."""
    return name in BASELINES or readout_of(name) in READOUTS or is_method(readout_of(name))
