"""Frames → one file that plays anywhere: animated WebP and GIF."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from recam_core.records import UserError

REST = 4  # the last frame stays this many times as long, so that the end can be seen before it starts again
PALETTE_PIXELS = 300_000  # that the 256 colours of a GIF are chosen from


def webp_bytes(frames: Sequence[np.ndarray], milliseconds: int = 200, quality: int = 80) -> bytes:
    """Animated WebP of RGB frames (H, W, 3) uint8, endless; ``milliseconds`` a frame, ``quality`` 1 to 100."""
    pictures = _checked(frames, milliseconds)
    return _saved(pictures, "WEBP", _durations(len(pictures), milliseconds), quality=quality, method=2)


def gif_bytes(frames: Sequence[np.ndarray], milliseconds: int = 200) -> bytes:
    """Animated GIF of RGB frames (H, W, 3) uint8, endless, in 256 colours that all frames share.

    GIF counts in hundredths of a second, so ``milliseconds`` a frame are rounded to tens, 20 at least.
    """
    pictures = _checked(frames, milliseconds)
    # one palette for all: a colour of the heatmap must not mean something else in the next frame
    every = max(1, round((len(pictures) * pictures[0].width * pictures[0].height / PALETTE_PIXELS) ** 0.5))
    sample = np.concatenate([np.asarray(picture)[::every, ::every] for picture in pictures])
    palette = Image.fromarray(sample).quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    indexed = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    return _saved(indexed, "GIF", _durations(len(pictures), max(20, round(milliseconds, -1))), disposal=1)


def _checked(frames: Sequence[np.ndarray], milliseconds: int) -> list[Image.Image]:
    if not frames:
        raise UserError("There is no frame to make an animation of; let the run make at least one step.")
    shape = frames[0].shape
    if any(f.dtype != np.uint8 or f.ndim != 3 or f.shape[2] != 3 or f.shape != shape for f in frames):
        raise UserError(f"Frames must be (H, W, 3) uint8 of one size; got {sorted({str(f.shape) for f in frames})}.")
    if not 10 <= milliseconds <= 10_000:
        raise UserError(f"A frame must stay for 10 to 10000 milliseconds; got {milliseconds}.")
    return [Image.fromarray(np.ascontiguousarray(frame)) for frame in frames]


def _durations(count: int, milliseconds: int) -> list[int]:
    return [milliseconds] * (count - 1) + [REST * milliseconds]


def _saved(pictures: list[Image.Image], kind: str, durations: list[int], **settings: int) -> bytes:
    stream = io.BytesIO()
    pictures[0].save(stream, kind, save_all=True, append_images=pictures[1:], duration=durations, loop=0, **settings)
    return stream.getvalue()
