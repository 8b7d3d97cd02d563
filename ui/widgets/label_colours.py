"""Colours of label maps on the screen, and what they stand for."""

from collections.abc import Sequence

import numpy as np

from recam_core.images.visualise import CLASS_COLOURS
from ui.widgets.escaping import as_html

# On the screen: neighbours of VOC's palette are shades of dark red, which a projector makes one.
APART = np.array(
    [
        (255, 176, 0), (51, 102, 255), (220, 38, 127), (0, 166, 125),
        (110, 205, 255), (170, 68, 0), (150, 90, 230), (190, 220, 60),
    ],
    np.uint8,
)  # fmt: skip


def label_colours(ids: Sequence[int]) -> np.ndarray:
    """Colours (256, 3) uint8 of labels on the screen: those of the first eight classes are easy to tell apart, others VOC's."""
    colours, labels = CLASS_COLOURS.copy(), [k + 1 for k in ids[: len(APART)]]
    colours[labels] = APART[: len(labels)]
    return colours


def label_legend(names: Sequence[str], colours: Sequence[np.ndarray]) -> str:
    """Which class has which colour, as HTML in one line where there is room."""
    chips = "".join(
        f'<span style="white-space:nowrap;margin-right:1rem"><span style="display:inline-block;width:.8rem;height:.8rem;'
        f'border-radius:2px;margin-right:.35rem;background:rgb({",".join(map(str, colour))})"></span>'
        f"{as_html(name)}</span>"
        for colour, name in zip(colours, names, strict=True)
    )
    return f'<div style="font-size:.85rem">{chips}</div>'
