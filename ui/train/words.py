"""What presets, networks and settings are called on the form, and what the reference's code has in their place."""

from typing import Any

from recam_core import RECIPES
from recam_core.networks.backbones import BackboneRow

PRESETS = {
    "as before": "the settings of the run that you came from",
    "quick look": "few epochs at a small size: enough to see CAM form and ReCAM spread, not to be proud of the scores",
    "scenes": "how the bundled scenes model was trained: a small network, all 1,600 drawn pictures, both stages in full",
    "voc": "how the bundled voc model was trained: EfficientNet-Lite0, of which the last groups learn, for one ordinary computer",
    "photos": "how the bundled photos model was trained: EfficientNet-Lite0 with ImageNet weights, for one ordinary computer",
    "coco": "the recipe of voc for COCO's classes, with twice the epochs for fewer pictures and the paper's λ = 0.1 there",
    "reference VOC": "what the paper's code does on Pascal VOC 2012: ResNet-50, crops of 512 pixels; for a graphics card",
    "reference COCO": "what the paper's code does on MS COCO: ResNet-50, λ = 0.1, smaller batches; for a graphics card",
}
LIBRARY = "any classifier of timm or torchvision, by its name"
POSITIONS = (
    "Tiny is trained from nothing in minutes. EfficientNet-Lite0 suits an ordinary computer. A map has a position every so many "
    "pixels; with 8 instead of 16 it is finer and takes about four times the work."
)
WEIGHTS = {
    "none": "random: it learns everything here",
    "imagenet": "ImageNet: it has seen a million photos",
    "file": "a file on this server",
}
STAGES = {"both": "both stages, from the beginning", "second": "only stage 2, on a model that is there"}
OPTIMIZERS = {"sgd": "SGD, as the reference", "adamw": "AdamW, calmer"}
FC1_STARTS = {"default": "at random", "imagenet": "from ImageNet's classifier, by class names"}
FC2_STARTS = {"default": "at random, as the reference", "fc1": "from FC1", "positive": "from FC1's positive part"}
READ_ONLY = "This server only shows trainings that are there: its operator has switched off starting new ones."
MOMENTUM = (
    "The reference's constructor hands the weight decay to SGD in the place of the momentum, so it really trains with 1e-4; its "
    "0.9 is only the power of the schedule. With a momentum of 0.9 a rate moves the weights about ten times as far, so rates and "
    "momentum belong together. 0.9 is the sane default."
)

# label, what it does, step of the arrows
NUMBERS: dict[str, tuple[str, str, float]] = {
    "stage1_epochs": ("Epochs of stage 1", "Passes through the data with BCE alone: this makes CAM.", 1),
    "stage2_epochs": ("Epochs of stage 2", "Passes with BCE + λ·SCE, from where stage 1 ended: this makes ReCAM.", 1),
    "batch_size": ("Batch size", "Pictures a step. Larger is calmer and takes more memory.", 1),
    "recam_weight": (
        "Balance λ",
        "How much SCE counts beside BCE in stage 2. The Balance page shows what it does.",
        0.01,
    ),
    "crop": ("Crop, px", "Side of the square that is cut out of each picture at random.", 16),
    "long_side_min": (
        "Long side from, px",
        "Each time a picture is brought to a long side drawn from this range, then cropped.",
        16,
    ),
    "long_side_max": ("Long side to, px", "The upper end of that range.", 16),
    "backbone_rate": ("Network, stage 1", "Learning rate of the backbone in stage 1, before it falls off.", 1e-3),
    "fc1_rate": ("Classifier FC1, stage 1", "Learning rate of FC1, whose weights w make CAM.", 1e-3),
    "stage2_backbone_rate": (
        "Network, stage 2",
        "Learning rate of the backbone in stage 2; 0 leaves it as it is.",
        1e-5,
    ),
    "stage2_fc1_rate": ("Classifier FC1, stage 2", "Learning rate of FC1 in stage 2; 0 leaves it as it is.", 1e-5),
    "fc2_rate": ("Second classifier FC2", "Learning rate of FC2, whose weights w′ are learned with SCE.", 1e-4),
    "weight_decay": ("Weight decay", "How strongly weights are pulled to zero.", 1e-4),
    "momentum": ("Momentum", "How much of the step before each step of SGD keeps.", 0.05),
    "power": ("Power of the schedule", "Rates fall as (1 − progress) to this power.", 0.1),
    "frozen_parts": ("Frozen parts", "So many first parts of the network, its stem among them, stay as they began.", 1),
    "training_stride": (
        "Stride while training",
        "32: a quarter of the positions, four times as quick; 0: the stride that maps are read at. EfficientNet-Lite0 alone.",
        16,
    ),
    "validation_pictures": ("Pictures scored", "So many of the split, evenly spread, after every epoch.", 50),
    "accumulate": (
        "Gradient accumulation",
        "Gradients of so many batches are added up: a large batch in little memory.",
        1,
    ),
    "stage2_batch_size": ("Batch size in stage 2", "0 means: as in stage 1.", 1),
    "workers": ("Reading processes", "Processes that read and crop pictures beside the one that trains.", 1),
    "prefetch": ("Batches ahead", "So many batches each of them has ready.", 1),
    "seed": ("Seed", "Every random choice follows from it: the same seed, the same run.", 1),
}


def backbone(row: BackboneRow) -> str:
    """A network in the form's list, with how fine its maps are."""
    return f"{row.label} · {row.help}, a position every {row.stride} px"


def reference(name: str) -> str:
    """The value that the reference's code has in the place of a setting, on its two data sets."""
    voc, coco = (getattr(RECIPES[f"reference-{data}"], name) for data in ("voc", "coco"))
    if name == "stage2_batch_size":
        return f"Reference: {as_short(voc)} on VOC (as stage 1), {as_short(coco)} on COCO."
    return (
        f"Reference: {as_short(voc)}."
        if voc == coco
        else f"Reference: {as_short(voc)} on VOC, {as_short(coco)} on COCO."
    )


def as_short(value: Any) -> str:
    """A setting as short as it can be told."""
    return f"{value:g}" if isinstance(value, float) else str(value)
