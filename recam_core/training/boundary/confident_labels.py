"""Confident labels from heatmaps: what boundary branches learn from (IRN, arXiv 1904.05044, section 4.1).

As IRN's ``cam_to_ir_label`` makes them (golden part 2, ``irn_confident_label_nocrf``).
"""

import importlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from recam_core.images.visualise import labels_from_maps
from recam_core.records import IGNORE, SEED_REFINEMENTS, UserError
from recam_core.refiners.pamr.equations import pamr


def confident_labels(
    picture: np.ndarray,
    maps: np.ndarray,
    class_ids: Sequence[int],
    foreground: float,
    background: float,
    refinement: str = "none",
) -> np.ndarray:
    """Label map (H, W) uint8 of a picture (H, W, 3) from its maps (n, H, W) in [0, 1]: 0, class id + 1, or 255 = ignore.

    A pixel is its class where the strongest map exceeds ``foreground``, background where none exceeds ``background``, and
    ignored between them. Each of the two label maps is refined first, by one of `SEED_REFINEMENTS`. Raises ``UserError`` for
    another refinement, and for maps of another size.
    """
    if refinement not in SEED_REFINEMENTS:
        raise UserError(f"A refinement of seeds is one of {', '.join(SEED_REFINEMENTS)}; got {refinement!r}.")
    if maps.shape[1:] != picture.shape[:2]:
        raise UserError(
            f"The maps are {maps.shape[1:]}, the picture {picture.shape[:2]}; they must have the same size."
        )
    n = len(class_ids)
    refine = REFINE[refinement]
    above = refine(picture, labels_from_maps(maps, range(n), foreground), n + 1)
    below = refine(picture, labels_from_maps(maps, range(n), background), n + 1)
    named = np.array([0, *(k + 1 for k in class_ids)], np.uint8)[above]
    return np.where(above > 0, named, np.where(below > 0, np.uint8(IGNORE), np.uint8(0)))


def _as_they_are(picture: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    return labels


def _refined_by_pamr(picture: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    pixels = torch.from_numpy(picture.transpose(2, 0, 1).astype(np.float32) / 255)
    masks = F.one_hot(torch.from_numpy(labels.astype(np.int64)), count).permute(2, 0, 1).float()
    return pamr(pixels, masks).argmax(dim=0).numpy().astype(np.uint8)


def _refined_by_crf(picture: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Dense CRF with the settings of the official code; a picture of background alone stays so."""
    try:
        densecrf = importlib.import_module("pydensecrf.densecrf")
        utils = importlib.import_module("pydensecrf.utils")
    except ImportError as error:
        raise UserError(
            "The refinement crf needs the package pydensecrf2 (pip install pydensecrf2; it builds with a C++ compiler). "
            "The refinement pamr is built in."
        ) from error
    if count < 2:
        return labels
    height, width = labels.shape
    field = densecrf.DenseCRF2D(width, height, count)
    field.setUnaryEnergy(utils.unary_from_labels(labels, count, gt_prob=0.7, zero_unsure=False))
    field.addPairwiseGaussian(sxy=3, compat=3)
    field.addPairwiseBilateral(sxy=50, srgb=5, rgbim=np.ascontiguousarray(picture), compat=10)
    probabilities = np.asarray(field.inference(10)).reshape(count, height, width)
    return probabilities.argmax(axis=0).astype(np.uint8)


REFINE: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "none": _as_they_are,
    "pamr": _refined_by_pamr,
    "crf": _refined_by_crf,
}
