"""Does a heatmap lie where it counts?  Insertion and deletion curves of a picture, and the pointing game.

Insertion and deletion: Petsiuk et al., RISE, BMVC 2018; for multi-label networks the class's own logit is what is followed.
Pointing game: Zhang et al., Top-down neural attention, ECCV 2016, with a tolerance of 15 pixels.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from recam_core.networks.model import CamModel
from recam_core.records import IGNORE, UserError
from recam_core.records.stored import POINT_TOLERANCE
from recam_core.system.device import autocast

STEPS = 20
BATCH = 8  # pictures in one pass
BLUR = 12  # the blurred picture's standard deviation is the short side over this


@dataclass(frozen=True, eq=False)
class LogitCurves:
    """One map's curves: the class's logit after 0, 1/T … 1 of the pixels, (T + 1,) each, strongest pixels first.

    ``deletion``: they are painted with the picture's mean colour; ``insertion``: they come back into a blurred picture.
    """

    deletion: np.ndarray
    insertion: np.ndarray

    @property
    def areas(self) -> tuple[float, float]:
        """Areas under deletion (a good map: small) and insertion (a good map: large), in logits."""
        return area(self.deletion), area(self.insertion)


@dataclass(frozen=True)
class CurveStep:
    """So many of all the pictures were looked at."""

    done: int
    total: int

    def __str__(self) -> str:
        return f"{self.done}/{self.total} changed pictures"


def logit_curves(
    models: Mapping[str, CamModel], picture: np.ndarray, maps: Mapping[str, np.ndarray], k: int, steps: int = STEPS
) -> Iterator[CurveStep | dict[str, LogitCurves]]:
    """Curves of class ``k`` for several maps (H, W) of a picture (H, W, 3) uint8; the last event holds them by name.

    ``models[name]`` is the network that answers for a map. Passes are batches of 8 pictures; whoever stops asking stops them.
    Raises ``UserError`` for a map that is not of the picture's size.
    """
    for name, values in maps.items():
        if values.shape != picture.shape[:2]:
            raise UserError(
                f"The map {name} is {values.shape}, the picture {picture.shape[:2]}; they must have the same size."
            )
    done, total = 0, len(maps) * 2 * (steps + 1)
    curves = {}
    for name, values in maps.items():
        logits: list[float] = []
        changed = np.concatenate([deleted(picture, values, steps), inserted(picture, values, steps)])
        for start in range(0, len(changed), BATCH):
            logits += class_logits(models[name], changed[start : start + BATCH], k)
            done += len(changed[start : start + BATCH])
            yield CurveStep(done, total)
        curves[name] = LogitCurves(np.array(logits[: steps + 1]), np.array(logits[steps + 1 :]))
    yield curves


def deleted(picture: np.ndarray, values: np.ndarray, steps: int) -> np.ndarray:
    """The picture with 0, 1/T … 1 of its pixels, the strongest first, in its mean colour: (T + 1, H, W, 3) uint8."""
    mean = np.rint(picture.mean(axis=(0, 1))).astype(np.uint8)
    return _mixed(np.broadcast_to(mean, picture.shape), picture, values, steps)


def inserted(picture: np.ndarray, values: np.ndarray, steps: int) -> np.ndarray:
    """The blurred picture in which 0, 1/T … 1 of the pixels, the strongest first, are sharp: (T + 1, H, W, 3) uint8."""
    blurred = cv2.GaussianBlur(picture, (0, 0), max(1.0, min(picture.shape[:2]) / BLUR))
    return _mixed(picture, blurred, values, steps)


def _mixed(first: np.ndarray, then: np.ndarray, values: np.ndarray, steps: int) -> np.ndarray:
    """``first`` where a pixel's rank is below s/T of all, else ``then``; equal values are ranked in reading order."""
    rank = np.empty(values.size, np.int64)
    rank[np.argsort(-values.ravel(), kind="stable")] = np.arange(values.size)
    ends = np.round(np.arange(steps + 1) / steps * values.size)
    chosen = rank.reshape(values.shape)[None] < ends[:, None, None]  # (T + 1, H, W)
    return np.where(chosen[..., None], first[None], then[None])


def class_logits(model: CamModel, pictures: np.ndarray, k: int) -> list[float]:
    """FC1's logit of class ``k`` for pictures (B, H, W, 3) uint8 of one size, in one pass."""
    with torch.inference_mode(), autocast(model.device):
        x = torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()).to(model.device)
        features = model.features(model.normalise(x))
    with torch.inference_mode():
        return [float(value) for value in model.scores(features.float())[:, k]]


def area(curve: np.ndarray) -> float:
    """Area under values at equal distances over [0, 1], by trapezoids."""
    return float((curve[1:] + curve[:-1]).mean() / 2)


def pointing(values: np.ndarray, mask: np.ndarray, label: int, tolerance: int = POINT_TOLERANCE) -> float | None:
    """Does the highest point of a map (H, W) lie within ``tolerance`` pixels of the class ``label`` in a mask (H, W)?

    1 or 0; where several pixels share the maximum, the share of them that do. A map without any evidence points nowhere: 0.
    None where the mask does not have the class. Distances are Euclidean; ignored pixels are no object.
    """
    there = (mask == label) & (mask != IGNORE)
    if not there.any():
        return None
    if values.max() <= 0:
        return 0.0
    rows, columns = np.nonzero(values == values.max())
    near = cv2.distanceTransform((~there).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= tolerance
    return float(near[rows, columns].mean())
