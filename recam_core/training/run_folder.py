"""The state of a run: its settings from the beginning, then one file after each epoch, whole or not there.

What does not fit the run is refused by name.
"""

import contextlib
import io
import json
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision

from recam_core.records import BoundaryConfig, TrainConfig, UserError, from_plain
from recam_core.system.files import save_atomically

SETTINGS = "settings.json"
CHECKPOINT = "checkpoint.pt"
FREE = ("root", "workers", "prefetch", "watch")  # what may differ on a resume, because no number depends on it
STALE = 60.0  # seconds
KINDS: dict[str, type[TrainConfig | BoundaryConfig]] = {"train": TrainConfig, "train-boundary": BoundaryConfig}


@dataclass(frozen=True)
class RunSettings:
    """What a run was started with: ``kind`` is that of its job; versions by package."""

    kind: str
    config: TrainConfig | BoundaryConfig
    classes: tuple[str, ...]
    versions: dict[str, str]


def folder_for(out: Path) -> None:
    """Make the folder of a run, without what a killed process left half written in it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The run's folder {out} cannot be made ({error.strerror}); choose another --out.") from error
    for part in out.glob(".*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > STALE:  # a job's keeper may be writing one right now
                part.unlink()


def begun(out: Path) -> bool:
    """Whether a folder holds a run, be it from before its first checkpoint."""
    return (out / CHECKPOINT).exists() or (out / SETTINGS).exists()


def save_settings(out: Path, config: TrainConfig | BoundaryConfig, classes: Sequence[str]) -> None:
    """Write down what a run is started with."""
    kind = next(name for name, settings in KINDS.items() if isinstance(config, settings))
    versions = {"python": platform.python_version(), "torch": torch.__version__, "torchvision": torchvision.__version__}
    plain = {"kind": kind, "config": asdict(config), "classes": list(classes), "versions": versions}
    save_atomically(out / SETTINGS, json.dumps(plain, ensure_ascii=False, indent=1).encode())


def read_run(out: Path) -> RunSettings:
    """What the run in a folder was started with; settings that are newer than it have their defaults."""
    try:
        plain = json.loads((out / SETTINGS).read_text("utf-8"))
        config = from_plain(KINDS[plain["kind"]], plain["config"])
        return from_plain(RunSettings, plain, config=config)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(f"{out.name} is not a run that can be read: {SETTINGS} is missing or damaged.") from error


def save_checkpoint(out: Path, state: dict[str, Any]) -> None:
    """Write the state of a run into its folder."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    save_atomically(out / CHECKPOINT, buffer.getvalue())


def load_checkpoint(
    out: Path, device: torch.device, holds: set[str], config: TrainConfig | BoundaryConfig, classes: Sequence[str]
) -> dict[str, Any] | None:
    """The state in a run's folder, or None where the run was stopped before its first checkpoint.

    Other classes or settings than those it was started with are refused by name, and so is a folder that holds no run.
    """
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
