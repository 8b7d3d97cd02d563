"""What the check of a data set says: how far it is, and what it found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckStep:
    """``done`` pictures of ``total`` were looked at, the last of them ``name``; ``total`` is None while the list is read."""

    done: int
    total: int | None
    name: str

    def __str__(self) -> str:
        return f"{self.done}/{self.total} {self.name}" if self.total is not None else self.name


@dataclass(frozen=True)
class DataReport:
    """A data set as it lies there.

    ``pictures`` have a file, whether it is whole or not; ``per_class`` counts those with each of ``classes``. ``missing`` have
    labels but no file, ``broken`` a name and a reason each: both hold the first 50, and how many there are stands beside
    them. ``samples`` are names of whole pictures, spread over the classes.
    """

    kind: str
    root: str
    split: str
    pictures: int
    masks: int
    classes: tuple[str, ...]
    per_class: tuple[int, ...]
    unlabelled: int
    missing: tuple[str, ...]
    missing_count: int
    broken: tuple[tuple[str, str], ...]
    broken_count: int
    empty_classes: tuple[str, ...]
    notes: tuple[str, ...]
    samples: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        faults = f", {self.missing_count} missing, {self.broken_count} broken"
        return (
            f"checked {self.pictures} pictures of {self.kind} {self.split}".rstrip()
            + f" in {self.seconds:.1f} s: {len(self.classes)} classes, {self.masks} masks{faults}"
        )
