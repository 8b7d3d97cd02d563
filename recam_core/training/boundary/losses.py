"""The losses of boundary branches (IRN, arXiv 1904.05044, sections 4.1 to 4.3; golden part 3), pure functions.

The arithmetic is that of IRN's ``AffinityDisplacementLoss``. Pairs are those of `recam_core.refiners.random_walk.paths`: P
directions, S sources as rows and columns. Sums run over the whole batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from recam_core.records import EPSILON
from recam_core.refiners.random_walk.paths import displacements, pair_ends, path_maxima


@dataclass(frozen=True, eq=False)
class PairLabels:
    """What confident labels say about every pair, (B, P, rows, columns) bool: both background, one class, two labels."""

    background: Tensor
    foreground: Tensor
    different: Tensor


@dataclass(frozen=True, eq=False)
class BoundaryLosses:
    """The terms of IRN's loss, scalars; those of the displacement are 0 where there is no such branch."""

    background: Tensor
    foreground: Tensor
    negative: Tensor
    background_displacement: Tensor
    foreground_displacement: Tensor

    @property
    def positive(self) -> Tensor:
        """Pairs of one label: background and classes count half each."""
        return (self.background + self.foreground) / 2

    @property
    def displacement(self) -> Tensor:
        """Both displacement terms."""
        return self.background_displacement + self.foreground_displacement

    @property
    def total(self) -> Tensor:
        """What is minimised."""
        return (self.positive + self.negative) / 2 + self.displacement / 2


def pair_labels(labels: Tensor, radius: int, classes: int) -> PairLabels:
    """Labels (B, h, w), 0 = background, class index + 1, and what is above ``classes`` ignored, → labels of pairs."""
    source, destination = pair_ends(labels, radius)
    valid = (source <= classes) & (destination <= classes)
    same = valid & (source == destination)
    return PairLabels(same & (source == 0), same & (source > 0), valid & (source != destination))


def affinities(edges: Tensor, radius: int) -> Tensor:
    """Edge logits (B, 1, h, w) → a = 1 − the largest boundary probability on the path, (B, P, rows, columns)."""
    return 1 - path_maxima(edges[:, 0].sigmoid(), radius)


def boundary_losses(edges: Tensor, moves: Tensor | None, labels: Tensor, radius: int, classes: int) -> BoundaryLosses:
    """All terms from edge logits (B, 1, h, w), displacements (B, 2, h, w) or None, and confident labels (B, h, w)."""
    pairs = pair_labels(labels, radius, classes)
    affinity = affinities(edges, radius)
    same, different = -torch.log(affinity + EPSILON), -torch.log(1 + EPSILON - affinity)
    zero = edges.new_zeros(())
    return BoundaryLosses(
        background=_mean(same, pairs.background),
        foreground=_mean(same, pairs.foreground),
        negative=_mean(different, pairs.different),
        background_displacement=zero if moves is None else _displacement(moves, pairs.background, radius, False),
        foreground_displacement=zero if moves is None else _displacement(moves, pairs.foreground, radius, True),
    )


def _displacement(moves: Tensor, pairs: Tensor, radius: int, towards: bool) -> Tensor:
    """How far the difference of two displacements is from the pair's own (one instance's centre) or from 0 (background)."""
    source, destination = pair_ends(moves, radius)  # (B, 2, 1 or P, rows, columns)
    difference = source - destination
    if towards:
        target = torch.from_numpy(displacements(radius).copy()).to(moves)  # (P, 2)
        difference = difference - target.T[None, :, :, None, None]
    return (difference.abs() * pairs[:, None]).sum() / (2 * pairs.sum() + EPSILON)


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    return (values * chosen).sum() / (chosen.sum() + EPSILON)
