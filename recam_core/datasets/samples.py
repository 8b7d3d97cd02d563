"""Pictures that come with the project: drawn scenes with exact masks, and free photos with masks that were drawn by hand."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from recam_core.datasets.class_names import VOC_CLASSES, known_name
from recam_core.datasets.scenes import Scenes
from recam_core.images.masks import read_label_map
from recam_core.images.pictures import read_image
from recam_core.records import IGNORE, Picture, UserError
from recam_core.system.project_files import ASSETS

FILES = ASSETS / "samples"
PACKAGE = find_spec("skimage")  # found, not imported: that would take longer than the first picture's maps
PACKAGE_FILES = Path(PACKAGE.origin if PACKAGE and PACKAGE.origin else "").parent / "data"


@dataclass(frozen=True)
class Photo:
    """A photo as people name it, what it shows in COCO's names, and whose it is; NOTICE says more."""

    title: str
    classes: tuple[str, ...]
    credit: str
    file: str = ""  # among FILES; otherwise scikit-image's wheel has it
    wheel_file: str = ""  # there, if it is not the sample's name


PHOTOS = {
    "chelsea": Photo("cat", ("cat",), "Stefan van der Walt, CC0"),
    "astronaut": Photo("astronaut", ("person",), "NASA, public domain"),
    "coffee": Photo("coffee", ("cup", "spoon", "dining table"), "Rachel Michetti, CC0"),
    "camera": Photo("camera", ("person",), "Lav Varshney, CC0"),
    "motorcycle": Photo(
        "motorbike",
        ("motorcycle", "bicycle"),
        "Middlebury Stereo 2014, Scharstein et al.",
        wheel_file="motorcycle_left.png",
    ),
    "hopper": Photo("admiral", ("person",), "US Navy, public domain", "hopper.jpg"),
}
PHOTO_CLASSES = (*VOC_CLASSES, "cup", "spoon")  # what the masks of the photos count
SCENES = {
    "scene-fish-boat": 4,
    "scene-cat-fish-boat": 10,
    "scene-bird-car-tree": 2,
    "scene-car-bus-boat": 7,
    "scene-bird-tree": 9,
    "scene-cat-dog-tree": 3,
}
SCENE_CLASSES = Scenes.classes
SCENE_MODEL, PHOTO_MODEL = "scenes", "voc"  # the bundled models for drawings and for everything else
SAMPLES = (*PHOTOS, *SCENES)


def sample_title(name: str) -> str:
    """What a person reads under a sample."""
    return PHOTOS[name].title if name in PHOTOS else " ".join(name.split("-")[1:])


def sample_labels(name: str, classes: Sequence[str]) -> tuple[str, ...]:
    """Those of ``classes`` that a sample shows, in their own names: ``tvmonitor`` or ``tv``."""
    shown = PHOTOS[name].classes if name in PHOTOS else tuple(name.split("-")[1:])
    return tuple(known for label in shown if (known := known_name(label, classes)))


def sample_model(name: str) -> str:
    """The bundled model that suits a picture."""
    return SCENE_MODEL if name in SCENES else PHOTO_MODEL


def read_sample(name: str) -> tuple[Picture, np.ndarray]:
    """A bundled picture and its label map (H, W) uint8: 0 background, class index + 1, 255 where nobody is held to it.

    The classes are ``SCENE_CLASSES`` of a scene and ``PHOTO_CLASSES`` of a photo; ``sample_mask`` speaks a model's. Raises
    ``UserError`` for a name that is not in ``SAMPLES``.
    """
    return sample_picture(name), _mask(name)


def sample_picture(name: str) -> Picture:
    """A bundled picture without its mask; ``UserError`` for a name that is not in ``SAMPLES``."""
    if name not in SAMPLES:
        raise UserError(f"There is no sample {name!r}; the samples are {', '.join(SAMPLES)}.")
    return _picture(name)


def sample_mask(name: str, classes: Sequence[str]) -> np.ndarray | None:
    """The label map (H, W) uint8 of a sample in a model's ``classes``, or None where it knows nothing that is shown.

    The mask of a scene is exact for the classes of scenes alone: to others, a drawn fish is not just background.

    ```python
    mask = recam.sample_mask("chelsea", recam.load_pair("voc").classes)  # (H, W): 0, 8 = cat, 255
    ```
    """
    mask = read_sample(name)[1]
    if name in SCENES:
        return mask if tuple(classes) == SCENE_CLASSES else None
    if not sample_labels(name, classes):
        return None
    values = np.zeros(IGNORE + 1, np.uint8)  # by value in the file: value in the answer
    values[IGNORE] = IGNORE
    for i, label in enumerate(PHOTO_CLASSES):
        if known := known_name(label, classes):
            values[i + 1] = classes.index(known) + 1
    return values[mask]


def open_picture(source: str | Path) -> Picture:
    """A file, or a bundled sample by its name."""
    return sample_picture(str(source)) if source in SAMPLES and not Path(source).exists() else read_image(Path(source))


def read_photo(name: str) -> np.ndarray:
    """The pixels (H, W, 3) uint8 of a bundled photo."""
    photo = PHOTOS[name]
    with Image.open(
        FILES / photo.file if photo.file else PACKAGE_FILES / (photo.wheel_file or f"{name}.png")
    ) as picture:
        return np.asarray(picture.convert("RGB")).copy()


@cache
def _picture(name: str) -> Picture:
    pixels = read_photo(name) if name in PHOTOS else Scenes("samples").image(SCENES[name])
    height, width = pixels.shape[:2]
    return Picture(pixels, name, hashlib.sha256(pixels.tobytes()).hexdigest(), (width, height))


@cache
def _mask(name: str) -> np.ndarray:
    if name in SCENES:
        return Scenes("samples").mask(SCENES[name])
    return read_label_map(FILES / f"{name}.png", size=_picture(name).original_size, classes=len(PHOTO_CLASSES))
