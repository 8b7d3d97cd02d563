"""``coco``: any data set in MS COCO's own file layout, read with pycocotools.

``ROOT/SPLIT/*.jpg`` beside ``ROOT/annotations/instances_SPLIT.json``. A file ``ROOT/annotations/image_labels_SPLIT.json``
({file name: [class names]}) may add pictures that have image-level labels only.
"""

import contextlib
import io
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from recam_core.images import read_image
from recam_core.records import IGNORE, UserError

MAX_BYTES = 1 << 28  # a data set's own pictures may be larger than an upload
FULL_SIZE = 1 << 16
_PRINTING = threading.Lock()  # stdout is the whole process's: who redirects it does so alone


class Coco:
    """Pictures, image-level labels and label maps of one split.

    Category ids are sparse in COCO: classes are numbered by their order. Where objects overlap the smaller lies on top;
    crowd regions are ignored (255) unless an object lies on them.
    """

    def __init__(self, root: str, split: str) -> None:
        self.folder = Path(root) / split
        instances = Path(root) / "annotations" / f"instances_{split}.json"
        if not root or not self.folder.is_dir():
            raise UserError(
                f"The data set {root!r} has no folder {split!r} with pictures. Expected COCO's layout: "
                "ROOT/SPLIT/*.jpg and ROOT/annotations/instances_SPLIT.json."
            )
        self.coco = _read_instances(instances)
        categories = sorted(self.coco.dataset["categories"], key=lambda category: category["id"])
        self.classes = tuple(str(category["name"]) for category in categories)
        self.index = {category["id"]: k for k, category in enumerate(categories)}
        self.ids: dict[str, int] = {str(i["file_name"]): int(i["id"]) for i in self.coco.dataset["images"]}
        extra = self._read_labels(Path(root) / "annotations" / f"image_labels_{split}.json")
        self.extra = {name: labels for name, labels in extra.items() if name not in self.ids}
        self.names = sorted([*self.ids, *self.extra])
        missing = [name for name in self.names if not (self.folder / name).is_file()]
        if missing:
            raise UserError(
                f"{instances.name} names {len(missing)} of {len(self.names)} pictures that are not in {self.folder.name}/, "
                f"for example {missing[0]}. Copy them there, or use annotations that belong to this folder."
            )

    def __len__(self) -> int:
        return len(self.names)

    def name(self, i: int) -> str:
        """File name of picture ``i``."""
        return self.names[i]

    def image(self, i: int) -> np.ndarray:
        """(H, W, 3) uint8, upright RGB."""
        return read_image(self.folder / self.names[i], max_bytes=MAX_BYTES, keep_side=FULL_SIZE).pixels

    def labels(self, i: int) -> np.ndarray:
        """Multi-hot (K,) float32; crowds count as present."""
        present = np.zeros(len(self.classes), np.float32)
        if self.names[i] in self.extra:
            present[self.extra[self.names[i]]] = 1
        for annotation in self._annotations(i):
            present[self.index[annotation["category_id"]]] = 1
        return present

    def mask(self, i: int) -> np.ndarray | None:
        """Label map (H, W) uint8 with 255 = ignore, or None for a picture that has image-level labels only."""
        if self.names[i] in self.extra:
            return None
        info = self.coco.imgs[self.ids[self.names[i]]]
        labels = np.zeros((info["height"], info["width"]), np.uint8)
        # crowds first, then from large to small: what is drawn later lies on top
        for annotation in sorted(self._annotations(i), key=lambda a: (not a["iscrowd"], -a["area"])):
            value = IGNORE if annotation["iscrowd"] else self.index[annotation["category_id"]] + 1
            labels[self._shape(annotation) > 0] = value
        return labels

    def _shape(self, annotation: dict[str, Any]) -> np.ndarray:
        try:
            return self.coco.annToMask(annotation)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise UserError(
                f"Annotation {annotation.get('id', '?')} of picture {annotation['image_id']} has no usable segmentation, so "
                "there is no mask to score; boxes alone serve for training only."
            ) from error

    def _annotations(self, i: int) -> list[dict[str, Any]]:
        return self.coco.imgToAnns.get(self.ids.get(self.names[i], -1), [])

    def _read_labels(self, path: Path) -> dict[str, list[int]]:
        if not path.is_file():
            return {}
        known = {name: k for k, name in enumerate(self.classes)}
        try:
            return {
                name: [known[label] for label in labels] for name, labels in json.loads(path.read_text("utf-8")).items()
            }
        except KeyError as error:
            raise UserError(f"{path.name} names the class {error}, which the instances file does not have.") from error
        except (ValueError, AttributeError, TypeError) as error:
            raise UserError(f"{path.name} must hold {{file name: [class names]}} as JSON; {error}.") from error


def _read_instances(path: Path) -> COCO:
    if not path.is_file():
        raise UserError(
            f"There is no {path.name} in {path.parent.name}/; COCO's annotations of this split belong there."
        )
    try:
        with _PRINTING, contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports its progress with print
            coco = COCO(str(path))
    except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
        raise UserError(f"{path.name} is not a COCO instances file: {error}.") from error
    _check_entries(path.name, coco.dataset)
    if len(coco.dataset["categories"]) > IGNORE - 1:
        raise UserError(f"{path.name} has more than {IGNORE - 1} categories, which do not fit label maps of 8 bits.")
    return coco


FIELDS = {
    "images": ("id", "file_name", "height", "width"),
    "annotations": ("image_id", "category_id", "iscrowd", "area"),
    "categories": ("id", "name"),
}


def _check_entries(name: str, instances: dict[str, Any]) -> None:
    for part, fields in FIELDS.items():
        if not isinstance(instances.get(part), list):
            raise UserError(f"{name} has no list of {part}; expected a COCO instances file.")
        for i, entry in enumerate(instances[part]):
            absent = [field for field in fields if field not in entry]
            if absent:
                raise UserError(
                    f"{name}: entry {i} of {part} has no {', '.join(absent)}; expected a COCO instances file."
                )
    known = {category["id"] for category in instances["categories"]}
    unknown = {annotation["category_id"] for annotation in instances["annotations"]} - known
    if unknown:
        raise UserError(f"{name} uses the category {min(unknown)}, which its categories do not list.")
