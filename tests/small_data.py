"""Small data sets of every kind, made by hand, for tests."""

import json

import numpy as np
from PIL import Image

from recam_core.datasets.scenes import Scenes
from recam_core.evaluation.localisation import boxes_of

H, W = 40, 50
XML = "<annotation><filename>{name}.jpg</filename>{objects}</annotation>"
OBJECT = "<object><name>{label}</name><difficult>{difficult}</difficult><bndbox><xmin>1</xmin></bndbox></object>"


def picture(path, size=(W, H), colour=(10, 20, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def label_map(path, values, palette=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(values, np.uint8))
    if palette:
        image.putpalette(bytes(range(256)) * 3)
    image.save(path)


def annotate(root, name, *objects):
    body = "".join(OBJECT.format(label=label, difficult=difficult) for label, difficult in objects)
    (root / "Annotations" / f"{name}.xml").write_text(XML.format(name=name, objects=body), "utf-8")


def make_voc(tmp_path):
    """A devkit of three pictures: train has two, val one; of 2007_000003 nobody drew a mask."""
    root = tmp_path / "VOCdevkit" / "VOC2012"
    lists = root / "ImageSets" / "Segmentation"
    for folder in (lists, root / "Annotations"):
        folder.mkdir(parents=True)
    for name in ("2007_000001", "2007_000002", "2007_000003"):
        picture(root / "JPEGImages" / f"{name}.jpg")
    annotate(root, "2007_000001", ("dog", 0), ("person", 1))
    annotate(root, "2007_000002", ("cat", 0))
    annotate(root, "2007_000003", ("sofa", 0))
    values = np.zeros((H, W))
    values[:10], values[10] = 12, 255  # dog, and its border
    label_map(root / "SegmentationClass" / "2007_000001.png", values, palette=True)
    label_map(root / "SegmentationClass" / "2007_000002.png", np.full((H, W), 8), palette=True)
    (lists / "train.txt").write_text("2007_000001\n2007_000003\n")
    (lists / "val.txt").write_text("2007_000002\n")
    return root


def make_pets(tmp_path):
    """A folder with a folder of cats and one of dogs, and one mask."""
    root = tmp_path / "pets"
    picture(root / "cat" / "a.jpg")
    picture(root / "cat" / "b.PNG")
    picture(root / "dog" / "a.jpg")
    values = np.zeros((H, W))
    values[5:9] = 2
    label_map(root / "masks" / "dog" / "a.png", values)
    return root


def make_coco(tmp_path):
    """A split of two pictures with annotations of three classes, one of them overlapping."""
    root = tmp_path / "coco"
    for name in ("a.png", "b.png"):
        picture(root / "val" / name)
    square = [[5, 5, 15, 5, 15, 15, 5, 15]]
    content = {
        "images": [{"id": n, "file_name": f, "height": H, "width": W} for n, f in ((1, "a.png"), (2, "b.png"))],
        "categories": [{"id": 3, "name": "cat"}, {"id": 17, "name": "dog"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": 3,
                "segmentation": square,
                "area": 100,
                "iscrowd": 0,
                "bbox": [5, 5, 10, 10],
            }
        ],
    }
    (root / "annotations").mkdir()
    (root / "annotations" / "instances_val.json").write_text(json.dumps(content))
    return root


def make_boxed_scenes(tmp_path, count=3):
    """Drawn scenes in COCO's layout, split ``val``: boxes around their objects, and no outline."""
    root, scenes = tmp_path / "boxed", Scenes("samples")
    images, annotations = [], []
    for i in range(count):
        name, pixels, mask = f"{i}.png", scenes.image(i), scenes.mask(i)
        (root / "val").mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / "val" / name)
        images.append({"id": i, "file_name": name, "height": pixels.shape[0], "width": pixels.shape[1]})
        for k in np.flatnonzero(scenes.labels(i)).tolist():
            for left, top, right, bottom in boxes_of(mask == k + 1).tolist():
                box = [left, top, right - left, bottom - top]
                annotations.append({"id": len(annotations), "image_id": i, "category_id": k, "bbox": box, "iscrowd": 0})
    categories = [{"id": k, "name": name} for k, name in enumerate(scenes.classes)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations").mkdir()
    (root / "annotations" / "instances_val.json").write_text(json.dumps(content))
    return root
