"""Random small data sets in random dialects: check, evaluation and training say the same of each picture."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from small_data import H, W, annotate, label_map, picture

from recam_core.datasets import open_dataset
from recam_core.datasets.check import check_dataset
from recam_core.evaluation.evaluate import Evaluation, evaluate
from recam_core.networks.pair import build_pair
from recam_core.records import HeatmapOptions, PictureSkipped, TrainConfig, UserError
from recam_core.training.two_stage import train

# pycocotools 2.0.11 hands numpy 2 an object with the old form of __array__
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LAYOUTS = ("voc", "coco", "folder")
CLASSES = ("cat", "dog")
ONE_STEP = TrainConfig(
    stage1_epochs=1, stage2_epochs=1, batch_size=8, long_side_min=32, long_side_max=40, crop=32, backbone="tiny"
)
PAIRS: dict[tuple[str, ...], object] = {}
OUTLINE = [[4, 4, 30, 4, 30, 30, 4, 30]]
STATES = ("good", "none", "ignored", "empty", "strange", "cut", "turned", "bad picture")
NAMES = st.text("ab ü1.-", min_size=1, max_size=6).map(str.strip).filter(lambda name: name.strip(". ") == name and name)

dialects = st.fixed_dictionaries({
    "layout": st.sampled_from(LAYOUTS),
    "pictures": st.dictionaries(NAMES, st.tuples(st.sampled_from(CLASSES), st.sampled_from(STATES)), min_size=1, max_size=4),
    "suffix": st.sampled_from(("jpg", "png", "PNG", "jfif")),
    "mark": st.sampled_from((";", ",", "|", "list", "folders")),
    "left out": st.sets(st.sampled_from(("iscrowd", "area", "id", "bbox"))),
    "texts": st.booleans(),
})  # fmt: skip


def save_picture(path, state):
    picture(path.with_suffix(".bmp") if path.suffix == ".jfif" else path)
    if path.suffix == ".jfif":
        Image.open(path.with_suffix(".bmp")).save(path, "JPEG")
        path.with_suffix(".bmp").unlink()
    if state == "bad picture":
        path.write_bytes(path.read_bytes()[:40])


def save_mask(path, value, state):
    shape = (W, H) if state == "turned" else (H, W)
    values = np.full(shape, {"ignored": 255, "empty": 0, "strange": 99}.get(state, value))
    label_map(path, values)
    if state == "cut":
        path.write_bytes(path.read_bytes()[:50])


def make_voc(root, made):
    (root / "Annotations").mkdir(parents=True)
    (root / "ImageSets" / "Segmentation").mkdir(parents=True)
    (root / "SegmentationClass").mkdir()
    for name, (label, state) in made["pictures"].items():
        save_picture(root / "JPEGImages" / f"{name}.{made['suffix']}", state)
        annotate(root, name, (label, 0))
        if state != "none":
            save_mask(root / "SegmentationClass" / f"{name}.png", {"cat": 8, "dog": 12}[label], state)
    (root / "ImageSets" / "Segmentation" / "train.txt").write_text("\n".join(made["pictures"]), "utf-8")


def make_coco(root, made):
    outlines = {"none": None, "strange": [[1, 2, 3]], "cut": {"size": [H, W], "counts": [7]}, "empty": [], "ignored": OUTLINE[0],
                "turned": {"size": [W, H], "counts": [H * W]}}  # fmt: skip
    images, annotations = [], []
    for i, (name, (label, state)) in enumerate(made["pictures"].items()):
        save_picture(root / "train" / f"{name}.{made['suffix']}", state)
        number = str(i) if made["texts"] else i
        images.append({"id": number, "file_name": f"{name}.{made['suffix']}", "width": W, "height": H})
        entry = {"id": i, "image_id": number, "category_id": CLASSES.index(label), "iscrowd": 0, "area": 9, "bbox": [1, 1, 9, 9],
                 "segmentation": outlines.get(state, OUTLINE)}  # fmt: skip
        annotations.append({key: value for key, value in entry.items() if key not in made["left out"]})
    kinds = [{"id": k, "name": name} for k, name in enumerate(CLASSES)]
    (root / "annotations").mkdir()
    (root / "annotations" / "instances_train.json").write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": kinds})
    )


def make_folder(root, made):
    rows = []
    for name, (label, state) in made["pictures"].items():
        path = f"{label}/{name}.{made['suffix']}"
        save_picture(root / path, state)
        rows.append((path, f"['{label}']" if made["mark"] == "list" else f"{label}{made['mark']}"))
        if state != "none":
            save_mask(root / "masks" / label / f"{name}.png", 1, state)
    for label in CLASSES:
        (root / label).mkdir(parents=True, exist_ok=True)
    if made["mark"] != "folders":
        lines = [f'"{path}","{labels}"' for path, labels in rows]
        (root / "labels.csv").write_text("\n".join(["file,labels", *lines]), "utf-8")


def written(made, name):
    """What a data set calls one of its pictures."""
    file = f"{name}.{made['suffix']}"
    return {"voc": name, "coco": file, "folder": f"{made['pictures'][name][0]}/{file}"}[made["layout"]]


def pair_of(classes):
    if classes not in PAIRS:
        torch.manual_seed(0)
        PAIRS[classes] = build_pair("untrained", "tiny", classes)
    return PAIRS[classes]


@settings(max_examples=24, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(dialects)
def test_check_evaluation_and_training_agree(made):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place, "data")
        root.mkdir()
        {"voc": make_voc, "coco": make_coco, "folder": make_folder}[made["layout"]](root, made)
        split = "" if made["layout"] == "folder" else "train"
        *_, report = check_dataset(made["layout"], str(root), split)
        dataset = open_dataset(made["layout"], str(root), split)
        broken = {name for name, _ in report.broken}
        states = {dataset.name(i): dataset.has_mask(i) for i in range(len(dataset))}
        usable = {name for name, has_mask in states.items() if has_mask and name not in broken}

        assert len(dataset) == report.pictures == len(made["pictures"])
        assert report.missing == ()
        assert sum(report.per_class) == report.pictures  # one label each, however it is written

        pair, options = pair_of(tuple(dataset.classes)), HeatmapOptions(flip=False, long_side=64)
        try:
            *_, result = evaluate(pair, dataset, options, ("cam",))
        except UserError:
            good = {written(made, name) for name, (_, state) in made["pictures"].items() if state == "good"}
            assert not good & usable
        else:
            assert isinstance(result, Evaluation)
            assert result.pictures == len(usable), (result.faults, broken)
            assert all(any(fault.startswith(name) for fault in result.faults) for name in set(states) - usable)

        if all(state == "bad picture" for _, state in made["pictures"].values()):
            return
        config = replace(ONE_STEP, dataset=made["layout"], root=str(root), split=split)
        skipped = {
            e.name
            for e in train(config, dataset, Path(place, "run"), torch.device("cpu"))
            if isinstance(e, PictureSkipped)
        }
        assert skipped <= broken
