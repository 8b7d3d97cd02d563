"""Confident labels of a data set's pictures from a pair's own heatmaps, as PNG files in a run's folder."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from recam_core.cam.pipeline import gather_evidence, read_out
from recam_core.datasets import Dataset
from recam_core.images.pictures import working_picture
from recam_core.images.visualise import palette_png_bytes
from recam_core.networks.pair import ModelPair
from recam_core.records import MULTI_SCALE, BoundaryConfig, HeatmapOptions, MaskStep, PictureSkipped, UserError
from recam_core.system.files import save_atomically
from recam_core.training.boundary.confident_labels import confident_labels
from recam_core.training.run_folder import folder_for

SEED_SETTINGS = ("dataset", "split", "readout", "foreground", "background", "refinement", "multi_scale", "long_side")


class BoundarySeeds:
    """What the branches learn from. The folder is named by what the labels depend on, so that they are made once."""

    def __init__(self, pair: ModelPair, config: BoundaryConfig, dataset: Dataset, out: Path) -> None:
        self.pair, self.config, self.dataset = pair, config, dataset
        made_from = {name: getattr(config, name) for name in SEED_SETTINGS} | {"model": pair.sha256}
        self.folder = out / f"seeds-{hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:12]}"

    def make(self) -> Iterator[MaskStep | PictureSkipped]:
        """Labels of every picture that can be read, each in its own file; those that are there stay."""
        folder_for(self.folder)
        total = len(self.dataset)
        for i in range(total):
            there = self._file(i).exists()
            if not there:
                try:
                    labels = self._labels(i)
                except (UserError, OSError) as error:
                    yield PictureSkipped(self.dataset.name(i), str(error))
                    continue
                save_atomically(self._file(i), palette_png_bytes(labels))
            yield MaskStep(i + 1, total, self.dataset.name(i), "kept" if there else "written")

    def read(self, i: int) -> np.ndarray:
        """Labels of a picture at its working size (H, W) uint8."""
        with Image.open(self._file(i)) as image:
            return np.asarray(image)

    def _labels(self, i: int) -> np.ndarray:
        config, ids = self.config, [int(k) for k in np.flatnonzero(self.dataset.labels(i))]
        picture = working_picture(self.dataset.image(i), config.long_side)
        maps = np.zeros((0, *picture.shape[:2]), np.float32)
        if ids:
            scales = MULTI_SCALE if config.multi_scale else (1.0,)
            view = HeatmapOptions(scales, long_side=config.long_side)
            evidence = gather_evidence(picture, self.pair, view, (config.readout,))
            maps = read_out(evidence, config.readout, [self.pair.classes[k] for k in ids]).maps
        return confident_labels(picture, maps, ids, config.foreground, config.background, config.refinement)

    def _file(self, i: int) -> Path:
        return self.folder / f"{i:06d}.png"
