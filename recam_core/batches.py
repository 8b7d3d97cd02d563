"""Pictures → training batches. Every random choice follows from (seed, stage, epoch, index): nothing to save for a resume."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from recam_core.datasets import Dataset
from recam_core.images import working_picture
from recam_core.records import IGNORE, BoundaryConfig, TrainConfig


class Crops(TorchDataset):
    """Randomly scaled, mirrored and cropped views of a data set for one epoch of one stage.

    An item is (pixels (3, crop, crop) uint8, inside (1, crop, crop) bool, labels (K,) float32); ``inside`` is False where
    the crop reaches past the picture.
    """

    def __init__(self, dataset: Dataset, config: TrainConfig, stage: int, epoch: int) -> None:
        self.dataset, self.config = dataset, config
        self.key: tuple[int, ...] = (config.seed, stage, epoch)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor, Tensor]:
        """One random view of picture ``i``."""
        rng = np.random.default_rng([*self.key, i])
        pixels = random_view(self.dataset.image(i), self.config, rng)
        view, inside = cropped(pixels, *random_corner(pixels, self.config.crop, rng), self.config.crop)
        return view, inside, torch.from_numpy(self.dataset.labels(i))


class LabelCrops(TorchDataset):
    """Views of pictures with their confident labels for one epoch of boundary branches.

    An item is (pixels (3, crop, crop) uint8, inside (1, crop, crop) bool, labels (crop/4, crop/4) uint8). ``labels(i)`` are those
    of picture ``i`` at its working size (H, W); they are scaled, mirrored and cropped with the picture, brought to a quarter
    by taking the nearest pixel, and 255 = ignore where the crop reaches past the picture.
    """

    def __init__(
        self, dataset: Dataset, labels: Callable[[int], np.ndarray], config: BoundaryConfig, epoch: int
    ) -> None:
        self.dataset, self.labels, self.config = dataset, labels, config
        self.key: tuple[int, ...] = (config.seed, epoch)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor, Tensor]:
        """One random view of picture ``i``."""
        config, rng = self.config, np.random.default_rng([*self.key, i])
        pixels, labels = working_picture(self.dataset.image(i), config.long_side), self.labels(i)
        ratio, mirrored = rng.uniform(config.scale_min, config.scale_max), rng.random() < 0.5
        pixels, labels = rescaled(pixels, ratio), rescaled(labels, ratio, Image.Resampling.NEAREST)
        if mirrored:
            pixels, labels = pixels[:, ::-1], labels[:, ::-1]
        corner = random_corner(pixels, config.crop, rng)
        view, inside = cropped(pixels, *corner, config.crop)
        label_view, _ = cropped(labels, *corner, config.crop)
        label_view = torch.where(inside, label_view, IGNORE)[0]
        return view, inside, label_view[2::4, 2::4].contiguous()  # nearest to the middle of each 4 × 4 pixels


def random_view(pixels: np.ndarray, config: TrainConfig, rng: np.random.Generator) -> np.ndarray:
    """The picture with its long side drawn from the configured range, mirrored every other time."""
    long_side = int(rng.integers(config.long_side_min, config.long_side_max + 1))
    pixels = rescaled(pixels, long_side / max(pixels.shape[:2]))
    return pixels[:, ::-1] if rng.random() < 0.5 else pixels


def rescaled(pixels: np.ndarray, ratio: float, how: Image.Resampling = Image.Resampling.BICUBIC) -> np.ndarray:
    """A picture (H, W, 3) or label map (H, W), uint8, at another scale."""
    if ratio == 1:
        return pixels
    height, width = pixels.shape[:2]
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return np.asarray(Image.fromarray(pixels).resize(size, how))


def random_corner(pixels: np.ndarray, crop: int, rng: np.random.Generator) -> tuple[int, int]:
    """Top and left of a crop that covers as much of the picture as it can; negative where the picture is smaller."""
    top, left = (int(rng.integers(min(0, side - crop), max(0, side - crop) + 1)) for side in pixels.shape[:2])
    return top, left


def cropped(pixels: np.ndarray, top: int, left: int, crop: int) -> tuple[Tensor, Tensor]:
    """A square of (H, W, C) or (H, W) as (C, crop, crop), zero past its edges, and where it is inside (1, crop, crop)."""
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    canvas, inside = np.zeros((crop, crop, pixels.shape[2]), np.uint8), np.zeros((crop, crop), bool)
    source = pixels[max(0, top) : top + crop, max(0, left) : left + crop]
    y, x = max(0, -top), max(0, -left)
    canvas[y : y + source.shape[0], x : x + source.shape[1]] = source
    inside[y : y + source.shape[0], x : x + source.shape[1]] = True
    return torch.from_numpy(np.ascontiguousarray(canvas.transpose(2, 0, 1))), torch.from_numpy(inside)[None]


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
    return _loader(Crops(dataset, config, stage, epoch), config)


def label_batches(
    dataset: Dataset, labels: Callable[[int], np.ndarray], config: BoundaryConfig, epoch: int
) -> DataLoader:
    """Batches (pixels (B, 3, crop, crop) uint8, inside, labels (B, crop/4, crop/4) uint8) of one epoch."""
    return _loader(LabelCrops(dataset, labels, config, epoch), config)


def _loader(crops: Crops | LabelCrops, config: TrainConfig | BoundaryConfig) -> DataLoader:
    order = EpochOrder(len(crops), crops.key)
    cuda = torch.cuda.is_available()
    return DataLoader(crops, config.batch_size, sampler=order, num_workers=config.workers, pin_memory=cuda)
