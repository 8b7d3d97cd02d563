"""What a run has said so far, as arrays and records; what is damaged is passed over and counted."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np

from recam_core.networks.readouts import READOUTS
from recam_core.records import EpochEnd, MapsKept, PictureSkipped, TrainConfig, Validated
from ui.widgets.jobs import time_words

RECENT = 50  # steps by which the time left is judged
DRAWN = 400  # points of a line that are drawn at most
SMOOTH = 0.05  # of the way through a stage: what the smoothed line looks back on
COLUMNS = ("stage", "step", "steps", "loss_bce", "loss_sce", "rate", "seconds", "waiting")  # of a step
KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (EpochEnd, Validated, MapsKept, PictureSkipped)}
Record = TypeVar("Record", EpochEnd, Validated, MapsKept, PictureSkipped)


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of one stage, one value each (S,); ``total`` is how many there will be."""

    step: np.ndarray
    bce: np.ndarray
    sce: np.ndarray
    rate: np.ndarray
    seconds: np.ndarray
    waiting: np.ndarray
    total: int


@dataclass(frozen=True, eq=False)
class History:
    """Everything a run has said: steps by stage, and what came after its epochs."""

    stages: Mapping[int, Steps]
    epochs: tuple[EpochEnd, ...] = ()
    validated: tuple[Validated, ...] = ()
    maps: tuple[MapsKept, ...] = ()
    skipped: tuple[PictureSkipped, ...] = ()
    finished: bool = False
    seconds: float = 0.0  # that the finished run took
    unread: int = 0  # events that make no sense

    @property
    def has_begun(self) -> bool:
        """Whether a step was made."""
        return bool(self.stages)

    @property
    def last_miou(self) -> dict[str, float]:
        """Seed mIoU by readout after the last epoch in which it was scored: CAM's at the end of stage 1."""
        miou: dict[str, float] = {}
        for done in self.validated:
            miou |= {name: value for name, value in done.miou.items() if isinstance(value, int | float)}
        return {name: miou[name] for name in READOUTS if name in miou}

    @property
    def waiting_share(self) -> float:
        """Share of the steps' time in which the processor waited for pictures."""
        spent = sum(float(steps.seconds.sum()) for steps in self.stages.values())
        waited = sum(float(steps.waiting.sum()) for steps in self.stages.values())
        return waited / spent if spent > 0 else 0.0


def make_history(events: Iterable[Mapping[str, Any]]) -> History:
    """Sort the events of a run's stream by what they are."""
    rows: list[tuple[Any, ...]] = []  # of steps, by far the most frequent
    records: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    seconds, finished, unread = 0.0, False, 0
    for event in events:
        name = event.get("event")
        if name == "TrainStep":
            rows.append(tuple(event.get(column, 0) for column in COLUMNS))
        elif name == "Finished":
            finished, seconds = True, _number(event.get("seconds")) or 0.0
        elif name in KINDS:
            record = _record(KINDS[name], event)
            unread += record is None
            records[name] += [] if record is None else [record]
    steps = _table(rows)
    unread += len(rows) - len(steps)
    stages = {stage: _steps(steps[steps[:, 0] == stage]) for stage in (1, 2)}
    return History(
        {stage: there for stage, there in stages.items() if len(there.step)},
        tuple(records["EpochEnd"]),
        tuple(records["Validated"]),
        tuple(records["MapsKept"]),
        tuple(records["PictureSkipped"]),
        finished,
        seconds,
        unread,
    )


def _table(rows: list[tuple[Any, ...]]) -> np.ndarray:
    """The steps that make sense, (S, len(COLUMNS)) float."""
    try:
        table = np.array(rows, float).reshape(-1, len(COLUMNS))
    except (ValueError, TypeError):  # a word where a number should be
        numbers = [[_number(value) for value in row] for row in rows]
        table = np.array(numbers, float).reshape(-1, len(COLUMNS))
    good = (
        np.isfinite(table).all(axis=1) & np.isin(table[:, 0], (1, 2)) & (table[:, 1] > 0) & (table[:, 2] >= table[:, 1])
    )
    return table[good]


def _steps(table: np.ndarray) -> Steps:
    """The steps of one stage."""
    _, step, total, bce, sce, rate, seconds, waiting = table.T
    return Steps(step, bce, sce, rate, seconds, waiting, int(total[-1]) if len(total) else 0)


def _record(kind: type[Record], event: Mapping[str, Any]) -> Record | None:
    """The event as the record that it was; None where a field is missing or of another kind."""
    wanted: dict[str, Any] = {field.name: field.type for field in fields(kind)}
    given = {name: value for name, value in event.items() if name in wanted}
    for name, value in given.items():
        if wanted[name] in (int, float) and _number(value) is None:
            return None
        if wanted[name] is str and not isinstance(value, str):
            return None
        if wanted[name] not in (int, float, str) and isinstance(value, list | str):
            return None
    if given.get("stage", 1) not in (1, 2):
        return None
    try:
        return kind(**given)
    except TypeError:
        return None


def _number(value: Any) -> float | None:
    """A finite number, or None."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None


def smoothed(values: np.ndarray, total: int) -> np.ndarray:
    """A running mean over about ``SMOOTH`` of a stage's steps, without the pull towards zero at its start."""
    width = max(1.0, SMOOTH * total)
    keep = 1 - 1 / width
    mean, weight, out = 0.0, 0.0, np.empty(len(values))
    for i, value in enumerate(values):
        mean, weight = keep * mean + (1 - keep) * value, keep * weight + (1 - keep)
        out[i] = mean / weight
    return out


def drawn(count: int) -> np.ndarray:
    """Which of so many points are drawn: all of a short line, evenly spread ones of a long one, always the last."""
    return np.unique(np.linspace(0, count - 1, min(count, DRAWN)).round().astype(int)) if count else np.zeros(0, int)


def progress(history: History, config: TrainConfig, pictures: int) -> tuple[float, str]:
    """How far a run is, 0 … 1, and that in words with the time left; ``pictures`` of the data set, 0 where unknown."""
    if not history.has_begun:
        return 0.0, "Loading the data set and the network …"
    totals = _totals(history, config, pictures)
    done = {stage: int(steps.step[-1]) for stage, steps in history.stages.items()}
    now = max(history.stages)
    done |= {stage: totals[stage] for stage in totals if stage < now}
    steps = history.stages[now]
    share = sum(done.get(stage, 0) for stage in totals) / max(1, sum(totals.values()))
    words = f"stage {now} of 2, step {done[now]:,} of {totals[now]:,}"
    remaining = _left(history, config, totals, done)
    if len(steps.step) < 3 or remaining is None:
        return min(share, 1.0), words
    return min(share, 1.0), f"{words}, about {time_words(remaining)} left"


def _totals(history: History, config: TrainConfig, pictures: int) -> dict[int, int]:
    """Steps of each stage that is trained: as said by its steps, else from the other stage's pace through the data set."""
    totals = {stage: steps.total for stage, steps in history.stages.items()}
    stages = (2,) if config.stage1 else (1, 2)
    for stage in stages:
        if stage in totals:
            continue
        epochs = config.stage1_epochs if stage == 1 else config.stage2_epochs
        batch = (config.stage2_batch_size or config.batch_size) if stage == 2 else config.batch_size
        if pictures:
            totals[stage] = epochs * math.ceil(pictures / (batch * config.accumulate))
        elif 1 in totals:
            a_pass = totals[1] / config.stage1_epochs
            totals[stage] = math.ceil(epochs * a_pass * config.batch_size / batch)
    return totals


def _left(history: History, config: TrainConfig, totals: Mapping[int, int], done: Mapping[int, int]) -> float | None:
    """Seconds that the rest will take: its steps at the pace of the last ones, and a validation after each epoch."""
    paces = {stage: float(np.mean(steps.seconds[-RECENT:])) for stage, steps in history.stages.items()}
    pace = paces[max(paces)]
    if pace <= 0:
        return None
    remaining = sum((totals[stage] - done.get(stage, 0)) * paces.get(stage, pace) for stage in totals)
    if history.validated:
        epochs = config.stage2_epochs + (0 if config.stage1 else config.stage1_epochs)
        remaining += max(0, epochs - len(history.validated)) * float(np.mean([v.seconds for v in history.validated]))
    return max(0.0, remaining)
