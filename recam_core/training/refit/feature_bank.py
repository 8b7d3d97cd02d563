"""What re-fitting starts from: features of some pictures that no λ changes, kept, with labels and sampled true masks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recam_core.cam.pipeline import grid_step
from recam_core.datasets import Dataset
from recam_core.evaluation.evaluate import check_classes
from recam_core.images.masks import resize_labels
from recam_core.images.pictures import working_picture
from recam_core.networks.losses import present_classes
from recam_core.networks.pair import ModelPair
from recam_core.records import CAM, IGNORE, EvalStep, UserError

FINER = 2  # true masks are sampled this many times per cell of the feature grid, along each side


@dataclass(frozen=True, eq=False)
class FeatureBank:
    """Stage-1 features of N pictures, looked at once, without mirror images; what lies past a picture's own grid is 0.

    ``features`` (N, D, h, w) are those of the last block, or what it is given if ``last_block``; ``grids`` (N, 2) the rows
    and columns that each picture fills. ``truth`` (N, 2h, 2w) uint8 holds label values at sampled pixels, 255 = ignore, which
    it is everywhere in a picture without a mask.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    features: Tensor
    grids: tuple[tuple[int, int], ...]
    labels: Tensor  # (N, K) multi-hot
    truth: np.ndarray
    masked: np.ndarray  # (N,) bool: has a true mask
    last_block: bool

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return self.features.nbytes + self.truth.nbytes

    @property
    def present(self) -> np.ndarray:
        """Indices (N, n) of the classes of each picture, −1 where it has fewer than the fullest one."""
        ids = present_classes(self.labels)
        return torch.where(self.labels.gather(1, ids) > 0, ids, -1).cpu().numpy()

    def shapes(self) -> dict[tuple[int, int], list[int]]:
        """Which pictures fill the same grid."""
        rows: dict[tuple[int, int], list[int]] = {}
        for i, grid in enumerate(self.grids):
            rows.setdefault(grid, []).append(i)
        return rows

    def cautions(self) -> tuple[str, ...]:
        """What to keep in mind before reading anything out of fits on these pictures, in whole sentences."""
        parts = []
        used = self.labels.sum(dim=0) > 0
        if len(self.names) == 1:
            parts.append(
                "There is one picture: both heads can only learn it by heart, and nothing here says what others do."
            )
        if int(used.sum()) == 1:
            name = self.classes[int(used.nonzero()[0, 0])]
            parts.append(
                f"Every picture is labelled {name} and nothing else, so SCE has nothing to separate it from but classes "
                "that never occur: what it changes means little."
            )
        elif len(self.names) > 1 and int(self.labels.sum(dim=1).max()) == 1:
            parts.append(
                "Every picture has one class only: SCE tells classes of different pictures apart, never two in the same one."
            )
        if absent := int((~used).sum()):
            parts.append(
                f"{absent} of the model’s {len(self.classes)} classes are in no picture here: BCE and SCE only push "
                "them down, and their maps say nothing."
            )
        return tuple(parts)


def gather_features(
    pair: ModelPair, dataset: Dataset, pictures: Sequence[int], long_side: int, last_block: bool = False
) -> Iterator[EvalStep | FeatureBank]:
    """Run the stage-1 network once over some pictures of a data set; the last event is the bank.

    Raises ``UserError`` where there is no picture, or the classes are not those of the model.
    """
    check_classes(pair, dataset)
    if not len(pictures):
        raise UserError("There is no picture to fit on; label at least one, or choose another set.")
    per_picture, sampled = [], []
    for done, i in enumerate(pictures):
        picture = working_picture(dataset.image(i), long_side)
        per_picture.append(start_features(pair, picture, last_block))
        sampled.append(_sampled(dataset.mask(i), picture.shape[:2], per_picture[-1].shape[2:]))
        yield EvalStep(done + 1, len(pictures), dataset.name(i))
    grids = tuple((f.shape[2], f.shape[3]) for f in per_picture)
    height, width = (max(grid[side] for grid in grids) for side in (0, 1))
    features = per_picture[0].new_zeros(len(per_picture), per_picture[0].shape[1], height, width)
    truth = np.full((len(per_picture), FINER * height, FINER * width), IGNORE, np.uint8)
    for i, (rows, columns) in enumerate(grids):
        features[i, :, :rows, :columns] = per_picture[i][0]
        if (mask := sampled[i]) is not None:
            truth[i, : FINER * rows, : FINER * columns] = mask
    if not torch.isfinite(features).all():
        raise UserError(f"The model {pair.name} gives features that are not finite; its weights are broken.")
    labels = torch.from_numpy(np.stack([dataset.labels(i) for i in pictures])).to(features.device)
    masked = np.array([mask is not None for mask in sampled])
    names = tuple(dataset.name(i) for i in pictures)
    yield FeatureBank(names, pair.classes, features, grids, labels, truth, masked, last_block)


def start_features(pair: ModelPair, picture: np.ndarray, last_block: bool, flip: bool = False) -> Tensor:
    """Stage-1 features (1, D, h, w) of a picture (H, W, 3) uint8, or what the last block is given.

    With ``flip`` (2, D, h, w): those of the mirror image too.
    """
    pair.check_readouts([CAM])
    with torch.no_grad():  # not inference mode: its tensors could not take part in training
        x = pair.cam.preprocess(picture)
        x = torch.cat([x, x.flip(-1)]) if flip else x
        return (pair.cam.before_last(x) if last_block else pair.cam.features(x)).float()


def _sampled(mask: np.ndarray | None, size: tuple[int, ...], grid: Sequence[int]) -> np.ndarray | None:
    """Label values at the middles of the finer grid's cells, which cover the picture rounded up to 16 or 32, as maps do."""
    if mask is None:
        return None
    mask = resize_labels(mask, (size[0], size[1]))
    out = np.full((FINER * grid[0], FINER * grid[1]), IGNORE, np.uint8)
    step = grid_step(size, grid)
    rows, columns = (
        ((np.arange(FINER * cells) + 0.5) * (-(-side // step) * step) / (FINER * cells)).astype(int)
        for side, cells in zip(size, grid, strict=True)
    )
    inside_rows, inside_columns = rows[rows < size[0]], columns[columns < size[1]]
    out[: len(inside_rows), : len(inside_columns)] = mask[np.ix_(inside_rows, inside_columns)]
    return out
