"""Pictures that come with the project: drawn scenes with exact masks, and the free photos inside scikit-image's wheel."""

import hashlib
from functools import cache

import numpy as np
from skimage import data

from recam_core.datasets.scenes import Scenes
from recam_core.records import Picture, UserError

PHOTOS = {"chelsea": "cat", "astronaut": "astronaut", "coffee": "coffee"}
LABELS = {"chelsea": ("cat",), "astronaut": ("person",), "coffee": ("cup", "spoon", "dining table")}  # COCO's names
SCENES = {
    "scene-fish-boat": 4,
    "scene-cat-fish-boat": 10,
    "scene-bird-car-tree": 2,
    "scene-car-bus-boat": 7,
    "scene-bird-tree": 9,
    "scene-cat-dog-tree": 3,
}
SCENE_CLASSES = Scenes.classes
SAMPLES = (*PHOTOS, *SCENES)


def sample_title(name: str) -> str:
    """What a person reads under a sample."""
    return PHOTOS.get(name) or " ".join(name.split("-")[1:])


def sample_labels(name: str) -> tuple[str, ...]:
    """The classes that a sample shows."""
    return LABELS.get(name) or tuple(name.split("-")[1:])


def sample_model(name: str) -> str:
    """The bundled model that suits a picture: scenes for the drawn samples, photos for everything else."""
    return "scenes" if name in SCENES else "photos"


@cache
def read_sample(name: str) -> tuple[Picture, np.ndarray | None]:
    """A bundled picture and its exact label map (0 background, class index + 1), or None for a photo."""
    if name in PHOTOS:
        pixels, mask = np.ascontiguousarray(getattr(data, name)()), None
    elif name in SCENES:
        scenes = Scenes("samples")
        pixels, mask = scenes.image(SCENES[name]), scenes.mask(SCENES[name])
    else:
        raise UserError(f"There is no sample {name!r}; the samples are {', '.join(SAMPLES)}.")
    height, width = pixels.shape[:2]
    return Picture(pixels, name, hashlib.sha256(pixels.tobytes()).hexdigest(), (width, height)), mask
