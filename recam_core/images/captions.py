"""A line of words above a picture, for frames that travel without the page they came from."""

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"  # which knows ⊗ and ′


def captioned(picture: np.ndarray, words: str) -> np.ndarray:
    """A picture (H, W, 3) uint8 under a white strip of its width with words; what is too long ends with dots."""
    width = picture.shape[1]
    font = _font(max(9, min(18, width // 26)))
    room = width - 6
    if font.getlength(words) > room:
        while words and font.getlength(f"{words}…") > room:
            words = words[:-1]
        words += "…"
    strip = Image.new("RGB", (width, strip_height(width)), "white")
    ImageDraw.Draw(strip).text((3, strip.height // 2), words, "black", font, anchor="lm")
    return np.concatenate([np.asarray(strip), picture])


def strip_height(width: int) -> int:
    """How many rows the words above a picture of this width take."""
    return round(1.7 * max(9, min(18, width // 26)))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONT, size)
