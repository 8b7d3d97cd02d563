"""Masks of heatmaps, and boxes around their regions, as others' tools read labels: COCO JSON, YOLO, Pascal VOC XML."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np
from pycocotools.mask import encode

from recam_core.cam.regions import boxes

PICTURE = "picture.png"  # the file of a bundle that they are about


def annotation_files(masks: Sequence[np.ndarray], classes: Sequence[str], class_ids: Sequence[int]) -> dict[str, bytes]:
    """Masks (H, W) bool of some classes in three formats: file name → contents.

    ``coco.json``: a mask a class as compressed RLE, its box around all of it; category ids are class ids + 1. ``yolo.txt`` (class
    id, centre, size as shares of the picture) and ``voc.xml`` (pixels from 1): a box a region.
    """
    regions = [boxes(mask) for mask in masks]
    return {
        "coco.json": _coco(masks, classes, class_ids),
        "yolo.txt": _yolo(regions, class_ids, masks[0].shape),
        "voc.xml": _voc(regions, classes, masks[0].shape),
    }


def _coco(masks: Sequence[np.ndarray], classes: Sequence[str], class_ids: Sequence[int]) -> bytes:
    height, width = masks[0].shape
    described: Mapping[str, Any] = {
        "images": [{"id": 1, "file_name": PICTURE, "width": width, "height": height}],
        "categories": [{"id": k + 1, "name": name} for k, name in zip(class_ids, classes, strict=True)],
        "annotations": [
            _coco_row(number, mask, k)
            for number, (mask, k) in enumerate(zip(masks, class_ids, strict=True), start=1)
            if mask.any()
        ],
    }
    return json.dumps(described, ensure_ascii=False).encode()


def _coco_row(number: int, mask: np.ndarray, class_id: int) -> dict[str, Any]:
    code = encode(np.asfortranarray(mask.astype(np.uint8)))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return {
        "id": number,
        "image_id": 1,
        "category_id": class_id + 1,
        "iscrowd": 0,
        "area": int(mask.sum()),
        "bbox": [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1],
        "segmentation": {"size": code["size"], "counts": code["counts"].decode("ascii")},
    }


def _yolo(
    regions: Sequence[Sequence[tuple[int, int, int, int]]], class_ids: Sequence[int], shape: tuple[int, ...]
) -> bytes:
    height, width = shape
    lines = [
        f"{k} {(x + w / 2) / width:.6f} {(y + h / 2) / height:.6f} {w / width:.6f} {h / height:.6f}\n"
        for k, rectangles in zip(class_ids, regions, strict=True)
        for x, y, w, h in rectangles
    ]
    return "".join(lines).encode()


def _voc(
    regions: Sequence[Sequence[tuple[int, int, int, int]]], classes: Sequence[str], shape: tuple[int, ...]
) -> bytes:
    root = ElementTree.Element("annotation")
    _tag(root, "filename", PICTURE)
    size = ElementTree.SubElement(root, "size")
    for name, value in zip(("width", "height", "depth"), (shape[1], shape[0], 3), strict=True):
        _tag(size, name, value)
    for label, rectangles in zip(classes, regions, strict=True):
        for x, y, w, h in rectangles:
            thing = ElementTree.SubElement(root, "object")
            for name, text in (("name", label), ("truncated", "0"), ("difficult", "0")):
                _tag(thing, name, text)
            box = ElementTree.SubElement(thing, "bndbox")
            for name, value in zip(("xmin", "ymin", "xmax", "ymax"), (x + 1, y + 1, x + w, y + h), strict=True):
                _tag(box, name, value)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8")


def _tag(parent: ElementTree.Element, name: str, value: object) -> None:
    ElementTree.SubElement(parent, name).text = str(value)
