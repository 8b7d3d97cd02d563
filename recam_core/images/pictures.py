"""Picture files → upright RGB arrays, brought down to a size that a server can keep."""

import hashlib
import math
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from recam_core.images.decode_process import decoded_apart
from recam_core.images.decoding import FORMATS, MAX_FILE_BYTES, decoding, display_name, open_image, read_bytes
from recam_core.records import Picture, UserError

MIN_SIDE = 32
MANY_PIXELS = 16_000_000  # from here on pictures are decoded one at a time, whoever asks
KEEP_SIDE = 1024
FEW_VALUES = 1 << 14  # 16-bit values below this are those of a camera with fewer bits, and nearly black
COLOUR16 = re.compile(r"(RGB[XA]?;16)([LBN])")  # Pillow's names of 16-bit colours; it keeps their high bytes alone

# Tags of a TIFF, and the grey ones whose numbers Pillow takes for others: (its mode, sample format, bits) → what they are.
BITS, PHOTOMETRIC, SAMPLE_FORMAT, WHITE_IS_ZERO = 258, 262, 339, 0
READ_OTHERWISE = {("I", 1, 32): np.uint32, ("L", 2, 8): np.int8}

# EXIF orientation → what turns the stored pixels upright (1 is upright already).
_UPRIGHT = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_90}  # fmt: skip


def read_image(
    source: bytes | str | Path,
    *,
    name: str = "",
    max_bytes: int = MAX_FILE_BYTES,
    keep_side: int = KEEP_SIDE,
    apart: bool = True,
) -> Picture:
    """Read a picture from a path or from the bytes of a file.

    Returns upright RGB pixels (H, W, 3) uint8, brought down to a long side of ``keep_side`` where larger. Of animations
    the first frame; transparency over white; 16-bit, 32-bit and CMYK values as 8-bit RGB; ``notes`` say what was done.
    It is decoded by a process with limits of time and memory; not ``apart`` where the files are the operator's own, as those
    of data sets. Raises ``UserError`` for anything missing, empty, too large, too small, too narrow, damaged or no picture,
    and for what takes longer or more memory than pictures do.

    ```python
    picture = recam.read_image("dog.jpg")
    picture.pixels, picture.original_size, picture.notes
    ```
    """
    name = display_name(name or ("" if isinstance(source, bytes) else str(source)))
    data = read_bytes(source, name, max_bytes)
    if apart:
        pixels, facts = decoded_apart("picture", data, name, keep_side=keep_side)
    else:
        pixels, facts = decode_picture(data, name, keep_side=keep_side)
    width, height = facts["size"]
    return Picture(pixels, name, hashlib.sha256(data).hexdigest(), (width, height), tuple(facts["notes"]))


def decode_picture(data: bytes, name: str, *, keep_side: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Upright RGB pixels of a file (see `read_image`) and its facts: the ``size`` (width, height) that it had, and ``notes``."""
    with decoding(name):
        image = open_image(data, name, tuple(FORMATS))
        width, height = image.size
        target = _target_size(width, height, keep_side)
        _check_sides(width, height, target, name)
        notes = _frame_notes(image, data, name)
        image.draft(None, (2 * target[0], 2 * target[1]))  # lets JPEG decode small; others ignore it
        stored = _stored_as(image)
        image.load()
        orientation = image.getexif().get(0x0112, 1)  # TIFF turns itself on loading and then says 1
        if ";16" in stored and image.mode in ("RGB", "RGBA") and max(_peaks(image)) < FEW_VALUES >> 8:
            image = _few_bits(image, data, name, notes)
        upright = _to_rgb(image, target, name, notes)
    if orientation in _UPRIGHT:
        upright = upright.transpose(_UPRIGHT[orientation])
        notes.append(f"turned upright (EXIF orientation {orientation})")
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    if upright.size != (width, height):
        notes.append(f"brought down from {width}×{height} to {upright.width}×{upright.height}")
    return np.array(upright), {"size": (width, height), "notes": notes}


def check_image(source: str | Path, *, max_bytes: int = MAX_FILE_BYTES, keep_side: int = KEEP_SIDE) -> None:
    """See that `read_image` would read a picture, as cheaply as its format allows; several threads may do so at once.

    All of the file is decoded, a JPEG at an eighth of its size. Raises ``UserError`` as `read_image` does.
    """
    name = display_name(str(source))
    data = read_bytes(source, name, max_bytes)
    with decoding(name, alone=False):
        image = open_image(data, name, tuple(FORMATS))
        _check_sides(*image.size, _target_size(*image.size, keep_side), name)
    with decoding(name, alone=image.width * image.height > MANY_PIXELS):
        image.draft(None, (image.width // 8, image.height // 8))
        image.load()
        if image.mode in ("I", "F"):
            _range(np.asarray(image), name)


def upright_size(source: str | Path, *, max_bytes: int = MAX_FILE_BYTES) -> tuple[int, int]:
    """(width, height) of a picture as it is shown, from its header; raises ``UserError`` as `read_image` does."""
    name = display_name(str(source))
    with decoding(name):
        image = open_image(read_bytes(source, name, max_bytes), name, tuple(FORMATS))
        width, height = image.size
        # the size of a TIFF is that of the upright picture already
        turned = image.format != "TIFF" and image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    return (height, width) if turned else (width, height)


def resize_long_side(pixels: np.ndarray, long_side: int) -> np.ndarray:
    """Bring (H, W, 3) or (H, W) uint8 down to a long side of at most ``long_side``; smaller ones come back as is.

    Bicubic over the whole source area of each pixel, so fine patterns do not alias.
    """
    height, width = pixels.shape[:2]
    if max(height, width) <= long_side:
        return pixels
    size = _target_size(width, height, long_side)
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def working_picture(pixels: np.ndarray, long_side: int) -> np.ndarray:
    """The picture at the working size that a model looks at; ``UserError`` where it would become too narrow."""
    small = resize_long_side(pixels, long_side)
    if small is not pixels and min(small.shape[:2]) < MIN_SIDE:
        raise UserError(
            f"At the working size of {long_side} pixels this picture is {small.shape[1]}×{small.shape[0]}; both "
            f"sides must be at least {MIN_SIDE}. Choose a larger working size or a less elongated picture."
        )
    return small


def _target_size(width: int, height: int, long_side: int) -> tuple[int, int]:
    """(width, height) brought down to ``long_side``; never up."""
    scale = min(1.0, long_side / max(width, height, 1))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _check_sides(width: int, height: int, target: tuple[int, int], name: str) -> None:
    if min(width, height) < MIN_SIDE:
        raise UserError(f"“{name}” is {width}×{height} pixels; both sides must be at least {MIN_SIDE}. "
                        "Use a larger version of the picture.")  # fmt: skip
    if min(target) < MIN_SIDE:
        raise UserError(
            f"“{name}” is {width}×{height} pixels, too long and narrow: brought down to a long side of {max(target)}, "
            f"its short side would be {min(target)} and at least {MIN_SIDE} are needed. Cut out the part of interest."
        )


def _frame_notes(image: Image.Image, data: bytes, name: str) -> list[str]:
    """Whether there are more frames or pages; those of a TIFF or GIF are not counted, which may take for ever."""
    if image.format in ("WEBP", "PNG"):  # a phone's JPEG may carry a depth map as its second picture
        count = getattr(image, "n_frames", 1)
        return [f"first of {count} frames"] if count > 1 else []
    if image.format == "TIFF":
        return ["first of several pages"] if getattr(image, "is_animated", False) else []
    if image.format != "GIF":
        return []
    try:
        several = getattr(open_image(data, name, ("GIF",)), "is_animated", False)  # on a copy: looking moves the reader
    except Exception:  # a later frame is damaged; the first may be whole
        return []
    return ["first of several frames"] if several else []


def _to_rgb(image: Image.Image, target: tuple[int, int], name: str, notes: list[str]) -> Image.Image:
    """8-bit RGB at no more than ``target`` size (turned or not, as stored) from whatever mode the file has."""
    image = _grey8(image, name, notes)
    transparent = image.has_transparency_data
    mode = "RGBA" if transparent else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    if max(image.size) > max(target):
        size = _target_size(*image.size, max(target))
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    if transparent:
        if image.getchannel("A").getextrema() != (255, 255):
            notes.append("transparent parts shown on white")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image


def _grey8(image: Image.Image, name: str, notes: list[str]) -> Image.Image:
    """Grey of other numbers than 8-bit ones as 8-bit grey; anything else comes back as it is."""
    tags = getattr(image, "tag_v2", {})  # of a TIFF
    numbers = (image.mode, max(tags.get(SAMPLE_FORMAT, (1,))), max(tags.get(BITS, (1,))))
    if image.mode.startswith("I;16"):
        grey = _grey16(image, name, notes)
    elif numbers in READ_OTHERWISE:
        grey = _stretch(np.asarray(image).view(READ_OTHERWISE[numbers]), name, notes)
    elif image.mode in ("I", "F"):
        grey = _stretch(np.asarray(image), name, notes)
    else:
        return image
    return ImageOps.invert(grey) if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO else grey


def _grey16(image: Image.Image, name: str, notes: list[str]) -> Image.Image:
    """16-bit grey as 8-bit grey; cameras that see 10, 12 or 14 bits leave the rest dark, so theirs is stretched."""
    values, clear = np.asarray(image), image.info.get("transparency")
    if values.max(initial=0) < FEW_VALUES:
        grey = _stretch(values, name, notes)
    else:
        grey = Image.fromarray(
            ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
        )  # 65535 → 255, to the nearest
        notes.append("16-bit grey brought to 8 bits")
    if not isinstance(clear, int):
        return grey
    return Image.merge("LA", (grey, Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))))


def _stored_as(image: Image.Image) -> str:
    """Pillow's name of how the pixels of a picture that is not decoded yet lie in its file; "" where it has none."""
    args = image.tile[0].args if image.tile else ""  # type: ignore[attr-defined]
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _peaks(image: Image.Image) -> list[int]:
    """The largest red, green and blue."""
    return [image.getchannel(band).getextrema()[1] for band in "RGB"]  # type: ignore[misc]


def _few_bits(image: Image.Image, data: bytes, name: str, notes: list[str]) -> Image.Image:
    """16-bit colours that use few of their bits, stretched by one range for all three; ``image`` has their high bytes.

    The low bytes are read as high ones of the other byte order.
    """
    low = open_image(data, name, (str(image.format),))
    order = COLOUR16.fullmatch(_stored_as(low))
    if order is None or image.width * image.height > MANY_PIXELS:
        notes.append("nearly black: its 16-bit values use few of their bits; brighten it and save it as 8-bit PNG")
        return image
    little = order[2] == "L" or (order[2] == "N" and sys.byteorder == "little")
    raw = order[1] + ("B" if little else "L")
    low.tile = [  # type: ignore[attr-defined]
        part._replace(args=(raw, *part.args[1:]) if isinstance(part.args, tuple) else raw)
        for part in low.tile  # type: ignore[attr-defined]
    ]
    low.load()
    values = np.asarray(image).astype(np.uint16) << 8 | np.asarray(low)
    colours = _stretch(values[..., :3], name, notes)
    if image.mode == "RGBA":
        most = int(values[..., 3].max())
        whole = most if 0 < most < FEW_VALUES else 65535
        colours.putalpha(Image.fromarray(np.rint(values[..., 3] * (255 / whole)).astype(np.uint8)))
    elif isinstance(clear := image.info.get("transparency"), tuple):
        colours.putalpha(Image.fromarray(np.where((values == clear).all(-1), 0, 255).astype(np.uint8)))
    return colours


def _stretch(values: np.ndarray, name: str, notes: list[str]) -> Image.Image:
    """Values without an agreed white; black is their smallest and white their largest."""
    low, high = _range(values, name)
    span = (high - low) or 1.0
    notes.append(f"values {low:g} to {high:g} stretched to 0–255")
    grey = np.empty(values.shape, np.uint8)
    for row, shown in zip(values, grey, strict=True):  # float64 of all rows would take eight times the memory
        shown[:] = np.rint((row.astype(np.float64) - low) * (255 / span))
    return Image.fromarray(grey)


def _range(values: np.ndarray, name: str) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UserError(f"“{name}” holds values that are not finite numbers (NaN or infinity). Save it as 8-bit PNG.")
    return low, high
