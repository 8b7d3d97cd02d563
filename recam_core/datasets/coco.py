"""``coco``: any data set in MS COCO's own file layout, read with pycocotools.

``ROOT/SPLIT/*.jpg`` beside ``ROOT/annotations/instances_SPLIT.json``. A file ``ROOT/annotations/image_labels_SPLIT.json``
({file name: [class names]}) may add pictures that have image-level labels only.
"""

import contextlib
import io
import json
import threading
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from recam_core.datasets.on_disk import check_picture, files_in, read_picture, split_missing, upright_size
from recam_core.records import IGNORE, UserError

_PRINTING = threading.Lock()  # stdout is the whole process's: who redirects it does so alone


class Coco:
    """Pictures, image-level labels and label maps of one split.

    Category ids are sparse in COCO: classes are numbered by their order. Where objects overlap the smaller lies on top;
    crowd regions are ignored (255) unless an object lies on them. Pictures that are named but not there are left out, and
    ``missing`` names them.
    """

    notes: tuple[str, ...] = ()

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
        listed = sorted([*self.ids, *self.extra])
        self.names, self.missing = split_missing(listed, _are_there(self.folder, listed), instances.name, split)

    def __len__(self) -> int:
        return len(self.names)

    def name(self, i: int) -> str:
        """File name of picture ``i``."""
        return self.names[i]

    def image(self, i: int) -> np.ndarray:
        """(H, W, 3) uint8, upright RGB; ``UserError`` names a picture that cannot be read."""
        return read_picture(self.folder / self.names[i])

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

    def has_mask(self, i: int) -> bool:
        """Are the objects of picture ``i`` outlined?"""
        return self.names[i] not in self.extra

    def check(self, i: int) -> None:
        """Raise ``UserError`` where picture ``i`` is not whole, or of another size than its annotations are for."""
        path = self.folder / self.names[i]
        check_picture(path)
        if not self.has_mask(i):
            return
        info, (width, height) = self.coco.imgs[self.ids[self.names[i]]], upright_size(path)
        if (info["width"], info["height"]) != (width, height):
            raise UserError(
                f"“{path.name}” is {width}×{height} pixels, its annotations are for {info['width']}×{info['height']}; use the "
                "pictures that they were made for."
            )

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


def _are_there(folder: Path, names: list[str]) -> list[bool]:
    """Which pictures are in a folder; ``UserError`` for a name that leads out of it."""
    files = files_in(folder)
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\0" in name:
            raise UserError(
                f"The annotations name the picture {name[:80]!r}, which would lie outside of {folder.name}/."
            )
    return [name in files or ("/" in name and (folder / name).is_file()) for name in names]


def _read_instances(path: Path) -> COCO:
    if not path.is_file():
        unlabelled = path.with_name(path.name.replace("instances_", "image_info_"))
        if unlabelled.is_file():
            raise UserError(f"{unlabelled.name} lists pictures without labels (a test split), {UNLABELLED}")
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


UNLABELLED = (
    "so there is nothing to train on or to score. Choose a split with annotations, such as train2017 or val2017."
)
FIELDS = {
    "images": ("id", "file_name", "height", "width"),
    "annotations": ("image_id", "category_id", "iscrowd", "area"),
    "categories": ("id", "name"),
}


def _check_entries(name: str, instances: dict[str, Any]) -> None:
    if isinstance(instances.get("images"), list) and "annotations" not in instances:
        raise UserError(
            f"{name} has no annotations: it lists pictures only (COCO's files of test splits do), {UNLABELLED}"
        )
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
