"""Pictures → training batches. Every random choice follows from (seed, stage, epoch, index): nothing to save for a resume."""

from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from recam_core.datasets import Dataset
from recam_core.records import TrainConfig


class Crops(TorchDataset):
    """Randomly scaled, mirrored and cropped views of a data set for one epoch of one stage.

    An item is (pixels (3, crop, crop) uint8, inside (1, crop, crop) bool, labels (K,) float32); ``inside`` is False where
    the crop reaches past the picture.
    """

    def __init__(self, dataset: Dataset, config: TrainConfig, stage: int, epoch: int) -> None:
        self.dataset, self.config, self.key = dataset, config, (config.seed, stage, epoch)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor, Tensor]:
        """One random view of picture ``i``."""
        rng = np.random.default_rng([*self.key, i])
        pixels = random_view(self.dataset.image(i), self.config, rng)
        crop = self.config.crop
        height, width = pixels.shape[:2]
        top, left = (int(rng.integers(min(0, side - crop), max(0, side - crop) + 1)) for side in (height, width))
        canvas, inside = np.zeros((crop, crop, 3), np.uint8), np.zeros((crop, crop), bool)
        source = pixels[max(0, top) : top + crop, max(0, left) : left + crop]
        y, x = max(0, -top), max(0, -left)
        canvas[y : y + source.shape[0], x : x + source.shape[1]] = source
        inside[y : y + source.shape[0], x : x + source.shape[1]] = True
        view = torch.from_numpy(np.ascontiguousarray(canvas.transpose(2, 0, 1)))
        return view, torch.from_numpy(inside)[None], torch.from_numpy(self.dataset.labels(i))


def random_view(pixels: np.ndarray, config: TrainConfig, rng: np.random.Generator) -> np.ndarray:
    """The picture with its long side drawn from the configured range, mirrored every other time."""
    long_side = int(rng.integers(config.long_side_min, config.long_side_max + 1))
    height, width = pixels.shape[:2]
    ratio = long_side / max(height, width)
    if ratio != 1:
        size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
    return pixels[:, ::-1] if rng.random() < 0.5 else pixels


class EpochOrder(Sampler[int]):
    """A shuffle that follows from (seed, stage, epoch)."""

    def __init__(self, length: int, key: tuple[int, ...]) -> None:
        self.order = np.random.default_rng([*key, 0xBA7C4]).permutation(length)

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[int]:
        return iter(self.order.tolist())


def epoch_batches(dataset: Dataset, config: TrainConfig, stage: int, epoch: int) -> DataLoader:
    """Batches (pixels (B, 3, crop, crop) uint8, inside, labels (B, K)) of one epoch; the last one may be smaller."""
    crops = Crops(dataset, config, stage, epoch)
    order = EpochOrder(len(crops), crops.key)
    cuda = torch.cuda.is_available()
    return DataLoader(crops, config.batch_size, sampler=order, num_workers=config.workers, pin_memory=cuda)
