"""Training settings by name; every other setting is a change to one of them. ``reference-*`` are those of the paper's code."""

from dataclasses import replace
from typing import Any

from recam_core.records import BoundaryConfig, RefitConfig, TrainConfig

# The reference's constructor hands the weight decay to SGD in the place of the momentum; its own 0.9 is only the power of the
# schedule (golden part 7). With it a rate of 0.1 moves the weights about ten times less than with a momentum of 0.9.
MOMENTUM_OF_THE_REFERENCE = 1e-4

RECIPES: dict[str, TrainConfig] = {
    "scenes": TrainConfig(
        dataset="scenes",
        split="train",
        backbone="tiny",
        stage1_epochs=24,
        stage2_epochs=10,
        optimizer="adamw",
        weight_decay=0.3,  # evidence spread wider: see the generator part of docs/models.md
        backbone_rate=4e-3,
        fc1_rate=4e-3,
        stage2_backbone_rate=5e-4,
        stage2_fc1_rate=5e-4,
        fc2_rate=1e-4,
        recam_weight=0.02,
        fc2_start="positive",
        long_side_min=144,
        long_side_max=192,
        crop=160,
    ),
    "photos": TrainConfig(
        dataset="coco",
        split="train2017",
        backbone="efficientnet_lite0",
        weights="imagenet",
        stage1_epochs=8,
        stage2_epochs=6,
        optimizer="adamw",
        weight_decay=1e-4,
        backbone_rate=3e-5,
        fc1_rate=5e-4,
        stage2_backbone_rate=2e-5,
        stage2_fc1_rate=2e-4,
        fc2_rate=2e-3,
        fc1_start="imagenet",
        fc2_start="positive",
        long_side_min=320,
        long_side_max=512,
        crop=416,
        half=True,
    ),
    # Pascal VOC on two cores: what stands before stride 16's last groups stays ImageNet's, see docs/models.md.
    "voc": TrainConfig(
        dataset="voc",
        split="train_labels",
        backbone="efficientnet_lite0_relu",
        weights="imagenet",
        frozen_parts=6,
        frozen_depthwise=True,
        training_stride=32,
        stage1_epochs=4,
        stage2_epochs=2,
        optimizer="adamw",
        weight_decay=1e-4,
        backbone_rate=1.5e-4,
        fc1_rate=1e-3,
        stage2_backbone_rate=4e-5,
        stage2_fc1_rate=3e-4,
        fc2_rate=2e-3,
        fc1_start="imagenet",
        fc2_start="positive",
        long_side_min=320,
        long_side_max=608,
        crop=384,
        half=True,
    ),
    # What the paper's code does (docs: reference settings), with a momentum of 0.9: see MOMENTUM_OF_THE_REFERENCE.
    "reference-voc": TrainConfig(
        dataset="voc", split="train_aug", backbone="resnet50_s16", weights="imagenet", validation="val"
    ),
    "reference-coco": TrainConfig(
        dataset="coco",
        split="train2017",
        backbone="resnet50_s16",
        weights="imagenet",
        recam_weight=0.1,
        stage2_batch_size=6,
        validation="val2017",
    ),
}
# The same for COCO's classes: four times fewer pictures than VOC's, so twice the epochs; λ is the paper's on COCO.
RECIPES["coco"] = replace(
    RECIPES["voc"], dataset="coco", split="train2017", stage1_epochs=8, stage2_epochs=4, recam_weight=0.1
)
RECIPES["scratch"] = replace(
    RECIPES["scenes"], dataset="coco", split="train2017", crop=320, long_side_min=256, long_side_max=416
)

# A few minutes on two processor cores: enough to see CAM form and ReCAM spread.
RECIPES["quick-scenes"] = replace(
    RECIPES["scenes"],
    stage1_epochs=6,
    stage2_epochs=3,
    batch_size=8,  # twice the steps in the same time: CAM at 28 % mIoU after six epochs instead of 21 %
    recam_weight=0.1,
    validation="val",
    validation_pictures=100,
)
RECIPES["quick-voc"] = replace(
    RECIPES["voc"], stage1_epochs=1, stage2_epochs=1, crop=256, long_side_min=224, long_side_max=384
)
RECIPES["quick-photos"] = replace(
    RECIPES["photos"], stage1_epochs=3, stage2_epochs=3, crop=224, long_side_min=192, long_side_max=320
)

# Boundary branches; ``reference`` is IRN's code on VOC, whose momentum is again the weight decay: its rate of 1 was set for that.
BOUNDARY_RECIPES: dict[str, BoundaryConfig] = {
    "scenes": BoundaryConfig(
        dataset="scenes",
        split="train",
        readout="w",
        foreground=0.38,
        background=0.10,
        refinement="pamr",
        epochs=12,
        batch_size=16,
        crop=160,
        radius=5,  # of a grid of 40 × 40, where the reference's 10 leaves few sources
    ),
    "photos": BoundaryConfig(
        dataset="coco",
        split="train2017",
        readout="sum",
        foreground=0.40,
        background=0.18,
        refinement="pamr",
        epochs=10,
        batch_size=8,
        crop=416,
        radius=5,
        half=True,
    ),
    "voc": BoundaryConfig(
        dataset="voc",
        split="train",
        readout="w",
        foreground=0.36,
        background=0.14,
        refinement="none",
        epochs=6,
        batch_size=8,
        crop=416,
        radius=5,
        half=True,
    ),
    "reference": BoundaryConfig(dataset="coco", split="train2017", momentum=MOMENTUM_OF_THE_REFERENCE),
}


def default_boundaries(dataset: str | None) -> str:
    """The recipe of boundary branches that suits a data set (scenes where none is named)."""
    return {None: "scenes", "scenes": "scenes", "voc": "voc"}.get(dataset, "photos")


# Both heads again on kept features; steps and rates were tried on 256 scenes and 64 photos, so that SCE comes down by half.
REFITS: dict[str, RefitConfig] = {
    "scenes": RefitConfig(),
    "photos": RefitConfig(steps=64, batch_size=8, fc1_rate=5e-4, fc2_rate=5e-4, block_rate=5e-5),
}


def default_refit(backbone: str) -> RefitConfig:
    """The settings of a re-fit that suit a backbone."""
    return REFITS["scenes" if backbone == "tiny" else "photos"]


SPLITS = {"scenes": ("train", "val"), "voc": ("train", "val"), "coco": ("train2017", "val2017"), "folder": ("", "")}


def on_data(config: TrainConfig, dataset: str) -> TrainConfig:
    """A recipe's settings for another kind of data set: with its own split, and its own for scores where the recipe has one."""
    if config.dataset == dataset:
        return config
    split, validation = SPLITS[dataset]
    return replace(config, dataset=dataset, split=split, validation=validation if config.validation else "")


# What only EfficientNet-Lite0 knows, as it is for every other network; parts of the backbone are counted for it.
OTHER_NETWORKS: dict[str, Any] = {
    "fc1_start": "default",
    "frozen_parts": 0,
    "frozen_depthwise": False,
    "training_stride": 0,
}


def on_library(config: TrainConfig) -> TrainConfig:
    """A recipe's settings for a library's classifier: what only a backbone of ours knows is left out."""
    return replace(config, **OTHER_NETWORKS)


def default_settings(dataset: str, backbone: str) -> TrainConfig:
    """The settings that suit a data set and a backbone ("" for the one of the recipe)."""
    if dataset == "scenes":
        return RECIPES["scenes"]
    if backbone.startswith("resnet"):
        return RECIPES["reference-voc" if dataset == "voc" else "reference-coco"]
    if backbone == "tiny":
        return RECIPES["scratch"]
    return {"coco": RECIPES["coco"], "voc": on_devkit(RECIPES["voc"])}.get(dataset, RECIPES["voc"])


def on_devkit(config: TrainConfig) -> TrainConfig:
    """A recipe's settings for VOC's own training pictures: ``train_labels`` is a list that its devkit does not have."""
    return replace(config, split="train")


def presets(dataset: str) -> dict[str, TrainConfig]:
    """Settings that suit a kind of data set, by what a person calls them; the first is what a page starts with."""
    if dataset == "scenes":
        return {"quick look": RECIPES["quick-scenes"], "scenes": RECIPES["scenes"]}
    quick, whole = RECIPES["quick-voc"], RECIPES["voc"]
    if dataset == "coco":
        quick = replace(on_data(quick, "coco"), recam_weight=RECIPES["coco"].recam_weight)
        own = {name: RECIPES[name] for name in ("coco", "photos")}
        return {"quick look": quick, **own, "reference COCO": RECIPES["reference-coco"]}
    small, reference = {"quick look": quick, "voc": whole}, {"reference VOC": RECIPES["reference-voc"]}
    if dataset == "voc":
        return {name: replace(on_devkit(config), validation="val") for name, config in small.items()} | reference
    return {
        name: replace(config, dataset=dataset, split="", validation="") for name, config in (small | reference).items()
    }
