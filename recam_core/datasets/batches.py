"""Pictures → training batches. Every random choice follows from (seed, stage, epoch, index): nothing to save for a resume.

What is done to a picture is told by a generator of its own; a resize is Pillow's, as everywhere here. (torchvision's
transforms do the same to the bit and take more than a second to load.) A picture that cannot be read is left out of its
batch, which says so.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, default_collate
from torch.utils.data import Dataset as TorchDataset

from recam_core.datasets import Dataset
from recam_core.images.pictures import working_picture
from recam_core.records import IGNORE, BoundaryConfig, TrainConfig, UserError
from recam_core.system.launcher import Share

ORDER = 0xBA7C4  # tells the shuffle of an epoch from the views of its pictures


class Broken(NamedTuple):
    """Picture ``i`` could not be read, and why."""

    i: int
    reason: str


class Batch(NamedTuple):
    """Pictures (B, 3, crop, crop) uint8, where the crop is inside them (B, 1, crop, crop) bool, labels, and what is missing."""

    pixels: Tensor
    inside: Tensor
    labels: Tensor
    broken: tuple[Broken, ...] = ()


class Crops(TorchDataset):
    """Randomly scaled, mirrored and cropped views of a data set for one epoch of one stage.

    An item is (pixels (3, crop, crop) uint8, inside (1, crop, crop) bool, labels (K,) float32), or `Broken`; ``inside`` is False
    where the crop reaches past the picture.
    """

    def __init__(self, dataset: Dataset, config: TrainConfig, stage: int, epoch: int) -> None:
        self.dataset, self.config = dataset, config
        self.key: tuple[int, ...] = (config.seed, stage, epoch)
        self.label_shape: tuple[int, ...] = (len(dataset.classes),)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor, Tensor] | Broken:
        """One random view of picture ``i``."""
        return _or_broken(self._view, i)

    def _view(self, i: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng([*self.key, i])
        pixels = random_view(self.dataset.image(i), self.config, rng)
        view, inside = cropped(pixels, *random_corner(pixels, self.config.crop, rng), self.config.crop)
        return view, inside, torch.from_numpy(self.dataset.labels(i))


class LabelCrops(TorchDataset):
    """Views of pictures with their confident labels for one epoch of boundary branches.

    An item is (pixels (3, crop, crop) uint8, inside (1, crop, crop) bool, labels (crop/4, crop/4) uint8), or `Broken`.
    ``labels(i)`` are those of picture ``i`` at its working size (H, W); they are scaled, mirrored and cropped with the picture,
    brought to a quarter by taking the nearest pixel, and 255 = ignore where the crop reaches past the picture.
    """

    def __init__(
        self, dataset: Dataset, labels: Callable[[int], np.ndarray], config: BoundaryConfig, epoch: int
    ) -> None:
        self.dataset, self.labels, self.config = dataset, labels, config
        self.key: tuple[int, ...] = (config.seed, epoch)
        self.label_shape: tuple[int, ...] = (config.crop // 4, config.crop // 4)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor, Tensor] | Broken:
        """One random view of picture ``i``."""
        return _or_broken(self._view, i)

    def _view(self, i: int) -> tuple[Tensor, Tensor, Tensor]:
        config, rng = self.config, np.random.default_rng([*self.key, i])
        picture, label_map = working_picture(self.dataset.image(i), config.long_side), self.labels(i)
        ratio, mirrored = rng.uniform(config.scale_min, config.scale_max), rng.random() < 0.5
        pixels, labels = rescaled(picture, ratio), rescaled(label_map, ratio, Image.Resampling.NEAREST)
        if mirrored:
            pixels, labels = pixels.flip(-1), labels.flip(-1)
        corner = random_corner(pixels, config.crop, rng)
        view, inside = cropped(pixels, *corner, config.crop)
        label_view, _ = cropped(labels, *corner, config.crop)
        label_view = torch.where(inside, label_view, IGNORE)[0]
        return view, inside, label_view[2::4, 2::4].contiguous()  # nearest to the middle of each 4 × 4 pixels


def _or_broken(view: Callable[[int], Any], i: int) -> Any:
    try:
        return view(i)
    except (UserError, OSError) as error:
        return Broken(i, str(error))


def random_view(picture: np.ndarray, config: TrainConfig, rng: np.random.Generator) -> Tensor:
    """A picture (H, W, 3) with its long side drawn from the configured range, mirrored every other time: (3, H', W') uint8."""
    long_side = int(rng.integers(config.long_side_min, config.long_side_max + 1))
    pixels = rescaled(picture, long_side / max(picture.shape[:2]))
    return pixels.flip(-1) if rng.random() < 0.5 else pixels


def rescaled(picture: np.ndarray, ratio: float, how: Image.Resampling = Image.Resampling.BICUBIC) -> Tensor:
    """A picture (H, W, 3) or label map (H, W), uint8, at another scale: (3 or 1, H', W')."""
    height, width = (max(1, round(side * ratio)) for side in picture.shape[:2])
    resized = torch.from_numpy(np.array(Image.fromarray(picture).resize((width, height), how)))
    return resized.view(height, width, -1).permute(2, 0, 1)


def random_corner(pixels: Tensor, crop: int, rng: np.random.Generator) -> tuple[int, int]:
    """Top and left of a crop that covers as much of (C, H, W) as it can; negative where the picture is smaller."""
    top, left = (int(rng.integers(min(0, side - crop), max(0, side - crop) + 1)) for side in pixels.shape[1:])
    return top, left


def cropped(pixels: Tensor, top: int, left: int, crop: int) -> tuple[Tensor, Tensor]:
    """A square (C, crop, crop) of (C, H, W), zero past its edges, and where it is inside (1, crop, crop)."""
    height, width = pixels.shape[1:]
    margins = [-left, left + crop - width, -top, top + crop - height]  # a negative one is cut off
    inside = torch.ones((1, height, width), dtype=torch.bool)
    return F.pad(pixels, margins).contiguous(), F.pad(inside, margins).contiguous()


def epoch_order(count: int, key: Sequence[int]) -> list[int]:
    """A shuffle that follows from (seed, stage, epoch)."""
    return np.random.default_rng([*key, ORDER]).permutation(count).tolist()


def epoch_plan(
    count: int, config: TrainConfig, stage: int, epoch: int, share: Share | None = None
) -> list[list[list[int]]]:
    """For each step of an epoch the batches of pictures that this process shows, in a new order every epoch.

    A step learns from ``accumulate`` batches of every process. What is left for the last one is spread over the processes; one
    that gets nothing has an empty batch.
    """
    share, size = share or Share(), config.batch_of(stage)
    order = np.array(epoch_order(count, (config.seed, stage, epoch)))
    steps = []
    for start in range(0, count, size * config.accumulate * share.world):
        together = order[start : start + size * config.accumulate * share.world]
        mine = np.array_split(together, share.world)[share.rank].tolist()
        steps.append([mine[i : i + size] for i in range(0, len(mine), size)] or [[]])
    return steps


def epoch_batches(
    dataset: Dataset, config: TrainConfig, stage: int, epoch: int, plan: list[list[list[int]]] | None = None
) -> DataLoader:
    """The batches of an epoch in the order of its plan, by default that of one process; the last one may be smaller."""
    plan = plan or epoch_plan(len(dataset), config, stage, epoch)
    return _loader(
        Crops(dataset, config, stage, epoch), [batch for step in plan for batch in step], config, config.prefetch
    )


def label_batches(
    dataset: Dataset, labels: Callable[[int], np.ndarray], config: BoundaryConfig, epoch: int
) -> DataLoader:
    """Batches with labels (B, crop/4, crop/4) uint8 of one epoch; the last one may be smaller."""
    crops = LabelCrops(dataset, labels, config, epoch)
    order = epoch_order(len(crops), crops.key)
    size = config.batch_size
    return _loader(crops, [order[i : i + size] for i in range(0, len(order), size)], config, 2)


def _loader(
    crops: Crops | LabelCrops, batches: Sequence[list[int]], config: TrainConfig | BoundaryConfig, prefetch: int
) -> DataLoader:
    return DataLoader(
        crops,
        batch_sampler=batches,
        num_workers=config.workers,
        prefetch_factor=prefetch if config.workers else None,
        collate_fn=_Collate(config.crop, crops.label_shape),
        pin_memory=torch.cuda.is_available(),
    )


class _Collate:
    """Views → a batch without those that are broken; of none at all an empty one."""

    def __init__(self, crop: int, label_shape: tuple[int, ...]) -> None:
        self.crop, self.label_shape = crop, label_shape

    def __call__(self, views: list[Any]) -> Batch:
        whole = [view for view in views if not isinstance(view, Broken)]
        broken = tuple(view for view in views if isinstance(view, Broken))
        if whole:
            pixels, inside, labels = default_collate(whole)
            return Batch(pixels, inside, labels, broken)
        nothing = torch.zeros((0, 3, self.crop, self.crop), dtype=torch.uint8)
        return Batch(nothing, nothing[:, :1].bool(), torch.zeros((0, *self.label_shape)), broken)
