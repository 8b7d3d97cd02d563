"""One call from a picture to its heatmaps, and a result that shows, draws and saves itself."""

import base64
import hashlib
import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recam_core.cam.bundle import evidence_bundle
from recam_core.cam.manifest import make_manifest
from recam_core.cam.methods import map_title
from recam_core.cam.methods.results import method_results
from recam_core.cam.pipeline import default_classes, gather_evidence, read_out
from recam_core.checkpoints.pair_file import load_pair
from recam_core.datasets.samples import PHOTO_MODEL, open_picture
from recam_core.images.pictures import read_image
from recam_core.images.visualise import overlay, png_bytes
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import lacking_sentence
from recam_core.records import (
    CAM,
    PROBABILITY,
    CamResult,
    DisplayOptions,
    Evidence,
    HeatmapOptions,
    Picture,
    UserError,
)
from recam_core.system.device import pick_device
from recam_core.system.files import write_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_WIDTH = 180  # of a map in a notebook, in CSS pixels


@dataclass(frozen=True, eq=False)
class Explanation(Mapping[str, CamResult]):
    """The heatmaps of a picture by readout, with the evidence that they were read out of.

    A notebook shows it as a table, a row a class and a column a readout; ``display`` is how maps are painted and masks made.
    """

    picture: Picture
    pair: ModelPair
    evidence: Evidence
    results: dict[str, CamResult]
    display: DisplayOptions

    def __getitem__(self, readout: str) -> CamResult:
        return self.results[readout]

    def __iter__(self) -> Iterator[str]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that were looked for, in the order of the rows of every map."""
        return next(iter(self.results.values())).classes

    def painted(self, **display: Any) -> "Explanation":
        """The same maps, painted otherwise: fields of ``DisplayOptions`` such as ``threshold`` or ``palette``."""
        return replace(self, display=replace(self.display, **display))

    def files(self) -> dict[str, bytes]:
        """The evidence bundle: relative name → contents."""
        return evidence_bundle(
            list(self.results.values()),
            class_ids=self.pair.class_ids(self.classes),
            display=self.display,
            manifest=make_manifest(self.picture, self.pair, self.evidence),
        )

    def save(self, folder: str | Path) -> Path:
        """Write the evidence bundle, as ``recam explain --out`` does, and return its folder."""
        write_folder(self.files(), folder)
        return Path(folder)

    def plot(self) -> "Figure":
        """A matplotlib figure: a row a class, the picture and a column for each readout; ``UserError`` without matplotlib."""
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise UserError("Plots are drawn by matplotlib, which is not installed: pip install matplotlib.") from error
        rows = self._rows()
        columns = ["", *(map_title(name) for name in self)]
        size = 2.2 * len(columns), 2.4 * len(rows)
        figure, axes = pyplot.subplots(len(rows), len(columns), figsize=size, squeeze=False, layout="constrained")
        for (title, images), line in zip(rows, axes, strict=True):
            for column, image, place in zip(columns, [self.evidence.picture, *images], line, strict=True):
                place.imshow(image)
                place.set_title(column or title, fontsize=9)
                place.set_axis_off()
        pyplot.close(figure)  # shown once, by whoever it is returned to
        return figure

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{html.escape(map_title(name))}</th>" for name in self)
        rows = "".join(
            f"<tr><th>{html.escape(title)}</th>{''.join(map(_cell, images))}</tr>" for title, images in self._rows()
        )
        about = html.escape(f"{self.picture.name} · {self.pair.name} · {self.pair.backbone}")
        return f"<table><caption>{about}</caption><tr><th></th>{heads}</tr>{rows}</table>"

    def _rows(self) -> list[tuple[str, list[np.ndarray]]]:
        """A class with its probability, and its overlays (H, W, 3) by readout."""
        paint = self.display.palette, self.display.opacity, self.display.grow
        word = PROBABILITY[self.evidence.activation]
        first = next(iter(self.results.values()))
        return [
            (f"{name}, {word} {score:.2f}", [overlay(r.picture, r.maps[i], *paint) for r in self.results.values()])
            for i, (name, score) in enumerate(zip(first.classes, first.scores, strict=True))
        ]


def explain(
    picture: np.ndarray | Picture | bytes | str | Path,
    model: ModelPair | str | Path = PHOTO_MODEL,
    classes: Sequence[str] | None = None,
    readouts: Sequence[str] | None = None,
    options: HeatmapOptions | None = None,
    *,
    methods: Sequence[str] = (),
    device: str = "auto",
) -> Explanation:
    """Heatmaps of a picture for each readout, by default all that the model has, and for ``methods`` such as "gradcampp".

    CAM is that of Zhou et al. (arXiv 1512.04150), ReCAM that of Chen et al. (arXiv 2203.00962). ``picture`` is a file, its
    bytes, the name of a sample, or pixels (H, W, 3) uint8; ``model`` a model, or the name, file or run folder of one, which is
    then loaded onto ``device``. Classes are by default those above the model's own bound (``preselect`` in its card; else
    probability 0.5), else the most probable one. Raises ``UserError`` for a picture, model, class, readout or method that there
    is not.

    ```python
    explanation = recam.explain("chelsea", model="voc", classes=["cat"])
    explanation["w"].maps  # (1, H, W) in [0, 1]
    ```
    """
    pair = model if isinstance(model, ModelPair) else load_pair(model, pick_device(device)).folded()
    read = _read(picture)
    readouts = pair.readouts if readouts is None else readouts
    evidence = gather_evidence(read.pixels, pair, options or HeatmapOptions(), readouts)
    chosen = default_classes(evidence) if classes is None else list(classes)
    results = {readout: read_out(evidence, readout, chosen) for readout in readouts}
    results |= {made.readout: made for made in method_results(evidence, pair, methods, chosen)}
    if not results:
        raise UserError(lacking_sentence(pair.name, (), (CAM,)))
    return Explanation(read, pair, evidence, results, DisplayOptions())


def _read(picture: np.ndarray | Picture | bytes | str | Path) -> Picture:
    if isinstance(picture, Picture):
        return picture
    if isinstance(picture, np.ndarray):
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise UserError(f"Pixels must be (H, W, 3) uint8; got {picture.shape} {picture.dtype}.")
        height, width = picture.shape[:2]
        return Picture(picture, "pixels", hashlib.sha256(picture.tobytes()).hexdigest(), (width, height))
    return read_image(picture) if isinstance(picture, bytes) else open_picture(picture)


def _cell(image: np.ndarray) -> str:
    data = base64.b64encode(png_bytes(image)).decode()
    return f'<td><img width="{SHOWN_WIDTH}" src="data:image/png;base64,{data}"></td>'
