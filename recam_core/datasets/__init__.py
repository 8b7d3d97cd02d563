"""Data sets: (image, labels, mask) triples of one split.

Contract: ``classes``, ``len()``, and for a picture's index ``name``, ``image`` (H, W, 3) uint8, ``labels`` (K,) float32
multi-hot, ``mask`` (H, W) uint8 label map (0 background, class index + 1, 255 ignore) or None. What cannot be read is a
``UserError`` that names the picture or the file that describes it.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from recam_core.datasets.coco import Coco
from recam_core.datasets.folder import Folder
from recam_core.datasets.scenes import Scenes
from recam_core.datasets.voc import Voc
from recam_core.records import UserError

NAMED = 10  # names in a sentence


class Dataset(Protocol):
    """What training and evaluation ask of a data set."""

    classes: tuple[str, ...]

    def __len__(self) -> int: ...

    def name(self, i: int) -> str:
        """A stable name of picture ``i``."""

    def image(self, i: int) -> np.ndarray:
        """(H, W, 3) uint8."""

    def labels(self, i: int) -> np.ndarray:
        """(K,) float32, multi-hot."""

    def mask(self, i: int) -> np.ndarray | None:
        """(H, W) uint8 label map, or None where only image-level labels are known."""


class CheckedDataset(Dataset, Protocol):
    """What those that can be opened also tell without decoding every picture."""

    missing: tuple[
        str, ...
    ]  # names of pictures that have labels but no file; they are not among those that are counted
    notes: tuple[str, ...]  # what was passed over when it was opened, a sentence each

    def has_mask(self, i: int) -> bool:
        """Is there a label map of picture ``i``?"""

    def check(self, i: int) -> np.ndarray | None:
        """The ``mask`` of picture ``i``; ``UserError`` where that or the picture cannot be used. Several threads may ask."""

    def remarks(self, i: int) -> tuple[str, ...]:
        """What was passed over in picture ``i`` or understood in another way than it is written, a sentence each."""


@runtime_checkable
class Boxed(Dataset, Protocol):
    """What data sets also tell whose annotations have boxes around objects."""

    def has_mask(self, i: int) -> bool:
        """Is there a label map of picture ``i``?"""

    def boxes(self, i: int) -> Mapping[int, np.ndarray] | None:
        """Boxes (m, 4) by class index: left, top, right, bottom in pixels; None where nobody annotated picture ``i``."""


DATASETS: dict[str, Callable[[str, str], CheckedDataset]] = {
    "scenes": lambda root, split: Scenes(split),
    "voc": Voc,
    "coco": Coco,
    "folder": Folder,
}


def open_dataset(kind: str, root: str, split: str) -> CheckedDataset:
    """A split of a data set by the name of its kind; ``root`` is the folder of those that live on disk.

    Raises ``UserError`` where there is no such kind or split, and for files that cannot be read as one.

    ```python
    dataset = recam.open_dataset("scenes", "", "samples")
    picture, labels, mask = dataset.image(0), dataset.labels(0), dataset.mask(0)
    ```
    """
    if kind not in DATASETS:
        raise UserError(f"There is no data set kind {kind!r}; choose one of {', '.join(DATASETS)}.")
    return DATASETS[kind](root, split)


def boxes_alone(dataset: Dataset) -> Boxed | None:
    """The data set itself where no picture of it has a mask, and boxes may say where objects are."""
    if not isinstance(dataset, Boxed) or any(dataset.has_mask(i) for i in range(len(dataset))):
        return None
    return dataset


def missing_words(dataset: Dataset) -> str:
    """A sentence about pictures that are named but not there; "" where there are none."""
    missing: tuple[str, ...] = getattr(dataset, "missing", ())
    if not missing:
        return ""
    some = ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")
    return f"{len(missing)} of {len(missing) + len(dataset)} pictures are named but not there ({some}); it goes on without them."


def left_out_words(dataset: Dataset) -> str:
    """A sentence about labels that name no class, of which training and scores know nothing; "" where there are none."""
    left_out = dataset.left_out() if isinstance(dataset, Voc) else None
    if not left_out:
        return ""
    some = ", ".join(f"“{name[:60]}” in {count}" for name, count in left_out.most_common(NAMED))
    more = f" and {len(left_out) - NAMED} more names" if len(left_out) > NAMED else ""
    return (
        f"These names are no classes of VOC and are left out (in so many of {len(dataset)} pictures): {some}{more}. "
        "A data set of the kind folder or coco may have classes of its own."
    )


def streamed(dataset: Dataset) -> Dataset:
    """The same data set for somebody who looks at each picture once: what was drawn is not kept."""
    if isinstance(dataset, Scenes):
        dataset.in_memory = 1
    return dataset
