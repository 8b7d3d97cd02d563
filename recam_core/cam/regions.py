"""Connected regions of a mask as boxes: what a heatmap says of where an object is."""

import cv2
import numpy as np

LEAST = 0.0025  # of the picture: what is smaller is a speck


def boxes(above: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Boxes (x, y, width, height) in pixels around the regions of a mask (H, W) bool, the largest region first.

    Pixels that touch at a side or a corner belong together; regions under a 400th of the picture are left out.
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats(above.astype(np.uint8), connectivity=8)
    regions = [row for row in stats[1:] if row[cv2.CC_STAT_AREA] >= LEAST * above.size]
    regions.sort(key=lambda row: -row[cv2.CC_STAT_AREA])
    return [(int(x), int(y), int(width), int(height)) for x, y, width, height, _ in regions]
