"""Mask files → label maps that fit a picture and a model's classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from recam_core.images.decoding import MAX_FILE_BYTES, decoding, display_name, open_image, read_bytes
from recam_core.images.visualise import CLASS_COLOURS
from recam_core.records import IGNORE, Picture, UserError


@dataclass(frozen=True, eq=False)
class Mask:
    """What a mask file says: ``labels`` (H, W) uint8 at the picture's working size.

    ``binary`` False: 0 background, class id + 1, 255 ignore. ``binary`` True: the file only says "object or not";
    labels are 0 and 1, and 1 stands for whichever one class the person chooses.
    """

    labels: np.ndarray
    binary: bool


def read_mask(source: bytes | str | Path, *, picture: Picture, classes: Sequence[str], name: str = "") -> Mask:
    """Read a mask PNG for ``picture`` as label values of ``classes`` (K names), or as "object or not".

    Label maps: grey or indexed 0 background, 1 … K class id + 1, 255 ignore, or RGB in the VOC label colours. A 1-bit
    PNG, or one with 0 and a single other value that is no label of ``classes`` (such as 255), is "object or not".
    The file must have the picture's stored (upright) or working size; it is reduced by nearest neighbour.
    Raises ``UserError`` for other files, sizes, values or colours.
    """
    name = display_name(name or ("" if isinstance(source, bytes) else str(source)), "the mask")
    data = read_bytes(source, name, MAX_FILE_BYTES)
    height, width = picture.pixels.shape[:2]
    with decoding(name):
        image = open_image(data, name, ("PNG",))
        _check_mask_size(image.size, picture.original_size, (width, height), name)
        values = _mask_values(image, name)
    present = np.unique(values)
    objects = present[present != 0]
    if len(classes) >= IGNORE and len(objects) > 1:
        raise UserError(
            f"“{name}” holds label values, and they cannot name {len(classes)} classes; give a mask in black and white: object "
            "or not."
        )
    binary = len(classes) >= IGNORE or image.mode == "1" or (len(objects) == 1 and not 1 <= objects[0] <= len(classes))
    if not binary:
        _check_values(objects, len(classes), name, "Choose the model this mask was made for, or change those values.")
    labels = (values != 0).astype(np.uint8) if binary else values.astype(np.uint8)
    return Mask(resize_labels(labels, (height, width)), binary)


def read_label_map(source: str | Path, *, size: tuple[int, int], classes: int, name: str = "") -> np.ndarray:
    """A data set's own mask PNG of a picture of ``size`` (width, height), upright: label map (H, W) uint8.

    Grey or indexed: 0 background, 1 … ``classes`` class index + 1, 255 ignore; or RGB in the VOC label colours. Raises
    ``UserError`` for other files, sizes, values or colours, and for black and white that leaves open which class is meant.
    """
    name = display_name(name or str(source), "the mask")
    with decoding(name):
        image = open_image(read_bytes(source, name, MAX_FILE_BYTES), name, ("PNG",))
        _check_mask_size(image.size, size, size, name)
        values = _mask_values(image, name)
    if image.mode == "1" and classes > 1 and values.any():
        raise UserError(
            f"“{name}” is in black and white, which does not say which of {classes} classes is meant. Write label values: a "
            "class's position in the list of classes plus one."
        )
    _check_values(np.unique(values), classes, name, "Write those classes' positions in the list of classes plus one.")
    return values.astype(np.uint8)


def resize_labels(labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Label values (H, W) uint8 at another ``shape`` (rows, columns), by nearest neighbour: no value is invented."""
    if labels.shape == shape:
        return labels
    return np.array(Image.fromarray(labels).resize((shape[1], shape[0]), Image.Resampling.NEAREST))


def shows_class(mask: np.ndarray) -> bool:
    """Does a label map show any class, beside background and what does not count?"""
    return bool(((mask != 0) & (mask != IGNORE)).any())


def _check_values(values: np.ndarray, classes: int, name: str, remedy: str) -> None:
    unknown = [int(value) for value in values if value > classes and value != IGNORE]
    if unknown:
        raise UserError(
            f"“{name}” holds the label values {_some(unknown)}, but there are {classes} classes: expected 0 "
            f"(background), 1 to {classes}, or {IGNORE} (ignore). {remedy}"
        )


def _check_mask_size(size: tuple[int, int], stored: tuple[int, int], working: tuple[int, int], name: str) -> None:
    """Expect (width, height) of a mask to be a picture's own or the working one."""
    width, height = size
    if size in (stored, working):
        return
    hint = f"Save the mask at {stored[0]}×{stored[1]}"
    if (height, width) in (stored, working):
        hint += "; it seems to lie on its side, so turn it the way the picture is shown"
    also = f" (or {working[0]}×{working[1]}, as shown)" if working != stored else ""
    raise UserError(f"“{name}” is {width}×{height} pixels, but the picture is {stored[0]}×{stored[1]}{also}. {hint}.")


def _mask_values(image: Image.Image, name: str) -> np.ndarray:
    """Label values (H, W) of a decoded mask, colours looked up; any unsigned integer type."""
    image.load()
    if image.mode in ("RGBA", "LA"):
        if image.getchannel("A").getextrema() != (255, 255):
            raise UserError(f"“{name}” has transparent parts, which say nothing about classes. Save it without them.")
        image = image.convert(image.mode[:-1])
    if image.mode in ("1", "L", "P") or image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode != "RGB":
        raise UserError(f"“{name}” has the pixel type {image.mode}; expected an indexed, grey or 1-bit PNG.")
    if (grey := _grey(image)) is not None:
        return grey
    rgb = np.asarray(image).astype(np.uint32)
    codes, inverse = np.unique(rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2], return_inverse=True)
    known = {(int(r) << 16 | int(g) << 8 | int(b)): label for label, (r, g, b) in enumerate(CLASS_COLOURS)}
    if set(codes.tolist()) <= {0, 0xFFFFFF}:
        known[0xFFFFFF] = IGNORE  # black and white: object or not
    strange = [f"#{code:06x}" for code in codes.tolist() if code not in known]
    if strange:
        raise UserError(
            f"“{name}” is a colour picture with colours that are no VOC label colours: {_some(strange)}. Save it as an "
            "indexed or grey PNG of label values, without smoothing, or as black and white."
        )
    return np.array([known[code] for code in codes.tolist()], dtype=np.uint16)[inverse].reshape(rgb.shape[:2])


def _grey(image: Image.Image) -> np.ndarray | None:
    """Label values of a grey mask that was saved as RGB; None where its colours may be VOC's, which some greys are."""
    red, green, blue = image.split()
    if not red == green == blue:
        return None
    of_voc = {int(r) for r, g, b in CLASS_COLOURS if r == g == b} | {255}
    present = {value for value, count in enumerate(red.histogram()) if count}
    return None if present <= of_voc else np.asarray(red).astype(np.uint16)


def _some(things: Sequence[object]) -> str:
    shown = ", ".join(str(thing) for thing in things[:5])
    return shown if len(things) <= 5 else f"{shown} and {len(things) - 5} more"
