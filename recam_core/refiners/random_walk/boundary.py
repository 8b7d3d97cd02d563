"""Boundary maps B of a picture: learned by a pair's branches (IRN, arXiv 1904.05044), or the picture's own edges."""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from recam_core.networks.boundary_branches import QUARTER, BoundaryBranches
from recam_core.networks.model import CamModel
from recam_core.networks.pair import ModelPair
from recam_core.records import BOUNDARIES, UserError
from recam_core.system.device import autocast

SIGMA = 1.5  # pixels: noise below it is no edge
QUANTILE = 0.98  # of the quarter-size gradients: what counts as a whole boundary
LEAST = 8.0  # grey levels a pixel that a whole boundary has at least, so that a flat picture has none


def boundary_sources(pair: ModelPair) -> tuple[str, ...]:
    """The names of `BOUNDARIES` that this pair can make, the learned one first where it has branches."""
    return tuple(name for name in BOUNDARIES if name != "learned" or pair.boundary is not None)


def boundary_map(pair: ModelPair, picture: np.ndarray, source: str = "learned") -> np.ndarray:
    """Boundary map B (h, w) float32 in [0, 1] of a picture (H, W, 3) uint8; h = (H−1)//4+1, w = (W−1)//4+1.

    ``learned`` (IRN, Ahn et al., CVPR 2019, arXiv 1904.05044, section 4) is the sigmoid of the mean of the logits of picture and
    mirror image. Unlike IRN's ``EdgeDisplacement``, and like ReCAM's copy of it, the picture is neither padded to 512 × 512
    (GroupNorm would see the padding) nor cropped to it. ``gradient`` is the gradient magnitude of the picture itself
    (`gradient_boundary`). Raises ``UserError`` for another source or picture, where the model has no branches or the device's
    memory does not suffice, and for values that are not finite.

    ```python
    pair, (picture, mask) = recam.load_pair("scenes"), recam.read_sample("scene-fish-boat")
    boundary = recam.boundary_map(pair, picture.pixels)
    ```
    """
    if source not in BOUNDARIES:
        raise UserError(f"A boundary map is one of {', '.join(BOUNDARIES)}; got {source!r}.")
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or picture.size == 0:
        raise UserError(f"A picture must be (H, W, 3) uint8; got {picture.shape} {picture.dtype}.")
    if source == "gradient":
        return gradient_boundary(picture)
    if pair.boundary is None:
        raise UserError(
            f"The model {pair.name} has no boundary branches: train them with python -m recam_core train-boundary "
            f"--model {pair.name} --dataset … --out …, or choose the boundary map gradient, which needs no training."
        )
    try:
        with torch.inference_mode():
            x = pair.edges.preprocess(picture)
            logits = edge_logits(pair.edges, pair.boundary, torch.cat([x, x.flip(-1)]))
            boundary = logits.sigmoid().cpu().numpy()
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"The memory of {pair.edges.device} does not suffice for the boundaries of this picture; "
            "choose a smaller working size."
        ) from error
    if not np.isfinite(boundary).all():
        raise UserError(
            f"The boundary branches of {pair.name} give values that are not finite; their weights are broken."
        )
    return boundary


def edge_logits(model: CamModel, branches: BoundaryBranches, views: Tensor, crop: int | None = None) -> Tensor:
    """Boundary logits (h, w): the mean over a picture and its mirror image, which ``views`` are, normalised (2, 3, H, W).

    With ``crop`` both are first padded with zeros at right and bottom to crop × crop, as IRN's own code does (golden part 3,
    ``irn_edge_displacement_full``), and the logits cut back. Raises ``UserError`` for a picture that is larger than the crop.
    """
    height, width = ((side - 1) // QUARTER + 1 for side in views.shape[-2:])
    if crop is not None:
        if max(views.shape[-2:]) > crop:
            raise UserError(f"A picture of {views.shape[-1]} × {views.shape[-2]} pixels does not fit a crop of {crop}.")
        views = F.pad(views, (0, crop - views.shape[-1], 0, crop - views.shape[-2]))
    with autocast(model.device):
        logits = branches.edges(model.stages(views))[:, 0, :height, :width].float()
    return (logits[0] + logits[1].flip(-1)) / 2


def gradient_boundary(picture: np.ndarray) -> np.ndarray:
    """Gradient magnitude of a picture (H, W, 3) uint8 as a boundary map (h, w) in [0, 1]: the baseline without training.

    Gaussian derivatives of each colour channel (σ = 1.5 pixels), the largest of the three, the largest of each 4 × 4 pixels,
    divided by their 98 % quantile, at least 8 grey levels a pixel.
    """
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), SIGMA, borderType=cv2.BORDER_REPLICATE)
    dy, dx = (
        cv2.Sobel(smooth, cv2.CV_32F, *order, ksize=3, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
        for order in ((0, 1), (1, 0))
    )
    strength = torch.from_numpy(np.hypot(dy, dx).max(axis=2))[None]
    coarse = F.max_pool2d(strength, QUARTER, ceil_mode=True)[0].numpy()
    return np.clip(coarse / max(float(np.quantile(coarse, QUANTILE)), LEAST), 0, 1).astype(np.float32)
