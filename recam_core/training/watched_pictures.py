"""A few pictures whose maps are kept after every epoch, so that one sees them form: finding, keeping, and reading them."""

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from recam_core.datasets import Dataset
from recam_core.datasets.samples import SAMPLES, sample_labels, sample_picture
from recam_core.images.pictures import read_image, working_picture
from recam_core.images.visualise import png_bytes
from recam_core.networks.model import CamModel
from recam_core.networks.readouts import READOUTS
from recam_core.records import EpochMaps, TrainConfig, UserError, WatchedPicture
from recam_core.system.files import npz_bytes, save_atomically
from recam_core.system.folders import watched_file
from recam_core.training.passes import look, look_size
from recam_core.training.run_folder import folder_for

WATCHED, MAPS, INDEX = "watched", "maps", "pictures.json"
SHOWN = 3  # classes of a picture whose labels nobody knows


def find_watched(config: TrainConfig, dataset: Dataset) -> tuple[WatchedPicture, ...]:
    """The pictures that ``config.watch`` names: in the split, among the samples, or files; ``UserError`` for anything else."""
    if not config.watch:
        return ()
    places = {dataset.name(i): i for i in range(len(dataset))}
    pictures = []
    for name in config.watch:
        if name in places:
            pixels = dataset.image(places[name])
            classes = tuple(dataset.classes[k] for k in np.flatnonzero(dataset.labels(places[name])))
        elif name in SAMPLES:
            pixels = sample_picture(name).pixels
            classes = sample_labels(name, dataset.classes)
        else:  # asked again, whatever a page said of it before: links may have changed
            pixels, classes = read_image(watched_file(name)).pixels, ()
        pictures.append(WatchedPicture(Path(name).name, working_picture(pixels, look_size(config)), classes))
    return tuple(pictures)


def clear_watched(out: Path) -> None:
    """Take away what a run that began in this folder before has kept of its pictures."""
    for path in (*(out / MAPS).glob("stage*.npz"), *(out / WATCHED).glob("*.png"), out / WATCHED / INDEX):
        with contextlib.suppress(OSError):
            path.unlink()


def keep_watched(pictures: Sequence[WatchedPicture], out: Path) -> None:
    """Write the pictures into a run's folder, where `read_watched` finds them; nothing where there are none."""
    if not pictures:
        return
    folder_for(out / WATCHED)
    for i, picture in enumerate(pictures):
        save_atomically(out / WATCHED / f"{i:03d}.png", png_bytes(picture.pixels))
    index = [{"name": picture.name, "classes": picture.classes} for picture in pictures]
    save_atomically(out / WATCHED / INDEX, json.dumps(index, ensure_ascii=False).encode())


def read_watched(run_folder: Path) -> tuple[WatchedPicture, ...]:
    """The watched pictures of a run, in order, if it watches any; ``UserError`` where they cannot be read."""
    folder = run_folder / WATCHED
    try:
        index = json.loads((folder / INDEX).read_text("utf-8"))
        return tuple(
            WatchedPicture(entry["name"], _read_png(folder / f"{i:03d}.png"), tuple(entry["classes"]))
            for i, entry in enumerate(index)
        )
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"The watched pictures of {run_folder.name} cannot be read: {error}.") from error


def _read_png(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def keep_maps(
    pictures: Sequence[WatchedPicture], classes: Sequence[str], networks: Sequence[CamModel], out: Path, name: str
) -> str:
    """Look at every picture with each network (CAM's, then in stage 2 ReCAM's too) and keep its maps; the file in ``out``.

    Scores are those of the last network.
    """
    arrays: dict[str, np.ndarray] = {}
    for i, picture in enumerate(pictures):
        looks = [look(network, picture.pixels) for network in networks]
        scores = looks[-1].scores
        shown = [list(classes).index(k) for k in picture.classes] or np.argsort(-scores, kind="stable")[:SHOWN].tolist()
        for part in looks:
            arrays |= {f"{readout}.{i}": maps[shown] for readout, maps in part.maps.items()}
        arrays[f"scores.{i}"] = scores[shown]
        arrays[f"classes.{i}"] = np.array([classes[k] for k in shown])
    folder_for(out / MAPS)
    save_atomically(out / MAPS / name, npz_bytes(arrays))
    return f"{MAPS}/{name}"


def read_epoch_maps(run_folder: Path, file: str) -> EpochMaps:
    """The maps of all watched pictures in a file that a `MapsKept` event names; ``UserError`` where it cannot be read."""
    try:
        with np.load(run_folder / file, allow_pickle=False) as arrays:
            count = sum(key.startswith("scores.") for key in arrays.files)
            readouts = [name for name in READOUTS if f"{name}.0" in arrays.files]
            return EpochMaps(
                {name: tuple(arrays[f"{name}.{i}"] for i in range(count)) for name in readouts},
                tuple(arrays[f"scores.{i}"] for i in range(count)),
                tuple(tuple(map(str, arrays[f"classes.{i}"])) for i in range(count)),
            )
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"The maps {file} of {run_folder.name} cannot be read: {error}.") from error
