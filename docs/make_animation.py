"""Make the README's picture: one photo, its CAM, and what ReCAM makes of it: ``python docs/make_animation.py``."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from recam_core import UserError, explain
from recam_core.images.animation import webp_bytes
from recam_core.images.pictures import resize_long_side
from recam_core.images.visualise import overlay
from recam_core.system.files import save_atomically

TARGET = Path(__file__).parent / "images" / "cam-to-recam.webp"
PHOTO, LABEL, READOUT = "chelsea", "cat", "sum"
LONG_SIDE, STRIP = 480, 34  # pixels: the picture, and the line of text below it
PAUSE, BLEND = 8, 8  # frames that a map stays, and frames from one to the next


def main() -> None:
    """Write the animation: the photo, CAM, ReCAM, each with its name and what it covers."""
    explanation = explain(PHOTO, "voc", [LABEL], ["cam", READOUT])
    threshold = explanation.display.threshold
    cam, recam = (explanation[name].maps[0] for name in ("cam", READOUT))
    if not (cam.any() and recam.any()):
        raise UserError(f"The model finds no {LABEL} in {PHOTO}; choose another photo.")
    words = [
        f"{name}: {100 * (maps > threshold).mean():.0f} % of the picture above {threshold:g}"
        for name, maps in (("CAM", cam), ("ReCAM", recam))
    ]
    maps = [cam] * PAUSE
    maps += [cam + (recam - cam) * (i + 1) / (BLEND + 1) for i in range(BLEND)]
    maps += [recam] * PAUSE
    texts = [words[0]] * (PAUSE + BLEND // 2) + [words[1]] * (BLEND - BLEND // 2 + PAUSE)
    frames = [titled(explanation.evidence.picture, f"photo: {PHOTO}")] * (PAUSE // 2)
    frames += [titled(overlay(explanation.evidence.picture, m), text) for m, text in zip(maps, texts, strict=True)]
    save_atomically(TARGET, webp_bytes(frames, 120, quality=82))
    print(f"{TARGET}: {TARGET.stat().st_size / 1024:.0f} KiB; " + "; ".join(words))


def titled(picture: np.ndarray, text: str) -> np.ndarray:
    """A frame (H + strip, W, 3): a picture with a line of text below it."""
    small = resize_long_side(picture, LONG_SIDE)
    frame = Image.new("RGB", (small.shape[1], small.shape[0] + STRIP), "white")
    frame.paste(Image.fromarray(small))
    place = frame.width / 2, small.shape[0] + STRIP / 2
    ImageDraw.Draw(frame).text(place, text, fill="#1d2330", font=ImageFont.load_default(18), anchor="mm")
    return np.asarray(frame)


if __name__ == "__main__":
    main()
