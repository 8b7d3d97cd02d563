"""How good the networks are after an epoch, on some pictures of another split: ranking by FC1, and seeds by readout."""

import time
from collections.abc import Iterator, Sequence

import numpy as np

from recam_core.cam.pipeline import read_out
from recam_core.datasets import Dataset, open_dataset
from recam_core.evaluation.classification import mean_average_precision
from recam_core.evaluation.evaluate import check_size, to_size
from recam_core.evaluation.metrics import THRESHOLDS, figures
from recam_core.evaluation.sweep import ThresholdSweep, count_pixels
from recam_core.images.masks import shown_classes
from recam_core.images.pictures import working_picture
from recam_core.networks.model import CamModel
from recam_core.records import Evidence, HeatmapOptions, PictureSkipped, TrainConfig, UserError, Validated
from recam_core.training.passes import Look, look, look_size


def open_validation(config: TrainConfig, classes: Sequence[str]) -> "Validation | None":
    """The split ``config.validation``, if one is asked for; it must have the classes that are trained.

    Raises ``UserError`` where it has others, or no picture.
    """
    if not config.validation:
        return None
    dataset = open_dataset(config.dataset, config.root, config.validation)
    if tuple(dataset.classes) != tuple(classes):
        raise UserError(
            f"The split {config.validation!r} has {len(dataset.classes)} classes, the one that is trained on "
            f"{len(classes)}; to be scored on, they must be the same in the same order."
        )
    if len(dataset) == 0:
        raise UserError(f"The split {config.validation!r} has no picture to score; choose another --validation.")
    return Validation(dataset, config)


class Validation:
    """At most ``validation_pictures`` of a data set, evenly spread, to be scored after every epoch."""

    def __init__(self, dataset: Dataset, config: TrainConfig) -> None:
        self.dataset, count = dataset, len(dataset)
        self.pictures = np.unique(np.linspace(0, count - 1, min(count, config.validation_pictures)).round().astype(int))
        self.options = HeatmapOptions(flip=False, long_side=look_size(config))

    def score(self, model: CamModel, stage: int, epoch: int) -> Iterator[PictureSkipped | Validated]:
        """Look once at every picture; what cannot be read is left out and named. Draws no random number, changes no mode."""
        start, classes = time.perf_counter(), self.dataset.classes
        sweeps = {name: ThresholdSweep(len(classes)) for name in model.readouts}
        scores, labels, masked = [], [], False  # the last: has anything been there to find
        for i in map(int, self.pictures):
            try:
                picture, row, mask = self.dataset.image(i), self.dataset.labels(i), self.dataset.mask(i)
                if mask is not None:
                    check_size(picture, mask, self.dataset.name(i))
                small = working_picture(picture, self.options.long_side)
            except (UserError, OSError) as error:
                yield PictureSkipped(self.dataset.name(i), str(error))
                continue
            answer = look(model, small)
            scores.append(answer.scores)
            labels.append(row)
            if mask is not None:
                masked |= len(shown_classes(mask)) > 0
                self._count(answer, small, np.flatnonzero(row).tolist(), mask, sweeps)
        best = {name: sweep.best() for name, sweep in sweeps.items()} if masked else {}
        yield Validated(
            stage,
            epoch,
            len(scores),
            mean_average_precision(np.array(scores), np.array(labels)) if scores else None,
            {name: round(float(figures(sweeps[name].confusion(i))["miou"]), 6) for name, i in best.items()},
            {name: round(float(THRESHOLDS[i]), 2) for name, i in best.items()},
            time.perf_counter() - start,
        )

    def _count(
        self, answer: Look, picture: np.ndarray, ids: list[int], mask: np.ndarray, sweeps: dict[str, ThresholdSweep]
    ) -> None:
        """Seeds as this field scores them: the maps of the true classes compete with a threshold."""
        names = tuple(self.dataset.classes)
        scale_maps: dict[str, tuple[np.ndarray, ...]] = {readout: (maps,) for readout, maps in answer.maps.items()}
        evidence = Evidence(picture, names, answer.scores, scale_maps, self.options, "", 0.0, 1)
        for readout, sweep in sweeps.items():
            maps = np.zeros((0, *mask.shape), np.float32)
            if ids:
                maps = to_size(read_out(evidence, readout, [names[k] for k in ids]).maps, mask.shape)
            sweep.add(count_pixels(maps, ids, mask, len(names) + 1))
