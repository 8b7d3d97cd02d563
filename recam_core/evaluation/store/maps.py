"""The maps of one picture that an evaluation counts: readouts, the same refined, methods, and baselines."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from recam_core.cam.methods.results import method_gap, method_results
from recam_core.cam.pipeline import gather_evidence, read_out
from recam_core.evaluation.evaluate import to_size
from recam_core.evaluation.store.map_names import RESET
from recam_core.networks.heads import head_settings
from recam_core.networks.pair import ModelPair, build_pair
from recam_core.records import CAM, HeatmapOptions
from recam_core.records.stored import BASELINES
from recam_core.refiners import Refinement
from recam_core.refiners.subject import Subject

BLOB = 4  # the centre blob's standard deviation is the picture's side over this
COARSE = 16  # a random map has a value every so many pixels, and is smooth between


@dataclass(frozen=True, eq=False)
class MapMaker:
    """Makes the maps of picture after picture: ``readouts``, with a ``refinement`` also refined, ``methods`` and baselines.

    ``reset`` is the pair with random weights that baselines compare with; it is read out with the same readouts, or with
    CAM where none are asked for, and then ``methods`` are its alone.
    """

    pair: ModelPair
    options: HeatmapOptions
    readouts: tuple[str, ...]
    refinement: Refinement | None = None
    reset: ModelPair | None = None
    methods: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What the maps are kept as."""
        refined = [] if self.refinement is None else [f"{name}-{self.refinement.name}" for name in self.readouts]
        methods = self.methods if self.looks else ()
        reset = (*self._reset_readouts, *self._reset_methods)
        baselines = [] if self.reset is None else [*BASELINES, *(f"{RESET}{name}" for name in reset)]
        return (*self.readouts, *refined, *methods, *baselines)

    @property
    def looks(self) -> bool:
        """Whether more than baselines is asked for; of a model that CAM does not apply to, methods alone."""
        return bool(self.readouts) or not self.pair.readouts

    @property
    def _reset_readouts(self) -> tuple[str, ...]:
        return self.readouts or tuple(name for name in (CAM, "w") if name in self.pair.readouts)

    @property
    def _reset_methods(self) -> tuple[str, ...]:
        return tuple(name for name in self.methods if self.reset is not None and not method_gap(self.reset, name))

    def __call__(
        self, picture: np.ndarray, ids: Sequence[int], size: tuple[int, int], name: str
    ) -> dict[str, np.ndarray]:
        """Maps (n, H, W) float32 of the picture's n classes at ``size``, by name; without classes they are empty."""
        if not ids:
            return {map_name: np.zeros((0, *size), np.float32) for map_name in self.names}
        classes = [self.pair.classes[k] for k in ids]
        maps: dict[str, np.ndarray] = {}
        if self.looks:
            evidence = gather_evidence(picture, self.pair, self.options, self.readouts)
            subject = Subject(self.pair, evidence, tuple(classes), self.readouts)
            maps |= {result.readout: result.maps for result in subject.results}
            if self.refinement is not None:
                refined = self.refinement.results(subject)
                maps |= {f"{result.readout}-{self.refinement.name}": result.maps for result in refined}
            methods = method_results(evidence, self.pair, self.methods, classes)
            maps |= {result.readout: result.maps for result in methods}
        if self.reset is not None:
            maps |= baseline_maps(len(ids), size, name)
            evidence = gather_evidence(picture, self.reset, self.options, self._reset_readouts)
            maps |= {f"{RESET}{r}": read_out(evidence, r, classes).maps for r in self._reset_readouts}
            methods = method_results(evidence, self.reset, self._reset_methods, classes)
            maps |= {f"{RESET}{result.readout}": result.maps for result in methods}
        return {map_name: to_size(values, size) for map_name, values in maps.items()}


def baseline_maps(count: int, size: tuple[int, int], name: str) -> dict[str, np.ndarray]:
    """Maps (n, H, W) in [0, 1] that know nothing of the picture but its size; the random one follows from its ``name``.

    Where maps of several classes are alike, the class that comes first in the model's list has every pixel.
    """
    height, width = size
    rng = np.random.default_rng(list(hashlib.sha256(name.encode()).digest()[:8]))
    rows, columns = max(2, height // COARSE), max(2, width // COARSE)
    coarse = rng.random((count, rows, columns), np.float32)
    random = np.stack([cv2.resize(one, (width, height), interpolation=cv2.INTER_LINEAR) for one in coarse])
    y, x = (((np.arange(side) + 0.5) / side - 0.5) * BLOB for side in size)
    blob = np.exp(-0.5 * (y[:, None] ** 2 + x[None] ** 2)).astype(np.float32)
    return {
        "random": random / random.max(axis=(1, 2), keepdims=True),
        "everything": np.ones((count, height, width), np.float32),
        "centre": np.repeat(blob[None], count, axis=0),
    }


def reset_pair(pair: ModelPair, seed: int = 2018) -> ModelPair:
    """The same networks with random weights: what is left of a map when nothing was learned (Adebayo et al., 2018)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads = {network.head.network: head_settings(network.head) for network in pair.networks}
        fresh = build_pair(
            f"{pair.name} with random weights", pair.backbone, pair.classes, networks=pair.network_names, heads=heads
        )
    for network in fresh.networks:
        network.to(pair.recam.device).requires_grad_(False)
    return fresh
