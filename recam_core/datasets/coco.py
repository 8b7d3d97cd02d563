"""``coco``: any data set in MS COCO's own file layout.

``ROOT/SPLIT/*.jpg`` beside ``ROOT/annotations/instances_SPLIT.json``. A file ``ROOT/annotations/image_labels_SPLIT.json``
({file name: [class names]}) may add pictures that have image-level labels only.
"""

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from recam_core.datasets.coco_files import read_image_labels, read_instances
from recam_core.datasets.coco_shapes import area_of
from recam_core.datasets.on_disk import check_picture, files_in, inside, read_picture, split_missing, upright_size
from recam_core.records import IGNORE, UserError
from recam_core.system.layouts import is_file, is_folder, is_plain


class Coco:
    """Pictures, image-level labels and label maps of one split.

    Category ids are sparse in COCO: classes are numbered by their order. Where objects overlap the smaller lies on top;
    crowd regions are ignored (255) unless an object lies on them. Pictures that are named but not there are left out, and
    ``missing`` names them.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, root: str, split: str) -> None:
        self.root, self.folder = Path(root), Path(root) / split
        if not root or not is_plain(split) or not is_folder(self.folder):
            raise UserError(
                f"The data set {root!r} has no folder {split[:80]!r} with pictures. Expected COCO's layout: "
                "ROOT/SPLIT/*.jpg and ROOT/annotations/instances_SPLIT.json."
            )
        inside(self.folder, self.root)
        annotations = self.root / "annotations"
        instances = inside(annotations / f"instances_{split}.json", self.root)
        found = read_instances(instances)
        categories = sorted(found["categories"], key=lambda category: category["id"])
        self.classes = tuple(category["name"] for category in categories)
        self.index = {category["id"]: k for k, category in enumerate(categories)}
        self.pictures = {entry["file_name"]: entry for entry in found["images"]}
        self.objects: dict[int, list[dict[str, Any]]] = {}
        for annotation in found["annotations"]:
            self.objects.setdefault(annotation["image_id"], []).append(annotation)
        known = {name: k for k, name in enumerate(self.classes)}
        extra = read_image_labels(inside(annotations / f"image_labels_{split}.json", self.root), known)
        self.extra = {
            name: [known[label] for label in labels] for name, labels in extra.items() if name not in self.pictures
        }
        listed = sorted([*self.pictures, *self.extra])
        self.names, self.missing = split_missing(listed, _are_there(self.folder, listed), instances.name, split)

    def __len__(self) -> int:
        return len(self.names)

    def name(self, i: int) -> str:
        """File name of picture ``i``."""
        return self.names[i]

    def image(self, i: int) -> np.ndarray:
        """(H, W, 3) uint8, upright RGB; ``UserError`` names a picture that cannot be read."""
        return read_picture(self._picture(i))

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
        info = self.pictures[self.names[i]]
        labels = np.zeros((info["height"], info["width"]), np.uint8)
        # crowds first, then from large to small: what is drawn later lies on top
        for annotation in sorted(self._annotations(i), key=lambda a: (not a["iscrowd"], -a["area"])):
            value = IGNORE if annotation["iscrowd"] else self.index[annotation["category_id"]] + 1
            labels[_area(annotation, *labels.shape)] = value
        return labels

    def has_mask(self, i: int) -> bool:
        """Are the objects of picture ``i`` outlined?"""
        return self.names[i] not in self.extra

    def check(self, i: int) -> None:
        """Raise ``UserError`` where picture ``i`` is not whole, or of another size than its annotations are for."""
        path = self._picture(i)
        check_picture(path)
        if not self.has_mask(i):
            return
        info, (width, height) = self.pictures[self.names[i]], upright_size(path)
        if (info["width"], info["height"]) != (width, height):
            raise UserError(
                f"“{path.name}” is {width}×{height} pixels, its annotations are for {info['width']}×{info['height']}; use the "
                "pictures that they were made for."
            )

    def _picture(self, i: int) -> Path:
        return inside(self.folder / self.names[i], self.root)

    def _annotations(self, i: int) -> list[dict[str, Any]]:
        picture = self.pictures.get(self.names[i])
        return [] if picture is None else self.objects.get(picture["id"], [])


def _area(annotation: dict[str, Any], height: int, width: int) -> np.ndarray:
    """(H, W) bool: where the object is."""
    try:
        return area_of(annotation.get("segmentation"), height, width)
    except Exception as error:  # numpy and pycocotools raise many kinds for odd numbers
        raise UserError(
            f"Annotation {str(annotation.get('id', '?'))[:40]} of picture {annotation['image_id']} has no usable segmentation "
            f"({str(error)[:120]}), so there is no mask to score; boxes alone serve for training only."
        ) from error


def _are_there(folder: Path, names: list[str]) -> list[bool]:
    """Which pictures are in a folder; ``UserError`` for a name that leads out of it."""
    files = files_in(folder)
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\0" in name:
            raise UserError(
                f"The annotations name the picture {name[:80]!r}, which would lie outside of {folder.name}/."
            )
    return [name in files or ("/" in name and is_file(folder / name)) for name in names]
