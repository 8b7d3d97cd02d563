"""What making pseudo masks of a whole data set says."""

from dataclasses import dataclass


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
