"""From an uploaded or drawn mask to one yes/no map per class that is shown."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import streamlit as st

from recam_core import Evidence
from recam_core.images.masks import resize_labels
from recam_core.records import IGNORE
from ui.widgets.subject import Subject


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


def known_truth(
    subject: Subject, evidence: Evidence, classes: list[str], ids: list[int]
) -> tuple[np.ndarray | None, list[bool] | None, str]:
    """Truth of the shown classes, who is known, and a key for the cache; asks for the class of a yes/no mask."""
    if subject.mask is None:
        return None, None, ""
    binary_for = None
    if subject.mask_binary:
        name = classes[0] if len(classes) == 1 else st.selectbox("Your mask shows", classes)
        binary_for = ids[classes.index(name)]
    truth, known = class_truth(subject.mask, evidence.picture.shape[:2], ids, binary_for)
    return truth, known, f"{sha256(subject.mask.tobytes()).hexdigest()}-{binary_for}"
