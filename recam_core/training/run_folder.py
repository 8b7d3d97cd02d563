"""The folder of a run: its settings from the beginning, what it says, and its state after each epoch, whole or not there.

What does not fit the run is refused by name.
"""

import contextlib
import io
import json
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from recam_core.records import BoundaryConfig, TrainConfig, UserError, from_plain
from recam_core.system.files import save_atomically
from recam_core.system.history import History, event_line

if TYPE_CHECKING:  # who looks into a folder needs no torch, and to load it takes seconds
    import torch

SETTINGS = "settings.json"
CHECKPOINT = "checkpoint.pt"
FREE = ("root", "workers", "prefetch", "watch")  # what may differ on a resume, because no number depends on it
STALE = 60.0  # seconds
Event = TypeVar("Event")
KINDS: dict[str, type[TrainConfig | BoundaryConfig]] = {"train": TrainConfig, "train-boundary": BoundaryConfig}


@dataclass(frozen=True)
class RunSettings:
    """What a run was started with: ``kind`` is that of its job; versions by package."""

    kind: str
    config: TrainConfig | BoundaryConfig
    classes: tuple[str, ...]
    versions: dict[str, str]


class RunFolder:
    """A folder while somebody trains in it: one process at a time, from ``open`` to ``close``.

    Every training goes through it alike: ``load`` what a checkpoint holds, ``open``, ``tell`` events, ``keep`` the state after
    each epoch.
    """

    def __init__(self, path: Path, config: TrainConfig | BoundaryConfig, classes: Sequence[str]) -> None:
        self.path, self.config, self.classes = path, config, tuple(classes)
        self.skipped: list[str] = []  # pictures that could not be read, each told once
        self._saved = (path / CHECKPOINT).exists()
        self._length, self._closing = 0, b""  # of the history at the checkpoint, and the line that follows it
        self._history: History | None = None

    @property
    def goes_on(self) -> bool:
        """Whether a checkpoint was loaded, after which the run goes on."""
        return bool(self._closing)

    @property
    def what_is_kept(self) -> str:
        """A sentence for whoever is told that the run cannot go on; empty where there is no checkpoint."""
        return f" The checkpoint of the epoch before is kept in {self.path}." if self._saved else ""

    def load(self, device: "torch.device", holds: set[str]) -> dict[str, Any] | None:
        """The state to go on from, which must hold some names; None where the run was stopped before its first checkpoint."""
        state = load_checkpoint(self.path, device, holds | {"config", "classes"}, self.config, self.classes)
        if state is not None:
            self.skipped = state.get("skipped", [])
            self._length, self._closing = state.get("history", 0), state.get("closing", "").encode()
        return state

    def open(self) -> None:
        """Make the folder ready; the history goes on after what the checkpoint knows of."""
        folder_for(self.path)
        self._history = History(self.path, self._length)
        if self.goes_on:
            self._history.write(self._closing)
        else:
            save_settings(self.path, self.config, self.classes)

    def close(self) -> None:
        """Nothing more is said."""
        if self._history is not None:
            self._history.close()

    def tell(self, event: Event) -> Event:
        """Write an event down before it is passed on."""
        self._open_history.add(event)
        return event

    def is_first_skip(self, name: str) -> bool:
        """Whether a picture that cannot be read was not told of before; from now on it was."""
        first = name not in self.skipped
        if first:
            self.skipped.append(name)
        return first

    def none_readable(self, count: int) -> str:
        """What a person is told where none of so many pictures could be read."""
        example = self.skipped[0] if self.skipped else "the first"
        return (
            f"None of the {count} pictures of {self.config.dataset} {self.config.split} could be read, for example {example}; "
            "check the data set."
        )

    def keep(self, state: Mapping[str, Any], end: Any) -> None:
        """Write the checkpoint after an epoch, whose event ``end`` is told as well: by a run that ends in between, later."""
        history, closing = self._open_history, event_line(end)
        history.sync()
        plain = {"config": asdict(self.config), "classes": list(self.classes), **state, "skipped": self.skipped}
        save_checkpoint(self.path, plain | {"history": history.length, "closing": closing.decode()})
        self._saved = True
        history.write(closing)

    @property
    def _open_history(self) -> History:
        assert self._history is not None, "only who opened the folder writes in it"
        return self._history


def folder_for(out: Path) -> None:
    """Make the folder of a run, without what a killed process left half written in it; ``UserError`` where it cannot be made."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The run's folder {out} cannot be made ({error.strerror}); choose another --out.") from error
    for part in out.glob(".*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > STALE:  # a job's runner may be writing one right now
                part.unlink()


def has_run(out: Path) -> bool:
    """Whether a folder holds a run, be it from before its first checkpoint."""
    return (out / CHECKPOINT).exists() or (out / SETTINGS).exists()


def save_settings(out: Path, config: TrainConfig | BoundaryConfig, classes: Sequence[str]) -> None:
    """Write down what a run is started with."""
    import torch

    kind = next(name for name, settings in KINDS.items() if isinstance(config, settings))
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": version("torchvision"),  # to load it takes a second
    }
    plain = {"kind": kind, "config": asdict(config), "classes": list(classes), "versions": versions}
    save_atomically(out / SETTINGS, json.dumps(plain, ensure_ascii=False, indent=1).encode())


def read_run(out: Path) -> RunSettings:
    """What the run in a folder was started with; settings that are newer than it have their defaults.

    Raises ``UserError`` where it cannot be read.
    """
    try:
        plain = json.loads((out / SETTINGS).read_text("utf-8"))
        config = from_plain(KINDS[plain["kind"]], plain["config"])
        return from_plain(RunSettings, plain, config=config)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(f"{out.name} is not a run that can be read: {SETTINGS} is missing or damaged.") from error


def save_checkpoint(out: Path, state: dict[str, Any]) -> None:
    """Write the state of a run into its folder."""
    import torch

    buffer = io.BytesIO()
    torch.save(state, buffer)
    save_atomically(out / CHECKPOINT, buffer.getvalue())


def load_checkpoint(
    out: Path, device: "torch.device", holds: set[str], config: TrainConfig | BoundaryConfig, classes: Sequence[str]
) -> dict[str, Any] | None:
    """The state in a run's folder, or None where the run was stopped before its first checkpoint.

    Other classes or settings than those it was started with are refused by name, and so is a folder that holds no run. Raises
    ``UserError`` for these, and for a file that cannot be read.
    """
    import torch

    path = out / CHECKPOINT
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError as error:
        if not (out / SETTINGS).exists():
            raise UserError(f"There is nothing to resume in {out}: no {CHECKPOINT}. Start without --resume.") from error
        run = read_run(out)
        _check_same(out, asdict(run.config), run.classes, config, classes)
        return None
    except Exception as error:  # torch raises many kinds for a broken file
        raise UserError(f"{path} cannot be read as a checkpoint: {error}") from error
    absent = holds - set(state)
    if absent:
        raise UserError(f"{path} is not a checkpoint of such a run: it has no {', '.join(sorted(absent))}.")
    _check_same(out, state["config"], state["classes"], config, classes)
    return state


def _check_same(
    out: Path,
    stored: Mapping[str, Any],
    stored_classes: Sequence[str],
    config: TrainConfig | BoundaryConfig,
    classes: Sequence[str],
) -> None:
    if tuple(stored_classes) != tuple(classes):
        raise UserError(f"The run in {out} was started with other classes; use its data set.")
    began = asdict(type(config)()) | dict(stored)  # a setting that is newer than the run had its default
    changed = [key for key, value in asdict(config).items() if key not in FREE and began[key] != value]
    if changed:
        raise UserError(f"The run in {out} was started with another {', '.join(changed)}; use its settings.")
