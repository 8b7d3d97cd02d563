"""The state of a run after each epoch: one file, whole or not there, and refused where it does not fit."""

import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from recam_core.files import save_atomically
from recam_core.records import BoundaryConfig, TrainConfig, UserError

CHECKPOINT = "checkpoint.pt"
FREE = ("root", "workers", "prefetch", "watch")  # what may differ on a resume, because no number depends on it


def folder_for(out: Path) -> None:
    """Make the folder of a run."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The run's folder {out} cannot be made ({error.strerror}); choose another --out.") from error


def save_checkpoint(out: Path, state: dict[str, Any]) -> None:
    """Write the state of a run into its folder."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    save_atomically(out / CHECKPOINT, buffer.getvalue())


def load_checkpoint(
    out: Path, device: torch.device, holds: set[str], config: TrainConfig | BoundaryConfig, classes: Sequence[str]
) -> dict[str, Any]:
    """The state in a run's folder; other classes or settings than those it was started with are refused by name."""
    path = out / CHECKPOINT
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"There is nothing to resume in {out}: no {CHECKPOINT}. Start without --resume.") from error
    except Exception as error:  # torch raises many kinds for a broken file
        raise UserError(f"{path} cannot be read as a checkpoint: {error}") from error
    absent = holds - set(state)
    if absent:
        raise UserError(f"{path} is not a checkpoint of such a run: it has no {', '.join(sorted(absent))}.")
    if tuple(state["classes"]) != tuple(classes):
        raise UserError(f"The run in {out} was started with other classes; use its data set.")
    stored = asdict(type(config)()) | state["config"]  # a setting that is newer than the run had its default
    changed = [key for key, value in asdict(config).items() if key not in FREE and stored[key] != value]
    if changed:
        raise UserError(f"The run in {out} was started with another {', '.join(changed)}; use its settings.")
    return state
