"""Fitting LPCAM's prototypes (Chen & Sun, CVPR 2023, arXiv 2303.15052, section 3): local features of a class, clustered.

The equations, with numbers by hand, are in docs/methods.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from recam_core.cam.methods.local_prototypes import class_direction, class_probability
from recam_core.cam.pipeline import gather_evidence, read_out
from recam_core.datasets import Dataset
from recam_core.evaluation.evaluate import check_classes
from recam_core.networks.model import CamModel
from recam_core.networks.pair import ModelPair
from recam_core.records import EvalStep, HeatmapOptions, UserError

ROUNDS = 100  # of k-means at most
SAMPLE_SIZE = 20_000  # features of a class and side that are clustered, drawn from all of them


@dataclass(frozen=True)
class PrototypeOptions:
    """Which features are clustered, and which clusters count; the defaults are those of the authors' code.

    Features where the class's map exceeds ``foreground`` make class prototypes, those below it contexts. A class prototype is a
    centre whose class probability exceeds ``certain``, a context one whose probability is between ``unlikely`` and ``certain``.
    Raises ``UserError`` for a value out of its range.
    """

    clusters: int = 12
    foreground: float = 0.1
    certain: float = 0.9
    unlikely: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.clusters <= 1000:
            raise UserError(f"The number of clusters must be 1 to 1000; got {self.clusters}.")
        if not 0 <= self.unlikely < self.certain <= 1 or not 0 <= self.foreground < 1:
            raise UserError(
                "Expected 0 ≤ unlikely < certain ≤ 1 and a foreground threshold from 0 to below 1; got "
                f"{self.unlikely:g}, {self.certain:g} and {self.foreground:g}."
            )


@dataclass(frozen=True, eq=False)
class Prototypes:
    """What was fitted: ``directions`` (K, D), and how many class prototypes and contexts each class has."""

    directions: Tensor
    counts: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        centres, contexts = (sum(side) for side in zip(*self.counts, strict=True))
        empty = sum(not centre for centre, _ in self.counts)
        without = f"; {empty} classes have no picture and so no map" if empty else ""
        return f"{centres} class prototypes and {contexts} contexts of {len(self.counts)} classes{without}"


def fit_prototypes(
    pair: ModelPair, dataset: Dataset, readout: str, options: PrototypeOptions, view: HeatmapOptions
) -> Iterator[EvalStep | Prototypes]:
    """Prototypes of the network that ``readout`` is of; its maps, made as ``view`` says, tell object from context.

    Only image-level labels are asked for. Pictures that cannot be read are passed over. The last event is the result. Raises
    ``UserError`` where no map exceeds the threshold in any picture.
    """
    check_classes(pair, dataset)
    model = pair.network(readout)
    draws = torch.Generator().manual_seed(options.seed)
    samples = {(k, side): Sample(draws) for k in range(len(pair.classes)) for side in (True, False)}
    for i in range(len(dataset)):
        ids = np.flatnonzero(dataset.labels(i)).tolist()
        try:
            picture = dataset.image(i) if ids else None
        except UserError:
            picture = None
        if picture is not None:
            for k, features, on in _local_features(pair, model, picture, ids, readout, options, view):
                samples[k, True].add(features[on])
                samples[k, False].add(features[~on])
        yield EvalStep(i + 1, len(dataset), dataset.name(i))
    weights = model.classifier_weights().cpu().float()
    rows: list[Tensor] = []
    counts: list[tuple[int, int]] = []
    for k in range(len(pair.classes)):
        centres, contexts = (
            cosine_kmeans(samples[k, side].rows, options.clusters, draws).reshape(-1, weights.shape[1])
            for side in (True, False)
        )
        centres, contexts = _chosen(centres, contexts, weights, k, options)
        rows.append(class_direction(centres, contexts) if len(centres) else torch.zeros(weights.shape[1]))
        counts.append((len(centres), len(contexts)))
    if not any(centre for centre, _ in counts):
        raise UserError("No picture of this split has a class whose map exceeds the threshold; choose another split.")
    yield Prototypes(torch.stack(rows).to(model.device), tuple(counts))


def _local_features(
    pair: ModelPair,
    model: CamModel,
    picture: np.ndarray,
    ids: list[int],
    readout: str,
    options: PrototypeOptions,
    view: HeatmapOptions,
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """For each class of a picture its features (h·w, D), and which of them its map marks, (h·w,) bool."""
    evidence = gather_evidence(picture, pair, view, [readout])
    maps = torch.from_numpy(read_out(evidence, readout, [pair.classes[k] for k in ids]).maps)
    with torch.inference_mode():
        features = model.features(model.preprocess(evidence.picture))[0].float().cpu()  # (D, h, w)
    marked = F.interpolate(maps[None], features.shape[1:])[0] > options.foreground  # the nearest pixel, as in the code
    for k, on in zip(ids, marked, strict=True):
        yield k, features.flatten(1).T, on.flatten()


def _chosen(
    centres: Tensor, contexts: Tensor, weights: Tensor, k: int, options: PrototypeOptions
) -> tuple[Tensor, Tensor]:
    """The centres that are certainly of the class (the most certain one where none is), and contexts that are not."""
    if len(centres):
        sure = class_probability(centres, weights, k)
        centres = centres[(sure > options.certain) | ((sure == sure.max()) & (sure.max() <= options.certain))]
    if len(contexts):
        sure = class_probability(contexts, weights, k)
        contexts = contexts[(sure > options.unlikely) & (sure < options.certain)]
    return centres, contexts


class Sample:
    """At most ``SAMPLE_SIZE`` of the rows that were added, each as likely as any other."""

    def __init__(self, draws: torch.Generator) -> None:
        self.draws = draws
        self.keys, self.rows = torch.zeros(0), torch.zeros(0, 0)

    def add(self, rows: Tensor) -> None:
        """Take in rows (m, D)."""
        keys = torch.cat([self.keys, torch.rand(len(rows), generator=self.draws)])
        every = torch.cat([self.rows, rows]) if len(self.rows) else rows
        drawn = keys.topk(min(SAMPLE_SIZE, len(keys)), largest=False, sorted=False).indices
        self.keys, self.rows = keys[drawn], every[drawn]


def cosine_kmeans(rows: Tensor, clusters: int, draws: torch.Generator) -> Tensor:
    """Centres (at most ``clusters``, D) of rows (m, D): each is the mean of the rows that are nearest to it by cosine."""
    if not len(rows):
        return rows
    centres = rows[torch.randperm(len(rows), generator=draws)[:clusters]]
    unit, nearest = F.normalize(rows, dim=1), torch.full((len(rows),), -1)
    for _ in range(ROUNDS):
        before, nearest = nearest, (unit @ F.normalize(centres, dim=1).T).argmax(dim=1)
        if torch.equal(before, nearest):
            break
        sums = torch.zeros_like(centres).index_add_(0, nearest, rows)
        sizes = nearest.bincount(minlength=len(centres))[:, None]
        centres = torch.where(sizes > 0, sums / sizes.clamp_min(1), centres)
    return centres
