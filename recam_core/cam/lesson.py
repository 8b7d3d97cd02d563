"""What the lesson opens up: the features of one picture, the channels that vote for a class, features under a mask.

One look at the picture, at one scale and without its mirror image, so that every number can be followed by hand
(CAM: Zhou et al., arXiv 1512.04150; ReCAM: Chen et al., arXiv 2203.00962, sections 3 and 4). Results are frozen numpy arrays.
"""

from dataclasses import dataclass

import numpy as np
import torch

from recam_core.images.pictures import working_picture
from recam_core.networks.gradients import softmax
from recam_core.networks.memory_fallback import with_room
from recam_core.networks.model import CamModel
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import READOUTS
from recam_core.records import CAM, EPSILON, UserError
from recam_core.system.device import autocast


@dataclass(frozen=True, eq=False)
class PictureFeatures:
    """Features of one picture in both networks, (D, h, w) float32, and the weights (K, D) that read them out.

    ``stage1`` is the network trained with BCE alone, ``stage2`` that of ReCAM; ``weights`` has one entry a readout; ``bias`` (K,)
    is that of stage 2's FC1, zero where it has none.
    """

    classes: tuple[str, ...]
    stage1: np.ndarray
    stage2: np.ndarray
    weights: dict[str, np.ndarray]
    bias: np.ndarray

    def of(self, readout: str) -> np.ndarray:
        """The features that a readout is applied to, (D, h, w)."""
        return self.stage1 if READOUTS[readout].network == CAM else self.stage2

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return self.stage1.nbytes + self.stage2.nbytes + sum(w.nbytes for w in self.weights.values())


@dataclass(frozen=True, eq=False)
class ChannelVotes:
    """What w_kᵀ f(x) at one position is made of: the strongest channels, and all others summed.

    ``votes`` (t,) are ``weights`` · ``activations`` of ``channels``, the largest in size first; with ``rest`` they sum to
    ``total`` = A_k(x), the signed map at this position, in the units of the readout's logits.
    """

    channels: np.ndarray
    weights: np.ndarray
    activations: np.ndarray
    votes: np.ndarray
    rest: float
    others: int  # how many channels ``rest`` sums
    total: float


@dataclass(frozen=True, eq=False)
class MaskedFeature:
    """f_k = M_k ⊗ f of one class: ``mask`` M_k (h, w) in [0, 1), ``pooled`` GAP(f_k) (D,).

    ``energy`` (h, w) is ‖f(x)‖₂ at each position, ``masked`` (h, w) is ‖f_k(x)‖₂.
    """

    mask: np.ndarray
    energy: np.ndarray
    masked: np.ndarray
    pooled: np.ndarray

    @property
    def energy_share(self) -> float:
        """Share of the energy that the mask lets through, in [0, 1]; 0 where there is none."""
        return float(self.masked.sum() / max(self.energy.sum(), EPSILON))


@dataclass(frozen=True, eq=False)
class RowShift:
    """What c · v added to every row of W′ does: logits become ``logits`` + c · ``by``, the map ``map`` + c · ``moved``.

    ``logits`` (K,) are W′ GAP(f_k); ``by`` is vᵀ GAP(f_k), one number for all classes, so softmax does not see it.
    ``map`` (h, w) is w′_kᵀ f(x), signed, and ``moved`` (h, w) is vᵀ f(x).
    """

    logits: np.ndarray
    by: float
    map: np.ndarray
    moved: np.ndarray


def picture_features(picture: np.ndarray, pair: ModelPair, long_side: int = 512) -> PictureFeatures:
    """Run each network once over a picture (H, W, 3) uint8, brought down to ``long_side``; no scale, no mirror image.

    Raises ``UserError`` where the features are not finite, and for a model that lacks one of the networks.
    """
    pair.check_readouts(tuple(READOUTS))
    picture = working_picture(picture, long_side)
    stage1, stage2 = (_features(model, picture) for model in (pair.cam, pair.recam))
    if not (np.isfinite(stage1).all() and np.isfinite(stage2).all()):
        raise UserError(
            f"The model {pair.name} gives features that are not finite for this picture; its weights are broken."
        )
    weights = {name: _frozen(pair.network(name).class_weights(name)) for name in READOUTS}
    own = pair.recam.head.bias
    bias = np.zeros(len(pair.classes), np.float32) if own is None else _frozen(own.detach())
    return PictureFeatures(pair.classes, stage1, stage2, weights, bias)


def _features(model: CamModel, picture: np.ndarray) -> np.ndarray:
    def look(net: CamModel, together: bool) -> np.ndarray:
        with torch.inference_mode(), autocast(net.device):
            return _frozen(net.features(net.preprocess(picture))[0])

    return with_room(model, look)[0]


def _frozen(values: torch.Tensor) -> np.ndarray:
    array = values.float().cpu().contiguous().numpy().copy()
    array.setflags(write=False)
    return array


def signed_map(features: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """A_k(x) = w_kᵀ f(x) (CAM, arXiv 1512.04150, equation 2) of features (D, h, w) and one row (D,): (h, w) float64."""
    _check(features, weight)
    return np.tensordot(weight.astype(float), features.astype(float), 1)


def channel_votes(features: np.ndarray, weight: np.ndarray, row: int, column: int, top: int = 6) -> ChannelVotes:
    """The ``top`` channels that say most about a class at a position of the grid, for it or against it, and the rest.

    ``features`` (D, h, w), ``weight`` (D,). Raises ``UserError`` for a position outside of the grid.
    """
    _check(features, weight)
    height, width = features.shape[1:]
    if not (0 <= row < height and 0 <= column < width):
        raise UserError(
            f"The position must be on the grid of {height} × {width} features; got row {row}, column {column}."
        )
    here = features[:, row, column].astype(float)
    votes = weight.astype(float) * here
    channels = np.argsort(-np.abs(votes), kind="stable")[:top]
    return ChannelVotes(
        channels=channels,
        weights=weight[channels].astype(float),
        activations=here[channels],
        votes=votes[channels],
        rest=float(np.delete(votes, channels).sum()),
        others=len(votes) - len(channels),
        total=float(votes.sum()),
    )


def masked_feature(features: np.ndarray, weight: np.ndarray) -> MaskedFeature:
    """f_k = CAM_k ⊗ f (ReCAM, arXiv 2203.00962, equation 3) with CAM_k = ReLU(w_kᵀ f) / (max + 1e-5), as in training.

    ``features`` (D, h, w), ``weight`` (D,) a row of FC1.
    """
    positive = signed_map(features, weight).clip(0)
    mask = positive / (positive.max() + EPSILON)
    energy = np.sqrt((features.astype(float) ** 2).sum(axis=0))
    pooled = np.tensordot(features.astype(float), mask, 2) / mask.size
    return MaskedFeature(mask, energy, mask * energy, pooled)


def climb_scores(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """y (K,): the mean over positions of ReLU(A_k), which AdvCAM climbs (arXiv 2103.08896, equation 4).

    Never below 0. ``features`` (D, h, w), ``weights`` (K, D) of FC1. The logit is the mean before the ReLU.
    """
    return np.tensordot(weights.astype(float), features.astype(float), 1).clip(0).mean(axis=(1, 2))


def sce_value(logits: np.ndarray, target: int) -> float:
    """Softmax cross-entropy −log p_target of logits (K,) (ReCAM, arXiv 2203.00962, equation 4).

    Raises ``UserError`` for a target that is no index of a class.
    """
    z = np.asarray(logits, float)
    if not 0 <= target < len(z):
        raise UserError(f"The target must be the index of a class, 0 to {len(z) - 1}; got {target}.")
    return float(-np.log(max(softmax(z)[target], np.finfo(float).tiny)))


def row_shift(
    features: np.ndarray, wprime: np.ndarray, target: int, pooled: np.ndarray, vector: np.ndarray
) -> RowShift:
    """What adding c · ``vector`` (D,) to every row of FC2 ``wprime`` (K, D) does to SCE and to the map of ``target``.

    ``pooled`` (D,) is GAP(f_k) of the same class, ``features`` (D, h, w). Raises ``UserError`` for a target that is no index of
    a class.
    """
    if not 0 <= target < len(wprime):
        raise UserError(f"The target must be the index of a class, 0 to {len(wprime) - 1}; got {target}.")
    return RowShift(
        logits=wprime.astype(float) @ pooled,
        by=float(vector.astype(float) @ pooled),
        map=signed_map(features, wprime[target]),
        moved=signed_map(features, vector),
    )


def _check(features: np.ndarray, weight: np.ndarray) -> None:
    if features.ndim != 3 or weight.shape != features.shape[:1]:
        raise UserError(
            f"Features must be (D, h, w) and a row of weights (D,) of the same D; got {features.shape} and {weight.shape}."
        )
