"""Names of the classes that a checkpoint tells apart, which its tensors do not say."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from recam_core.datasets.class_names import COCO_CLASSES, VOC_CLASSES
from recam_core.networks.backbones.libraries import numbered
from recam_core.records import UserError
from recam_core.system.files import text_of

MAX_FILE = 2**20  # bytes


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The 1,000 names of ImageNet as torchvision lists them; a name that stands there twice gets a number the second time."""
    from torchvision.models import EfficientNet_B0_Weights  # a second to load, and few need it

    return numbered(EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"])


CLASS_LISTS: dict[str, Callable[[], tuple[str, ...]]] = {
    "VOC": lambda: VOC_CLASSES,
    "COCO": lambda: COCO_CLASSES,
    "ImageNet": imagenet_classes,
}
REFERENCE_LISTS = ("VOC", "COCO")


def read_class_names(source: str) -> tuple[str, ...]:
    """The names of a list of ``CLASS_LISTS`` (in any case), or of a file: one name a line, or a JSON list.

    Raises ``UserError`` for what is neither.
    """
    for name, names in CLASS_LISTS.items():
        if source.lower() == name.lower():
            return names()
    path = Path(source)
    try:
        if path.stat().st_size > MAX_FILE:
            raise UserError(f"{path.name} is too large for a list of class names; expected one name a line.")
        text = text_of(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(
            f"Class names are {', '.join(name.lower() for name in CLASS_LISTS)} or a text file with one name a line; "
            f"{source!r} cannot be read as one."
        ) from error
    return parse_class_names(text)


def parse_class_names(text: str) -> tuple[str, ...]:
    """Names out of a text: one a line, or a JSON list; ``UserError`` for other JSON, and for names that are empty or alike."""
    if text.lstrip().startswith("["):
        try:
            names = json.loads(text)
        except ValueError as error:
            raise UserError(f"The list of class names is no JSON list ({error}); write one name a line.") from error
        if not all(isinstance(name, str) for name in names):
            raise UserError("The list of class names holds something that is no text; write one name a line.")
    else:
        names = [line for line in text.splitlines() if line.strip()]
    names = tuple(name.strip() for name in names)
    check_names(names)
    return names


def check_names(names: Sequence[str]) -> None:
    """Refuse names that are empty or stand there twice: a class is found by its name."""
    again = [name for i, name in enumerate(names) if name in names[:i]]
    if again or not all(names):
        raise UserError(
            f"Every class needs a name of its own; {f'{again[0]!r} stands there twice' if again else 'one is empty'}."
        )


def certain_list(count: int, reference: bool) -> str:
    """The list that so many classes of a checkpoint are, of the reference's code or of anybody's; "" where there is doubt."""
    lists = REFERENCE_LISTS if reference else ("ImageNet",)  # a classifier of 20 classes may know any
    return next((name for name in lists if len(CLASS_LISTS[name]()) == count), "")


def names_for(count: int, given: Sequence[str] | None, reference: bool) -> tuple[str, ...]:
    """The names of a checkpoint's classes: those ``given``, else those of a list that there is no doubt about.

    Raises ``UserError`` where their number differs or there is doubt.
    """
    if given is not None:
        if len(given) != count:
            raise UserError(
                f"The checkpoint tells {count} classes apart, and {len(given)} class names were given; give each class its name, "
                "in the order of its rows."
            )
        check_names(given)
        return tuple(given)
    if name := certain_list(count, reference):
        return CLASS_LISTS[name]()
    raise UserError(
        f"The checkpoint tells {count} classes apart and does not say which: give their names in order, "
        f"with --classes {', '.join(map(str.lower, CLASS_LISTS))} or a text file with one name a line."
    )
