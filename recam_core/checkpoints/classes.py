"""Names of the classes that a checkpoint tells apart, which its tensors do not say."""

from pathlib import Path

from torchvision.models import EfficientNet_B0_Weights

from recam_core.datasets.class_names import COCO_CLASSES, VOC_CLASSES


def imagenet_classes() -> tuple[str, ...]:
    """The 1,000 names of ImageNet as torchvision lists them; a name that stands there twice gets a number the second time."""
    names: list[str] = []
    for name in EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"]:
        names.append(f"{name} (2)" if name in names else name)
    return tuple(names)


CLASS_LISTS: dict[str, tuple[str, ...]] = {
    "VOC": VOC_CLASSES,
    "COCO": COCO_CLASSES,
    "ImageNet": imagenet_classes(),
}


def read_class_names(source: str) -> tuple[str, ...]:
    """The names of a list of ``CLASS_LISTS`` (in any case), or of a file: one name a line, or a JSON list."""
    raise NotImplementedError


def read_names_file(path: Path) -> tuple[str, ...]:
    """Class names of a file."""
    raise NotImplementedError
