"""Training runs and pixel counts that are made once and found again."""

import copy
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recam_core.checkpoints.pair_file import load_pair
from recam_core.datasets import Dataset
from recam_core.evaluation.evaluate import measure
from recam_core.evaluation.sweep import PixelCounts
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import READOUTS
from recam_core.records import EpochEnd, EvalStep, HeatmapOptions, TrainConfig, UserError
from recam_core.system.files import npz_bytes, parent_for, save_atomically
from recam_core.system.history import read_history
from recam_core.training.run_folder import CHECKPOINT
from recam_core.training.two_stage import train

Counts = dict[str, list[PixelCounts]]
Part = Generator[Any, None, dict[str, Any]]  # events of the work, then the result


@dataclass(frozen=True)
class Workplace:
    """Where a study works: the folder of its runs, the device, and the folder of the photos ("" where there is none)."""

    runs: Path
    device: torch.device
    root: str = ""


def trained(config: TrainConfig, dataset: Dataset, out: Path, device: torch.device) -> Generator[Any, None, ModelPair]:
    """The pair of a run: trained now, gone on with where it was stopped, or found finished."""
    yield from train(config, dataset, out, device, resume=(out / CHECKPOINT).exists())
    return load_pair(out, device)


def unrounded(pair: ModelPair, out: Path) -> ModelPair:
    """A finished run's pair with the float32 weights of its checkpoint instead of the stored ones."""
    state = torch.load(out / CHECKPOINT, map_location=pair.recam.device, weights_only=True)
    cam, recam = (copy.deepcopy(model) for model in (pair.cam, pair.recam))
    cam.load_state_dict(state["cam"])
    recam.load_state_dict(state["recam"])
    return replace(pair, cam=cam, recam=recam, sha256=f"{pair.sha256} float32")


def sce_of_epochs(out: Path) -> list[float]:
    """Mean SCE of each epoch of stage 2."""
    return [round(epoch["loss_sce"], 4) for epoch in epochs_of(out, stage=2)]


def epochs_of(out: Path, stage: int) -> list[dict[str, Any]]:
    """The fields of each `EpochEnd` of a stage of a run, as it told them."""
    ends = [event for event in read_history(out) if event["event"] == EpochEnd.__name__ and event["stage"] == stage]
    if not ends:
        raise UserError(
            f"The run in {out} tells of no epoch of stage {stage}; delete the folder, and it is trained anew."
        )
    return ends


def check_masks(dataset: Dataset) -> None:
    """Refuse pictures that cannot be scored, before anything is trained for them."""
    if all(dataset.mask(i) is None for i in range(len(dataset))):
        raise UserError(
            f"None of the {len(dataset)} pictures to be scored has a mask, so the study has nothing to measure; put their masks "
            "where the data set keeps them (docs/data-sets.md)."
        )


def counted(
    pair: ModelPair, dataset: Dataset, options: HeatmapOptions, path: Path, readouts: Sequence[str] = tuple(READOUTS)
) -> Generator[Any, None, Counts]:
    """Counts of every picture that has a mask, by readout; kept in ``path`` for as long as the weights are the same."""
    return (yield from stored_counts(path, pair.sha256, readouts, dataset, measure(pair, dataset, options, readouts)))


def stored_counts(
    path: Path, sha256: str, names: Sequence[str], dataset: Dataset, pictures: Iterable[Mapping[str, PixelCounts]]
) -> Generator[Any, None, Counts]:
    """Counts by name of every picture that has some, from ``pictures`` or, where the weights are the same, from ``path``."""
    stored = _read_counts(path, sha256, names)
    if stored is not None:
        return stored
    check_masks(dataset)
    counts: Counts = {name: [] for name in names}
    for i, picture in enumerate(pictures):
        for name, picture_counts in picture.items():
            counts[name].append(picture_counts)
        yield EvalStep(i + 1, len(dataset), f"{path.parent.name} {path.stem} {dataset.name(i)}")
    arrays: dict[str, np.ndarray] = {"sha256": np.array(sha256)}
    for name, pictures_counts in counts.items():
        arrays[f"{name}.cells"] = np.concatenate([picture.cells for picture in pictures_counts])
        arrays[f"{name}.pixels"] = np.concatenate([picture.pixels for picture in pictures_counts])
        arrays[f"{name}.ends"] = np.cumsum([len(picture.cells) for picture in pictures_counts])
    save_atomically(parent_for(path), npz_bytes(arrays))
    return counts


def _read_counts(path: Path, sha256: str, readouts: Sequence[str]) -> Counts | None:
    if not path.exists():
        return None
    with np.load(path) as arrays:
        if str(arrays["sha256"]) != sha256 or any(f"{name}.ends" not in arrays for name in readouts):
            return None
        return {name: _unpacked(*(arrays[f"{name}.{key}"] for key in ("cells", "pixels", "ends"))) for name in readouts}


def _unpacked(cells: np.ndarray, pixels: np.ndarray, ends: np.ndarray) -> list[PixelCounts]:
    parts = zip(np.split(cells, ends[:-1]), np.split(pixels, ends[:-1]), strict=True)
    return [PixelCounts(a, b) for a, b in parts]
