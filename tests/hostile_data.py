"""Data sets and checkpoints that are damaged or lie, each kind by a function of a seeded generator."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

WIDTH, HEIGHT = 50, 40
NONSENSE: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**400, float("nan"), float("inf"), "", "a.png", "../a.png", "/etc/passwd", "C:\\a.png", "\0",
    "\ud800", "x" * 5000, [], {}, [[]], [[1, 1]], [[0, 0, 1e300, 0, 9, 9]], [[float("nan")] * 6],
    {"size": [HEIGHT, WIDTH], "counts": "~" * 99},
    {"size": [HEIGHT, WIDTH], "counts": [-1, 2000]}, {"size": [10**9, 10**9], "counts": [1]}, {"counts": []},
)  # fmt: skip
CELLS = ("a.png", "b.png", "dog", "cat;dog", '"', '""', '"dog', "'", ",", ";", "|", "\t", "\r", "\n", "\r\n", "sep=;\n", "\0",
         "\ufeff",        "file", "labels", "['dog'", "[\"dog\", 3]", "é", "1", "../x", "x" * 3000)  # fmt: skip
LINES = (
    "a",
    "b.png",
    "a 1",
    "b -1",
    '"a"',
    "../a",
    "/etc/passwd",
    "a\0",
    "é",
    "",
    " ",
    "\\",
    "JPEGImages/a.png x.png",
    "a " * 3000,
)
XML = ("<annotation>", "</annotation>", "<object>", "</object>", "<name>dog</name>", "<name>", "&lol;", "<part>", "]]>", "\0",
       '<!DOCTYPE a [<!ENTITY lol "lol">]>', '<?xml version="1.0" encoding="klingon"?>', "<a>" * 3000, "é")  # fmt: skip


def _png(rng: np.random.Generator) -> bytes:
    """A mask of any pixel type and size, sometimes damaged."""
    mode = str(rng.choice(["1", "L", "P", "RGB", "RGBA", "LA", "I;16"]))
    size = (WIDTH, HEIGHT) if rng.random() < 0.7 else (int(rng.integers(1, 99)), int(rng.integers(1, 99)))
    image = Image.fromarray(rng.integers(0, int(rng.choice([1, 2, 3, 256])), size[::-1], dtype=np.uint8))
    stream = io.BytesIO()
    image.convert("I;16" if mode == "I;16" else mode).save(stream, "PNG")
    return _damaged(rng, stream.getvalue()) if rng.random() < 0.5 else stream.getvalue()


def _damaged(rng: np.random.Generator, data: bytes) -> bytes:
    changed = bytearray(data)
    for where in rng.integers(0, len(changed), int(rng.integers(0, 20))):
        changed[where] = rng.integers(0, 256)
    return bytes(changed[: int(rng.integers(0, len(changed) + 1))]) if rng.random() < 0.5 else bytes(changed)


def _some(rng: np.random.Generator, parts: tuple[str, ...], most: int) -> bytes:
    text = "".join(str(part) for part in rng.choice(np.array(parts, object), int(rng.integers(0, most))))
    return text.encode(str(rng.choice(["utf-8", "utf-16", "latin-1", "gb18030"])), "replace")


def _pictures(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True)
    for name in names:
        Image.new("RGB", (WIDTH, HEIGHT), (90, 120, 40)).save(folder / name)


def table(rng: np.random.Generator, root: Path) -> tuple[str, str]:
    """Pictures beside a table of anything."""
    _pictures(root / "in", "a.png", "b.png")
    (root / "in" / "labels.csv").write_bytes((b"file,labels\n" if rng.random() < 0.7 else b"") + _some(rng, CELLS, 40))
    return "folder", "in"


def masks(rng: np.random.Generator, root: Path) -> tuple[str, str]:
    """Pictures by class with masks of any kind."""
    for name in ("cat", "dog"):
        _pictures(root / "in" / name, "a.png")
        (root / "in" / "masks" / name).mkdir(parents=True)
        (root / "in" / "masks" / name / "a.png").write_bytes(_png(rng))
    return "folder", "in"


def instances(rng: np.random.Generator, root: Path) -> tuple[str, str]:
    """An instances file in which some values are nonsense."""
    _pictures(root / "in" / "train", "a.png", "b.png")
    square = [[5, 5, 15, 5, 15, 15, 5, 15]]
    content: dict[str, Any] = {
        "images": [
            {"id": i, "file_name": f"{name}.png", "width": WIDTH, "height": HEIGHT} for i, name in enumerate("ab")
        ],
        "annotations": [
            {
                "id": i,
                "image_id": i,
                "category_id": 1,
                "segmentation": square,
                "area": 100,
                "bbox": [5, 5, 10, 10],
                "iscrowd": 0,
            }
            for i in range(2)
        ],
        "categories": [{"id": 1, "name": "dog", "supercategory": "animal"}],
    }
    for _ in range(int(rng.integers(1, 4))):
        part = content[str(rng.choice(list(content)))]
        place = part[int(rng.integers(len(part)))]
        place[str(rng.choice(list(place)))] = NONSENSE[int(rng.integers(len(NONSENSE)))]
    data = json.dumps(content).encode()
    (root / "in" / "annotations").mkdir()
    (root / "in" / "annotations" / "instances_train.json").write_bytes(
        _damaged(rng, data) if rng.random() < 0.2 else data
    )
    return "coco", "in"


def devkit(rng: np.random.Generator, root: Path) -> tuple[str, str]:
    """A devkit with a list, an annotation and a mask of anything."""
    _pictures(root / "in" / "JPEGImages", "a.png", "b.png")
    for folder in ("Annotations", "SegmentationClass", "ImageSets/Segmentation"):
        (root / "in" / folder).mkdir(parents=True)
    lines = [f"{line}\n" for line in LINES]
    (root / "in" / "ImageSets/Segmentation/train.txt").write_bytes(
        b"a\n" * int(rng.integers(2)) + _some(rng, (*lines,), 9)
    )
    (root / "in" / "Annotations/a.xml").write_bytes(_some(rng, XML, 20))
    (root / "in" / "SegmentationClass/b.png").write_bytes(_png(rng))
    return "voc", "in"


def checkpoint(rng: np.random.Generator) -> bytes:
    """A file of torch.save that was cut or changed."""
    stream = io.BytesIO()
    wrapped = {"state_dict": {"fc.weight": torch.ones(3, 4)}, "epoch": 3}
    torch.save(wrapped, stream, _use_new_zipfile_serialization=bool(rng.integers(2)))
    return _damaged(rng, stream.getvalue())


DATASETS: tuple[Callable[[np.random.Generator, Path], tuple[str, str]], ...] = (table, masks, instances, devkit)
