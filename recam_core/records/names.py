"""Names that people script against, and the error meant for the person at the screen."""

from collections.abc import Sequence

CAM = "cam"

LIBRARIES = ("timm", "torchvision")  # a classifier of theirs is a backbone by the name LIBRARY:NAME

ACTIVATIONS = {
    "sigmoid": "each class by itself, so several can be likely: trained with BCE",
    "softmax": "all classes share a sum of 1, so one can be likely: trained with cross-entropy",
}
PROBABILITY = {"sigmoid": "probability", "softmax": "softmax probability"}  # what a person reads

EMPTY_TEXT = "empty: this readout finds no positive evidence for the class anywhere in the picture."

STEP_RULES = {
    "maximum": "gradient over its largest value, held in the picture's own range: the reference code",
    "plain": "ξ times the gradient, unbounded: the paper's formula",
}
CLIMB_RESULTS = {
    "accumulated": "the sum of the maps of all steps: the reference code",
    "last": "the map of the last step alone",
}
REGULARISERS = {
    "raw": "differences of maps in their own units: the reference code",
    "normalised": "differences of maps divided by their own maximum: the paper's formula",
}

OBJECTIVES = {
    "both": "BCE + λ·SCE, each with a head of its own: ReCAM as published",
    "shared": "BCE + λ·SCE with one shared head, no FC2",
    "sce": "SCE alone with one head: no BCE, no FC2, and no λ",
}

PALETTE_NAMES = ("viridis", "inferno", "cividis", "paper")
SCALE_NAMES = ("each", "together")

IGNORE = 255  # label value of pixels that count neither for nor against
EPSILON = 1e-5  # what the reference adds to a maximum before dividing by it


def listed_names(names: Sequence[str], most: int = 100) -> str:
    """Names for a sentence: all of them, or, of very many, the first ten and how many there are."""
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[:10])} … ({len(names)} in all)"


class UserError(ValueError):
    """A message for the person at the screen: what was expected, what came, what to do."""


def is_library_name(name: str) -> bool:
    """Does a backbone's name say that it is a classifier of a library?"""
    return name.partition(":")[0] in LIBRARIES and ":" in name


def percent(share: float, digits: int = 0) -> str:
    """A share in [0, 1] as people read it: ``75 %``."""
    return f"{100 * share:.{digits}f} %"
