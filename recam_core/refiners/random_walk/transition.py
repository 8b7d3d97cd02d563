"""Affinities between neighbours on a grid and the transition they make, as a sparse operator.

IRN (Ahn et al., CVPR 2019, arXiv 1904.05044, equations 5 and 6; golden part 2), with the numbers of its ``propagate_to_edge``,
but never a dense hw × hw matrix: memory is O(hw · neighbours).
"""

import math
import warnings
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from recam_core.refiners.random_walk.paths import displacements, path_maxima


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Affinities a_ij of all pairs of neighbours as the rows of a sparse matrix; columns ascend within a row.

    ``crow`` (hw + 1,) and ``column`` (m,) int32, ``affinity`` (m,) float32 in [0, 1], without β; the diagonal is 1.
    """

    crow: Tensor
    column: Tensor
    affinity: Tensor

    def row(self, i: int) -> tuple[Tensor, Tensor]:
        """Flat positions of the neighbours of position ``i``, itself included, and their affinities."""
        part = slice(int(self.crow[i]), int(self.crow[i + 1]))
        return self.column[part], self.affinity[part]


def neighbours(boundary: Tensor, radius: int) -> Neighbours:
    """a_ij = 1 − the largest value of B (h, w) on the path from i to j, for all pairs nearer than ``radius``; a_ii = 1.

    (IRN, arXiv 1904.05044, equation 5.)
    """
    height, width = boundary.shape
    margin = radius - 1
    # outside of the grid B is 1: every position is a source, and pairs that leave the grid are dropped below
    padded = F.pad(boundary[None], (margin, margin, 0, margin), value=1.0)[0]
    ahead = 1 - path_maxima(padded, radius)  # (P, h, w)
    rows = torch.arange(height, device=boundary.device)[:, None]
    columns = torch.arange(width, device=boundary.device)[None]
    planes: dict[tuple[int, int], Tensor] = {(0, 0): torch.ones_like(boundary)}
    for (dy, dx), plane in zip(displacements(radius).tolist(), ahead, strict=True):
        planes[dy, dx] = plane
        planes[-dy, -dx] = plane.roll((dy, dx), (0, 1))  # what wraps around has no partner on the grid
    order = sorted(planes)
    inside = torch.stack(
        [(rows + dy >= 0) & (rows + dy < height) & (columns + dx >= 0) & (columns + dx < width) for dy, dx in order],
        dim=-1,
    )
    offsets = torch.tensor([dy * width + dx for dy, dx in order], dtype=torch.int32, device=boundary.device)
    flat = torch.arange(height * width, dtype=torch.int32, device=boundary.device).view(height, width, 1)
    crow = torch.zeros(height * width + 1, dtype=torch.int32, device=boundary.device)
    crow[1:] = inside.sum(-1).flatten().cumsum(0)
    return Neighbours(crow, (flat + offsets)[inside], torch.stack([planes[d] for d in order], dim=-1)[inside])


def transition(pairs: Neighbours, beta: float) -> tuple[Tensor, Tensor]:
    """D⁻¹ A^β as a sparse matrix (hw, hw), and d (hw,), the sums of A^β (IRN, arXiv 1904.05044, equation 6).

    Golden's T = A^β D⁻¹ acts on row vectors; A is symmetric, so this is its transpose and acts on columns: every value becomes a
    weighted mean of its neighbours' values. β = 0 makes all neighbours alike, also those behind a boundary (0⁰ = 1).
    """
    # in double precision until the last line: a walled-in position keeps nearly all of its heat, and what leaks out in
    # hundreds of steps is a difference that float32 would lose
    weight = pairs.affinity.double() ** beta
    count = len(pairs.crow) - 1
    row = torch.repeat_interleave(torch.arange(count, device=weight.device), pairs.crow.diff().long())
    sums = torch.zeros(count, dtype=weight.dtype, device=weight.device).index_add_(0, row, weight)
    values = (weight / sums[row]).float()
    with (
        warnings.catch_warnings()
    ):  # "in beta state" is no news: golden vectors check the operator, and its indices are ours
        warnings.simplefilter("ignore", UserWarning)
        matrix = torch.sparse_csr_tensor(pairs.crow, pairs.column, values, (count, count), check_invariants=False)
    return matrix, sums.float()


def power_series(t: int, tail: float) -> tuple[list[float], float]:
    """Coefficients c₀ … c_m of xᵗ in Chebyshev polynomials, and the sum of those that were left out, at most ``tail``.

    c_k = 2 · C(t, (t−k)/2) / 2ᵗ for k of the parity of t, half of it for k = 0, else 0. They sum to 1, and those past about
    √(2 t ln(2/tail)) are negligible.
    """
    coefficients, remainder = [0.0] * (t + 1), 1.0
    for k in range(t % 2, t + 1, 2):
        log = math.lgamma(t + 1) - math.lgamma((t - k) / 2 + 1) - math.lgamma((t + k) / 2 + 1) - t * math.log(2)
        coefficients[k] = math.exp(log) * (1 if k == 0 else 2)
        remainder -= coefficients[k]
        # far out the terms fall faster than a geometric series, whose sum bounds what rounding hides in 1 − Σ c
        ratio = (t - k) / (t + k + 2)
        rest = max(remainder, 0.0) if remainder > 1e-9 else coefficients[k] * ratio / (1 - ratio)
        if rest <= tail:
            return coefficients[: k + 1], rest
    return coefficients, 0.0
