"""Names of what an evaluation keeps: maps before and after the walk, baselines, and the event that ends it."""

from dataclasses import dataclass

from recam_core.records.names import READOUT_LABELS, READOUTS

WALKED = "-walk"  # behind a readout's name: its map after the walk
RESET = "reset-"  # before a readout's name: the same network with random weights
BASELINES = {
    "random": "a random map, as smooth as a heatmap",
    "everything": "the whole picture",
    "centre": "a blob in the middle of the picture",
}
POINT_TOLERANCE = 15  # pixels; the pointing game's


def map_label(name: str) -> str:
    """What a person reads for a kept map: "CAM", "w⊗w′ after the walk", "random map", "CAM, random weights"."""
    if name.endswith(WALKED):
        return f"{READOUT_LABELS[name.removesuffix(WALKED)]} after the walk"
    if name.startswith(RESET):
        return f"{READOUT_LABELS[name.removeprefix(RESET)]}, random weights"
    return READOUT_LABELS.get(name) or {"random": "random map", "everything": "whole picture"}.get(name, "centre blob")


def is_baseline(name: str) -> bool:
    """Whether a kept map says what figures are worth, rather than what the model found."""
    return name in BASELINES or name.startswith(RESET)


def is_map_name(name: str) -> bool:
    """Whether an evaluation may keep a map under this name."""
    return name in BASELINES or name.removesuffix(WALKED).removeprefix(RESET) in READOUTS


@dataclass(frozen=True)
class Stored:
    """An evaluation is whole on disk: ``measured`` of ``total`` pictures were counted, the others are named in ``faults``."""

    where: str
    measured: int
    total: int
    faults: tuple[str, ...] = ()

    def __str__(self) -> str:
        left = f"; {len(self.faults)} left out, for example: {self.faults[0]}" if self.faults else ""
        return f"counted {self.measured} of {self.total} pictures into {self.where}{left}"
