"""Training: class features, a whole step of ReCAM, and how many pictures a second the command learns from."""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from recam_core.datasets.samples import read_sample
from recam_core.experiments.benchmarks.measure import MEASURED, Row, paired, peak_mib
from recam_core.networks.losses import (
    class_features,
    class_masks,
    class_scores,
    multilabel_loss,
    recam_loss,
    softmax_loss,
)
from recam_core.networks.model import build_model
from recam_core.records import TrainConfig, flags_of
from recam_core.system.device import exact
from recam_core.training.recipes import RECIPES

STEPS = 4  # of each stage where the command is timed; the first one is a warm-up
WORKERS = 2
CLASSES = tuple(f"class {k}" for k in range(80))  # for who learns them
RUNS = {
    "photos": RECIPES["photos"],
    "resnet50": replace(RECIPES["reference-coco"], weights="none", crop=321, stage2_batch_size=0),
}


def train_rows(device: torch.device) -> Iterator[Row]:
    """Class features alone, whole steps with them, and the training command itself."""
    yield from class_feature_rows(device)
    for classes in (20, 80):
        yield whole_step_row(device, classes)
    for name, config in RUNS.items():
        yield throughput_row(name, config, device)
        yield throughput_row(f"{name}-workers", replace(config, workers=WORKERS), device)


def class_feature_rows(device: torch.device, side: int = 20, rounds: int = 5) -> Iterator[Row]:
    """The class-masked features of training at K = 20 and 80, forward and backward, against the B×K×D×h×w tensor."""
    for classes in (20, 80):
        features = torch.rand(2, 2048, side, side, device=device, requires_grad=True)
        weight = torch.rand(classes, 2048, device=device) - 0.5

        def ours(f: Tensor = features, w: Tensor = weight) -> Tensor:
            return class_features(f, class_masks(f, w))

        def plain(f: Tensor = features, w: Tensor = weight) -> Tensor:
            return plain_features(f, class_masks(f, w))

        with exact():
            assert (ours() - plain()).abs().max() < 1e-4

        def step(form: Callable[[], Tensor]) -> Callable[[], None]:
            return lambda: form().sum().backward()

        a, b, spread = paired(step(ours), step(plain), rounds)
        mine, theirs = peak_mib(step(ours)), peak_mib(step(plain))
        yield Row(
            f"train/recam-k{classes}", f"2×2048×{side}×{side}", a, b, b / a, mine, theirs,
            note=f"class features, forward and backward; memory 1/{theirs / mine:.0f}; {spread}",
        )  # fmt: skip


def plain_features(features: Tensor, masks: Tensor) -> Tensor:
    """Class features (B, K, D) as the reference makes them: by the masked features themselves, B×K×D×h×w."""
    return (masks[:, :, None] * features[:, None]).mean(dim=(3, 4))


def plain_loss(features: Tensor, labels: Tensor, fc1: Tensor, second: Tensor) -> Tensor:
    """BCE + SCE with the features of all K classes, of which those that are present are then taken."""
    bce = multilabel_loss(class_scores(features, fc1), labels)
    sce, _ = softmax_loss(plain_features(features, class_masks(features, fc1)), labels, second)
    return bce + sce


def whole_step_row(
    device: torch.device,
    classes: int,
    backbone: str = "efficientnet_lite0",
    batch: int = 4,
    side: int = 320,
    rounds: int = 5,
) -> Row:
    """A whole step of stage 2, from pictures to new weights: both forms of the loss on one network, checked equal first."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_model(backbone, "recam", classes).to(device)
        x = torch.rand(batch, 3, side, side, device=device)
        labels = F.one_hot(torch.arange(2 * batch, device=device) * 7 % classes, classes).view(batch, 2, -1).sum(1)
    labels = labels.clamp(max=1).float()  # two classes a picture
    fc1, second = (nn.Parameter(w.detach().clone()) for w in model.head.weights.values())
    optimizer = torch.optim.SGD([*model.backbone.parameters(), fc1, second], lr=1e-6)

    def step(loss_of: Callable[[Tensor], Tensor]) -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model.features(x))
        loss.backward()
        optimizer.step()
        return loss.detach()

    def ours() -> Tensor:
        return step(lambda features: recam_loss(features, labels, fc1, second, 1.0)[0])

    def plain() -> Tensor:
        return step(lambda features: plain_loss(features, labels, fc1, second))

    gradients = []
    for form in (ours, plain):
        with exact():
            form()
        gradients.append(torch.cat([w.grad.flatten() for w in (fc1, second) if w.grad is not None]))
    assert (gradients[0] - gradients[1]).norm() < 1e-3 * gradients[1].norm(), "the two forms differ"
    a, b, spread = paired(ours, plain, rounds)
    return Row(
        f"train/step-k{classes}", f"{batch}×3×{side}×{side}", a, b, b / a, peak_mib(ours), peak_mib(plain),
        note=f"{backbone}, stage 2 from pictures to new weights; {spread}",
    )  # fmt: skip


def throughput_row(name: str, config: TrainConfig, device: torch.device, steps: int = STEPS) -> Row:
    """Seconds of a step of stage 2 as ``train`` reports them, and the share of them in which it waited for its pictures."""
    with tempfile.TemporaryDirectory() as folder:
        config = replace(config, dataset="coco", root=folder, split="timed")
        write_photos(Path(folder), config.split, steps * config.batch_size)
        reported = _stage2_steps(config, Path(folder, "run"), device)
    seconds = [step["seconds"] for step in reported]
    step, wait = statistics.median(seconds), sum(step["waiting"] for step in reported) / sum(seconds)
    loaded = f"{config.workers} workers" if config.workers else "the process itself"
    note = (
        f"{config.backbone}, stage 2, batches of {config.batch_size}, loaded by {loaded}: "
        f"{config.batch_size / step:.2f} pictures a second, {wait:.0%} of the time waiting for data; "
        f"ours {min(seconds):.3f}–{max(seconds):.3f} s"
    )
    return Row(f"train/{name}", f"{config.batch_size}×3×{config.crop}×{config.crop}", step, note=note)


def write_photos(root: Path, split: str, count: int, classes: Sequence[str] = CLASSES) -> None:
    """The bundled photos again and again as JPEGs of 640×480, in COCO's own layout, each with two of 80 classes."""
    (root / split).mkdir(parents=True)
    (root / "annotations").mkdir()
    images, marks = [], []
    for i in range(count):
        name, size = f"{i:06}.jpg", (640, 480)
        Image.fromarray(read_sample(MEASURED[i % len(MEASURED)])[0].pixels).resize(size).save(root / split / name)
        images.append({"id": i, "file_name": name, "width": size[0], "height": size[1]})
        for j in (0, 1):
            box = [40 + 200 * j, 60, 180, 240]
            x, y, w, h = box
            outline = [x, y, x + w, y, x + w, y + h, x, y + h]
            marks.append({
                "id": 2 * i + j, "image_id": i, "category_id": (7 * i + 13 * j) % 80 + 1, "bbox": box, "area": w * h,
                "iscrowd": 0, "segmentation": [outline],
            })  # fmt: skip
    kinds = [{"id": k, "name": name} for k, name in enumerate(classes, 1)]
    described = {"images": images, "annotations": marks, "categories": kinds}
    (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(described))


def _stage2_steps(config: TrainConfig, out: Path, device: torch.device) -> list[dict[str, float]]:
    """The steps of stage 2 as the command reports them; the first one is not counted."""
    # small rates cost the same, and random weights do not run away
    names = ("backbone_rate", "fc1_rate", "stage2_backbone_rate", "stage2_fc1_rate", "fc2_rate")
    rates: dict[str, Any] = dict.fromkeys(names, 1e-5)
    config = replace(
        config,
        stage1_epochs=1,
        stage2_epochs=1,
        fc1_start="default",  # the classes here have no names that ImageNet knows
        validation="",
        **rates,
    )
    command = [
        *(sys.executable, "-m", "recam_core", "train", "--json-lines", "--out", str(out), "--device", str(device)),
        *flags_of(config),
    ]
    steps: list[dict[str, float]] = []
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        for text in process.stdout:
            event = json.loads(text)
            if event["event"] == "TrainStep" and event["stage"] == 2:
                steps.append(event)
        code = process.wait()
        errors.seek(0)
        complaints = [line for line in errors.read().splitlines() if line.strip()]
    if code or len(steps) < 3:
        words = complaints[-1] if complaints else "it said nothing"
        raise RuntimeError(f"train ended with {code} after {len(steps)} steps of stage 2: {words}")
    return steps[1:]
