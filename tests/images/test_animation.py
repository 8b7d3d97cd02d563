"""Animations read back: number of frames, times, size, colours, and what is refused."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from recam_core.images.animation import REST, gif_bytes, webp_bytes
from recam_core.records import UserError

FRAMES = [np.full((20, 30, 3), (60 * t, 255 - 60 * t, 128), np.uint8) for t in range(4)]


@pytest.mark.parametrize(("make", "kind", "tolerance"), [(webp_bytes, "WEBP", 6), (gif_bytes, "GIF", 0)])
def test_frames_times_and_colours_come_back(make, kind, tolerance):
    image = Image.open(io.BytesIO(make(FRAMES, 120)))
    assert image.format == kind
    assert (image.size, image.n_frames, image.info["loop"]) == ((30, 20), 4, 0)
    times = []
    for frame, expected in zip(ImageSequence.Iterator(image), FRAMES, strict=True):
        pixels = np.asarray(frame.convert("RGB")).astype(int)
        assert np.abs(pixels - expected).max() <= tolerance
        times.append(frame.info["duration"])
    assert times == [120, 120, 120, 120 * REST]


def test_one_frame_is_enough():
    for make in (webp_bytes, gif_bytes):
        assert Image.open(io.BytesIO(make(FRAMES[:1]))).size == (30, 20)


def test_a_gif_keeps_a_gradient_recognisable():
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 8, axis=0).repeat(3, axis=2)
    back = np.asarray(Image.open(io.BytesIO(gif_bytes([ramp, 255 - ramp]))).convert("RGB")).astype(int)
    assert np.abs(back - ramp).max() < 8


@pytest.mark.parametrize(("frames", "milliseconds", "complaint"), [
    ([], 200, "no frame"), ([FRAMES[0], FRAMES[0][:10]], 200, "one size"), ([FRAMES[0] / 255], 200, "uint8"),
    ([FRAMES[0][..., 0]], 200, "uint8"), (FRAMES, 0, "10 to 10000"), (FRAMES, 99999, "10 to 10000"),
])  # fmt: skip
@pytest.mark.parametrize("make", [webp_bytes, gif_bytes])
def test_what_cannot_play_is_refused(make, frames, milliseconds, complaint):
    with pytest.raises(UserError, match=complaint):
        make(frames, milliseconds)
