"""``coco``: any data set in MS COCO's own file layout.

``ROOT/SPLIT/*.jpg`` beside ``ROOT/annotations/instances_SPLIT.json``. A file ``ROOT/annotations/image_labels_SPLIT.json``
({file name: [class names]}) may add pictures that have image-level labels only.
"""

import math
from pathlib import Path, PurePosixPath

import numpy as np

from recam_core.datasets.coco_files import Entry, read_image_labels, read_instances
from recam_core.datasets.coco_shapes import Outline, is_outlined, outline_of
from recam_core.datasets.on_disk import (
    as_they_lie,
    boxes_inside,
    check_picture,
    files_below,
    files_in,
    inside,
    read_picture,
    split_missing,
    upright_size,
)
from recam_core.records import IGNORE, UserError
from recam_core.system.layouts import is_file, is_folder, is_plain

POLYGONS = 50_000  # of a picture; each takes time


class Coco:
    """Pictures, image-level labels and label maps of one split.

    Category ids are sparse in COCO: classes are numbered by their order. Where objects overlap the smaller lies on top;
    crowd regions are ignored (255) unless an object lies on them, and so are the boxes of objects whose outline cannot be used
    whole. A picture has a mask where one of its objects is outlined, or where it has no object and those of others are outlined.
    Pictures that are named but not there are left out, and ``missing`` names them. Raises ``UserError`` where ``root`` has no
    folder for the split.
    """

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
        content = read_instances(instances)
        categories = sorted(content.categories, key=lambda category: (isinstance(category["id"], str), category["id"]))
        self.classes = tuple(category["name"] for category in categories)
        self.index = {category["id"]: k for k, category in enumerate(categories)}
        known = {name: k for k, name in enumerate(self.classes)}
        extra = read_image_labels(inside(annotations / f"image_labels_{split}.json", self.root), known)
        listed = {entry["file_name"]: entry for entry in content.images}
        names = sorted({*listed, *extra})
        files = dict(zip(names, _where(self.folder, names), strict=True))
        _, self.missing = split_missing(names, [bool(files[name]) for name in names], instances.name, split)
        self.pictures = {files[name]: entry for name, entry in listed.items() if files[name]}
        self.extra = {
            files[name]: [known[label] for label in labels]
            for name, labels in extra.items()
            if name not in listed and files[name]
        }
        self.names = sorted([*self.pictures, *self.extra])
        self.objects: dict[int | str, list[Entry]] = {}
        boxes = 0
        for annotation in content.annotations:
            self.objects.setdefault(annotation["image_id"], []).append(annotation)
            boxes += not is_outlined(annotation.get("segmentation"))
        self.outlined = boxes < len(content.annotations) or not boxes
        self.notes = content.notes
        if boxes and self.outlined:
            self.notes += (
                f"{boxes} of {len(content.annotations)} annotations have no outline: boxes serve for training only.",
            )

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
        """Label map (H, W) uint8 with 255 = ignore, or None where no object is outlined; ``UserError`` where none can be used."""
        if not self.has_mask(i):
            return None
        height, width = self._size(i)
        columns = np.zeros(width * height, np.uint8)  # one below the other, as COCO counts pixels
        outlines = self._outlines(i, height, width)
        faults = [words for words in map(_fault, outlines) if words]
        if outlines and all(outline.faults and not outline.edges for _, outline in outlines):
            raise UserError(f"{faults[0]}, so there is no mask to score; boxes alone serve for training only.")
        for annotation, outline in outlines:
            if outline.faults:
                _ignore_box(columns.reshape(width, height).T, annotation.get("bbox"))
        # crowds first, then from large to small: what is drawn later lies on top
        for annotation, outline in sorted(outlines, key=_order):
            outline.paint(columns, IGNORE if annotation["iscrowd"] else self.index[annotation["category_id"]] + 1)
        return np.ascontiguousarray(columns.reshape(width, height).T)

    def has_mask(self, i: int) -> bool:
        """Is an object of picture ``i`` outlined, or is it known that there is none?"""
        objects = self._annotations(i)
        if self.names[i] in self.extra or not objects:
            return self.names[i] not in self.extra and self.outlined
        return any(is_outlined(annotation.get("segmentation")) for annotation in objects)

    def boxes(self, i: int) -> dict[int, np.ndarray] | None:
        """Boxes (m, 4) of objects by class index, in pixels, without crowds; None for a picture with image-level labels only."""
        if self.names[i] in self.extra:
            return None
        height, width = self._checked_size(i)
        boxes = [
            (entry["category_id"], _box(entry.get("bbox"))) for entry in self._annotations(i) if not entry["iscrowd"]
        ]
        return boxes_inside([(self.index[category], box) for category, box in boxes], (width, height))

    def check(self, i: int) -> np.ndarray | None:
        """The mask; ``UserError`` where picture ``i`` is not whole, not of the size that is said, or has no usable outline."""
        check_picture(self._picture(i))
        if not self.has_mask(i):
            return None
        self._checked_size(i)
        return self.mask(i)

    def remarks(self, i: int) -> tuple[str, ...]:
        """Outlines of picture ``i`` that cannot be used."""
        if not self.has_mask(i):
            return ()
        return tuple(words for words in map(_fault, self._outlines(i, *self._size(i))) if words)

    def _outlines(self, i: int, height: int, width: int) -> list[tuple[Entry, Outline]]:
        objects = self._annotations(i)
        parts = sum(len(entry["segmentation"]) for entry in objects if isinstance(entry.get("segmentation"), list))
        if parts > POLYGONS:
            raise UserError(
                f"“{self.names[i]}” has {parts:,} polygons; at most {POLYGONS:,} are read. Store them as run lengths."
            )
        return [(entry, outline_of(entry.get("segmentation"), height, width)) for entry in objects]

    def _size(self, i: int) -> tuple[int, int]:
        """(height, width) that the annotations are for; the picture's own where the file says none."""
        entry = self.pictures[self.names[i]]
        if entry["height"] is None:
            width, height = upright_size(self._picture(i))
            return height, width
        return entry["height"], entry["width"]

    def _checked_size(self, i: int) -> tuple[int, int]:
        """(height, width) that the annotations are for; ``UserError`` where the picture has another size."""
        path, (height, width) = self._picture(i), self._size(i)
        wide, high = upright_size(path)
        if (width, height) != (wide, high):
            raise UserError(
                f"“{path.name}” is {wide}×{high} pixels, its annotations are for {width}×{height}; use the "
                "pictures that they were made for."
            )
        return height, width

    def _picture(self, i: int) -> Path:
        return inside(self.folder / self.names[i], self.root)

    def _annotations(self, i: int) -> list[Entry]:
        picture = self.pictures.get(self.names[i])
        return [] if picture is None else self.objects.get(picture["id"], [])


def _order(drawn: tuple[Entry, Outline]) -> tuple[bool, float]:
    annotation, outline = drawn
    return not annotation["iscrowd"], -(outline.area if annotation["area"] is None else annotation["area"])


def _fault(drawn: tuple[Entry, Outline]) -> str:
    """What is wrong with an outline, without a full stop; "" where all of it can be used."""
    annotation, outline = drawn
    name = f"Annotation {str(annotation.get('id', '?'))[:40]} of picture {annotation['image_id']}"
    if not outline.faults:
        return "" if outline.area else f"{name} covers no pixel"
    if outline.edges:
        return f"{name} has a part that cannot be used ({outline.faults[0]})"
    return f"{name} has no usable segmentation ({outline.faults[0]})"


def _box(box: object) -> tuple[float, ...]:
    """Left, top, right, bottom of a box that COCO's form gives by corner, width and height; () for none."""
    if not isinstance(box, list) or len(box) != 4 or not all(type(v) in (int, float) and abs(v) < 1e6 for v in box):
        return ()
    x, y, wide, high = box
    return x, y, x + wide, y + high


def _ignore_box(labels: np.ndarray, box: object) -> None:
    """Leave out of the scores where an object is whose outline is not known; nothing, where its box is not known either."""
    if corners := _box(box):
        left, top, right, bottom = corners
        labels[max(0, int(top)) : max(0, math.ceil(bottom)), max(0, int(left)) : max(0, math.ceil(right))] = IGNORE


def _where(folder: Path, names: list[str]) -> list[str]:
    """Which file in a folder each name means, "" where it is not there; ``UserError`` for a name that leads out of it."""
    files = files_in(folder)
    paths = [name if name in files else _below(folder, name) for name in names]
    if not all(paths):
        paths = as_they_lie(names, files | files_below(folder) | set(filter(None, paths)))
    for name, file in zip(names, paths, strict=True):
        path = PurePosixPath(name)
        if ".." in path.parts or "\0" in name or (path.is_absolute() and not file):
            raise UserError(
                f"The annotations name the picture {name[:80]!r}, which would lie outside of {folder.name}/."
            )
    return paths


def _below(folder: Path, name: str) -> str:
    """The path of a file deeper in a folder that is named as it lies there, else ""."""
    path = PurePosixPath(name)
    if "/" not in name or path.is_absolute() or ".." in path.parts or "\0" in name or not is_file(folder / path):
        return ""
    return str(path)
