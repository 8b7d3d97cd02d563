"""Several processes that share work, as ``torchrun`` and ``accelerate launch`` start them.

They need not talk to one another: process r of n takes every n-th piece, beginning with the r-th.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from recam_core.records import UserError


@dataclass(frozen=True)
class Share:
    """Which of ``world`` processes this is, and which of those on this machine (None where no launcher said so)."""

    rank: int = 0
    world: int = 1
    local: int | None = None

    def of(self, count: int) -> range:
        """The pieces of ``count`` that are this process's."""
        return range(self.rank, count, self.world)

    def device(self, wanted: str, cards: int) -> str:
        """The graphics card of this process among ``cards``, where any will do; else what was asked for."""
        if self.local is None or cards == 0 or wanted not in ("auto", "cuda"):
            return wanted
        return f"cuda:{self.local % cards}"


def launched(environment: Mapping[str, str]) -> Share:
    """The share that a launcher's RANK, WORLD_SIZE and LOCAL_RANK give; everything without a launcher.

    Raises ``UserError`` for other values than whole numbers, and for a rank that is not below the size.
    """
    numbers = {name: environment[name] for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK") if name in environment}
    if not all(number.isdecimal() for number in numbers.values()):
        raise UserError(f"A launcher sets RANK, WORLD_SIZE and LOCAL_RANK to whole numbers; got {numbers}.")
    rank, world = int(numbers.get("RANK", 0)), int(numbers.get("WORLD_SIZE", 1))
    if rank >= world:
        raise UserError(f"RANK must be below WORLD_SIZE; got {rank} of {world}.")
    return Share(rank, world, int(numbers["LOCAL_RANK"]) if "LOCAL_RANK" in numbers else None)
