"""Pseudo masks of a whole data set: label maps made from heatmaps of the classes that a picture is known to hold.

What a segmentation network is then trained on. Files are whole or not there, so work that was stopped goes on where it was,
and several processes share it without talking to one another.
"""

import contextlib
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from recam_core.datasets import Dataset
from recam_core.evaluation.evaluate import check_classes, to_size, true_maps
from recam_core.images.decoding import decoding, open_image
from recam_core.images.pictures import working_picture
from recam_core.images.visualise import labels_from_maps, palette_png_bytes
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import known_readouts
from recam_core.records import Finished, HeatmapOptions, MaskStep, UserError
from recam_core.refiners import Refinement
from recam_core.system.files import parent_for, save_atomically, write_folder
from recam_core.system.launcher import Share

SETTINGS = "seeds.json"


@dataclass(frozen=True)
class PseudoMaskOptions:
    """How a picture whose classes are known becomes a label map.

    A pixel is background where no map of a true class exceeds ``threshold``; maps are refined first where that is asked for.
    Raises ``UserError`` for a threshold outside of [0, 1], and for a readout that there is not.
    """

    threshold: float
    readout: str = "w"
    refinement: Refinement | None = None
    view: HeatmapOptions = field(default_factory=HeatmapOptions)

    def __post_init__(self) -> None:
        known_readouts([self.readout])
        if not 0 <= self.threshold <= 1:
            raise UserError(f"The background threshold must be from 0 to 1; got {self.threshold}.")

    def to_json(self) -> dict[str, Any]:
        """The settings that the masks depend on."""
        refine = "none" if self.refinement is None else self.refinement.name
        settings: dict[str, Any] = {"readout": self.readout, "refine": refine, "threshold": self.threshold}
        settings |= asdict(self.view) | {"scales": list(self.view.scales)}
        return settings if self.refinement is None else settings | {refine: self.refinement.to_json()}


def pseudo_mask(pair: ModelPair, picture: np.ndarray, ids: Sequence[int], options: PseudoMaskOptions) -> np.ndarray:
    """Label map (H, W) uint8 of a picture (H, W, 3) that holds the classes ``ids``: 0 background, else class id + 1."""
    size = picture.shape[:2]
    if not ids:
        return np.zeros(size, np.uint8)
    maps = true_maps(pair, picture, ids, options.view, [options.readout], options.refinement)[options.readout]
    return labels_from_maps(to_size(maps, size), ids, options.threshold)


def write_masks(
    pair: ModelPair,
    dataset: Dataset,
    options: PseudoMaskOptions,
    out: Path,
    source: tuple[str, str] = ("", ""),
    share: Share | None = None,
) -> Iterator[MaskStep | Finished]:
    """Write this process's share of a data set's masks as PNG with palette; the last event counts them.

    ``out/NAME.png`` for picture NAME, and ``out/seeds.json`` with every setting. A whole file that is there is kept; a picture
    that cannot be read is skipped, and its event says why. ``source`` is kind and split of the data set. Raises
    ``UserError`` where ``out`` holds masks made with other settings.

    ```python
    pair, dataset = recam.load_pair("scenes"), recam.open_dataset("scenes", "", "samples")
    *_, finished = recam.write_masks(pair, dataset, recam.PseudoMaskOptions(threshold=0.3), Path("masks"))
    ```
    """
    check_classes(pair, dataset)
    start, share = time.perf_counter(), share or Share()
    names = mask_names(dataset)
    _settle(parent_for(out / SETTINGS), _described(pair, options, source, names))
    mine = share.of(len(dataset))
    states: Counter[str] = Counter(written=0, kept=0, skipped=0)
    for done, i in enumerate(mine, 1):
        state, why = _make(pair, dataset, i, options, out, names[i])
        states[state] += 1
        yield MaskStep(done, len(mine), dataset.name(i), state, why)
    yield Finished(str(out), time.perf_counter() - start, {name: float(count) for name, count in states.items()})


def _make(
    pair: ModelPair, dataset: Dataset, i: int, options: PseudoMaskOptions, out: Path, name: str
) -> tuple[str, str]:
    """What became of picture ``i``, and why."""
    if is_whole(out / name):
        return "kept", ""
    try:  # what is wrong with this one picture; anything else that is wrong ends the work
        picture, labels = dataset.image(i), dataset.labels(i)
        working_picture(picture, options.view.long_side)
    except UserError as error:
        return "skipped", str(error)
    labelled = pseudo_mask(pair, picture, np.flatnonzero(labels).tolist(), options)
    write_folder({name: palette_png_bytes(labelled)}, out)
    return "written", ""


def mask_names(dataset: Dataset) -> list[str]:
    """A file name for each picture's mask: its own with ``.png``, the whole name before it where two would be alike."""
    names = [PurePosixPath(dataset.name(i)) for i in range(len(dataset))]
    short = [str(name.with_suffix(".png")) for name in names]
    often = Counter(short)
    return [s if often[s] == 1 else f"{name}.png" for s, name in zip(short, names, strict=True)]


def is_whole(path: Path) -> bool:
    """Is there a PNG with a palette that can be read to its end?"""
    if not path.is_file():
        return False
    with contextlib.suppress(UserError), decoding(path.name):
        image = open_image(path.read_bytes(), path.name, ("PNG",))
        image.load()
        return image.mode == "P"
    return False


def _described(
    pair: ModelPair, options: PseudoMaskOptions, source: tuple[str, str], names: Sequence[str]
) -> dict[str, Any]:
    """Everything the masks depend on; a label value is the position of its class here, plus one."""
    return {
        "model": pair.name,
        "model_sha256": pair.sha256,
        "dataset": source[0],
        "split": source[1],
        "pictures": len(names),
        "names_sha256": hashlib.sha256("\n".join(names).encode()).hexdigest(),
        "classes": list(pair.classes),
        **options.to_json(),
    }


def _settle(path: Path, described: dict[str, Any]) -> None:
    """Leave the settings beside the masks, or see that masks that are there were made with the same."""
    mask = next(path.parent.rglob("*.png"), None)  # looked for first: other processes write settings before any mask
    if mask is None:
        save_atomically(path, (json.dumps(described, indent=1, ensure_ascii=False) + "\n").encode())
    elif path.exists():
        _compare(path, described)
    else:
        raise UserError(
            f"{path.parent} holds PNG files ({mask.name}) but no {SETTINGS} that says what they are; choose an empty folder."
        )


def _compare(path: Path, described: dict[str, Any]) -> None:
    try:
        there = dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path} holds no settings that can be read ({error}); choose another folder.") from error
    for key, value in described.items():
        if there.get(key) != value:
            raise UserError(
                f"{path.parent} holds masks made with another {key} ({there.get(key)}; now {value}): go on with the same "
                "settings, or choose another folder."
            )
