"""Make the README's picture: one photo, its CAM, and what ReCAM makes of it: ``PYTHONPATH=. python docs/make_animation.py``."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from recam_core import UserError, class_curves, explain, load_pair, sample_mask
from recam_core.cam.thresholds import best_readout, seed_threshold
from recam_core.images.animation import webp_bytes
from recam_core.images.pictures import resize_long_side
from recam_core.images.visualise import outlined, overlay
from recam_core.records import IGNORE
from recam_core.system.files import save_atomically

TARGET = Path(__file__).parent / "images" / "cam-to-recam.webp"
PHOTO, LABEL, MODEL = "chelsea", "cat", "voc"
LONG_SIDE, STRIP = 480, 34  # pixels: the picture, and the line of text below it
PAUSE, BLEND = 8, 8  # frames that a map stays, and frames from one to the next


def main() -> None:
    """Write the animation: the photo, CAM, ReCAM, each cut at its own measured threshold, with its IoU with the true mask."""
    pair = load_pair(MODEL)
    names = ["cam", best_readout(pair)]
    explanation = explain(PHOTO, MODEL, [LABEL], names)
    first, last = (explanation[name].maps[0] for name in names)
    if not (first.any() and last.any()):
        raise UserError(f"The model finds no {LABEL} in {PHOTO}; choose another photo.")
    cuts = [seed_threshold(pair, name)[0] for name in names]
    mask = sample_mask(PHOTO, pair.classes)
    truth = np.where(mask == IGNORE, IGNORE, mask == pair.class_ids([LABEL])[0] + 1).astype(np.uint8)[None]
    rates = [
        class_curves(explanation[name], truth).iou[0, round(100 * cut)] for name, cut in zip(names, cuts, strict=True)
    ]
    words = [
        f"{name}: IoU {iou:.0%} at its own threshold {cut:.2f}"
        for name, iou, cut in zip(("CAM", "ReCAM"), rates, cuts, strict=True)
    ]
    ways = [0.0] * PAUSE + [(i + 1) / (BLEND + 1) for i in range(BLEND)] + [1.0] * PAUSE
    picture = explanation.evidence.picture
    frames = [titled(picture, f"photo: {PHOTO}")] * (PAUSE // 2)
    for way in ways:
        maps, cut = first + way * (last - first), cuts[0] + way * (cuts[1] - cuts[0])
        frames.append(titled(outlined(overlay(picture, maps), maps > cut), words[round(way)]))
    save_atomically(TARGET, webp_bytes(frames, 120, quality=60))
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
