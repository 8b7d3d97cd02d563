"""From an uploaded or drawn mask to one yes/no map per class that is shown."""

from collections.abc import Sequence

import numpy as np

from recam_core import resize_labels
from recam_core.records import IGNORE


def class_truth(
    mask: np.ndarray, shape: tuple[int, int], class_ids: Sequence[int], binary_for: int | None = None
) -> tuple[np.ndarray, list[bool]]:
    """Truth (n, H, W) uint8 of the shown classes: 1 on the object, 0 off it, 255 where nobody knows; and who is known.

    ``mask`` holds label values (class id + 1), or 0/1 of the class ``binary_for``; then the others are unknown.
    """
    labels = resize_labels(mask, shape)
    rows = []
    for k in class_ids:
        row = (labels == (1 if binary_for is not None else k + 1)).astype(np.uint8)
        row[labels == IGNORE] = IGNORE
        if binary_for is not None and k != binary_for:
            row[:] = IGNORE
        rows.append(row)
    return np.stack(rows), [binary_for is None or k == binary_for for k in class_ids]
