"""What a map is divided by when it is shown: its own maximum, or the largest of all classes."""

import numpy as np

from recam_core.records import EPSILON, CamResult, UserError

SCALES = {
    "each": f"each map is divided by its own maximum + {EPSILON:g}, as in evaluation",
    "together": f"the maps of one readout are divided by the largest maximum of its classes + {EPSILON:g}",
}


def scaled_maps(result: CamResult, scale: str) -> np.ndarray:
    """Maps (n, H, W) float32 in [0, 1], each by its own maximum ("each") or all by the largest of them ("together").

    Raises ``UserError`` for another ``scale``.
    """
    if scale not in SCALES:
        raise UserError(f"The scale must be one of {', '.join(SCALES)}; got {scale!r}.")
    if scale == "each":
        return result.maps
    return result.raw / (result.raw.max() + np.float32(EPSILON))
