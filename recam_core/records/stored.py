"""What an evaluation keeps beside readouts, and the event that ends it."""

from dataclasses import dataclass

BASELINES = {
    "random": "a random map, as smooth as a heatmap",
    "everything": "the whole picture",
    "centre": "a blob in the middle of the picture",
}
POINT_TOLERANCE = 15  # pixels; the pointing game's


@dataclass(frozen=True)
class Stored:
    """An evaluation is whole on disk: ``measured`` of ``total`` pictures were counted, the others are named in ``faults``."""

    where: str
    measured: int
    total: int
    faults: tuple[str, ...] = ()

    def __str__(self) -> str:
        omitted = f"; {len(self.faults)} left out, for example: {self.faults[0]}" if self.faults else ""
        return f"counted {self.measured} of {self.total} pictures into {self.where}{omitted}"
