"""Counting pixels before and after many walks at once: each picture is looked at once, and shorter walks lie on longer ones."""

from collections.abc import Iterator, Sequence

import numpy as np

from recam_core.cam.pipeline import gather_evidence, read_out
from recam_core.datasets import Dataset
from recam_core.evaluation.evaluate import to_size
from recam_core.evaluation.sweep import PixelCounts, count_pixels
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import READOUTS
from recam_core.records import CamResult, HeatmapOptions, RandomWalkOptions
from recam_core.refiners.random_walk.boundary import boundary_map
from recam_core.refiners.random_walk.result import walked_result
from recam_core.refiners.random_walk.walk import RandomWalk

VIEW = HeatmapOptions()


def measure_walks(
    pair: ModelPair, dataset: Dataset, sources: Sequence[str], walks: Sequence[RandomWalkOptions]
) -> Iterator[dict[str, PixelCounts]]:
    """Counts of each picture by ``name_of`` boundary, walk and readout; empty where it has no mask.

    Everything about a picture is computed once: its evidence, a boundary map a source, one walk for all t and all readouts.
    """
    for i in range(len(dataset)):
        mask = dataset.mask(i)
        if mask is None:
            yield {}
            continue
        ids = [int(k) for k in np.flatnonzero(dataset.labels(i))]
        counts = {}
        for name, maps in _maps(pair, dataset.image(i), ids, sources, walks, mask.shape):
            counts[name] = count_pixels(to_size(maps, mask.shape), ids, mask, len(pair.classes) + 1)
        yield counts


def name_of(readout: str, source: str = "", walk: RandomWalkOptions | None = None) -> str:
    """What counts are kept under; those before the walk have no source."""
    return f"before {readout}" if walk is None else f"{source} β{walk.beta:g} t{walk.steps} {readout}"


def _maps(
    pair: ModelPair,
    picture: np.ndarray,
    ids: Sequence[int],
    sources: Sequence[str],
    walks: Sequence[RandomWalkOptions],
    size: tuple[int, ...],
) -> Iterator[tuple[str, np.ndarray]]:
    if not ids:
        nothing = np.zeros((0, *size), np.float32)
        yield from ((name_of(r), nothing) for r in READOUTS)
        yield from ((name_of(r, s, w), nothing) for s in sources for w in walks for r in READOUTS)
        return
    evidence = gather_evidence(picture, pair, VIEW)
    results = [read_out(evidence, readout, [pair.classes[k] for k in ids]) for readout in READOUTS]
    yield from ((name_of(result.readout), result.maps) for result in results)
    for source in sources:
        boundary = boundary_map(pair, evidence.picture, source)
        for beta in {walk.beta for walk in walks}:
            wanted = [walk for walk in walks if walk.beta == beta]
            yield from _walked(results, RandomWalk(boundary, _longest(wanted), pair.recam.device), source, wanted)


def _longest(walks: Sequence[RandomWalkOptions]) -> RandomWalkOptions:
    return max(walks, key=lambda walk: walk.steps)


def _walked(
    results: Sequence[CamResult], walk: RandomWalk, source: str, wanted: Sequence[RandomWalkOptions]
) -> Iterator[tuple[str, np.ndarray]]:
    """Maps of all readouts at every wanted t, from one walk on which the shorter ones lie."""
    start = np.concatenate([result.grid for result in results])
    at = {options.steps: options for options in wanted}
    for t, maps in enumerate(walk.steps(start)):
        if t in at:
            for result, own in zip(results, np.split(maps, len(results)), strict=True):
                yield name_of(result.readout, source, at[t]), walked_result(result, own).maps
