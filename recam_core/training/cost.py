"""What a run will take, told before it begins: a real step of each stage is tried."""

import torch

from recam_core.datasets import Dataset
from recam_core.records import Cost, TrainConfig


def estimate_cost(
    config: TrainConfig, pictures: int, device: torch.device, dataset: Dataset | None = None, classes: int = 20
) -> Cost:
    """Time, memory and disk of training on so many pictures; with a data set its reading is timed and its classes counted."""
    raise NotImplementedError
