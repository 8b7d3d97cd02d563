"""Mask files → label maps that fit a picture and a model's classes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from recam_core.images.decode_process import decoded_apart
from recam_core.images.decoding import MAX_FILE_BYTES, decoding, display_name, open_image, read_bytes
from recam_core.images.visualise import CLASS_COLOURS
from recam_core.records import IGNORE, Picture, UserError

COLOURS = 1 << 24  # of 8-bit RGB
WHITE = COLOURS - 1
NO_LABEL = 256
VOC_LABELS = {(r, g, b): label for label, (r, g, b) in enumerate(CLASS_COLOURS.tolist())}
STRIP = 64  # rows of a colour picture that are looked up at a time


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
    labels, facts = decoded_apart(
        "mask", data, name, stored=picture.original_size, working=(width, height), classes=len(classes)
    )
    return Mask(labels, facts["binary"])


def decode_mask(
    data: bytes, name: str, *, stored: Sequence[int], working: Sequence[int], classes: int
) -> tuple[np.ndarray, dict[str, bool]]:
    """Labels of a file (see `read_mask`) at the ``working`` size (width, height) of its picture, and whether it is ``binary``.

    Raises ``UserError`` as `read_mask` does.
    """
    with decoding(name):
        image = open_image(data, name, ("PNG",))
        _check_mask_size(image.size, (stored[0], stored[1]), (working[0], working[1]), name)
        mode, values = image.mode, _mask_values(image, name)
        del image  # as large as the values
        present = _present(values)
    objects = present[present != 0]
    if classes >= IGNORE and len(objects) > 1:
        raise UserError(
            f"“{name}” holds label values, and they cannot name {classes} classes; give a mask in black and white: object "
            "or not."
        )
    binary = classes >= IGNORE or mode == "1" or (len(objects) == 1 and not 1 <= objects[0] <= classes)
    if not binary:
        _check_values(objects, classes, name, "Choose the model this mask was made for, or change those values.")
    labels = (values != 0).view(np.uint8) if binary else values.astype(np.uint8)
    return resize_labels(labels, (working[1], working[0])), {"binary": bool(binary)}


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
    _check_values(_present(values), classes, name, "Write those classes' positions in the list of classes plus one.")
    return values.astype(np.uint8)


def resize_labels(labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Label values (H, W) uint8 at another ``shape`` (rows, columns), by nearest neighbour: no value is invented."""
    if labels.shape == shape:
        return labels
    return np.array(Image.fromarray(labels).resize((shape[1], shape[0]), Image.Resampling.NEAREST))


def shown_classes(mask: np.ndarray) -> np.ndarray:
    """Positions of the classes that a label map (H, W) uint8 shows, beside background and what does not count."""
    return np.flatnonzero(np.bincount(mask.ravel(), minlength=IGNORE)[1:IGNORE])


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
        values = np.asarray(image).astype(np.uint16)
        if image.mode == "P":
            _check_palette(image, _present(values), name)
        return values
    if image.mode != "RGB":
        raise UserError(f"“{name}” has the pixel type {image.mode}; expected an indexed, grey or 1-bit PNG.")
    if (grey := _grey_values(image)) is not None:
        return grey
    values, strange = _colour_values(image)
    if strange == [WHITE] and set(_present(values)) <= {0, NO_LABEL}:  # black and white: object or not
        values[values == NO_LABEL] = IGNORE
    elif strange:
        named = [f"#{code:06x}" for code in strange]
        raise UserError(
            f"“{name}” is a colour picture with colours that are no VOC label colours: {_some(named)}. Save it as an "
            "indexed or grey PNG of label values, without smoothing, or as black and white."
        )
    return values


def _check_palette(image: Image.Image, used: np.ndarray, name: str) -> None:
    """Refuse an indexed mask in VOC's colours whose indices are others than VOC's: programs number colours as they come."""
    palette = np.frombuffer(image.palette.tobytes() if image.palette else b"", np.uint8)
    if image.palette is None or image.palette.mode != "RGB" or len(palette) < 3 * (int(used.max()) + 1):
        return
    colours = [tuple(colour) for colour in palette.reshape(-1, 3)[used].tolist()]
    labels = [VOC_LABELS.get(colour, NO_LABEL) for colour in colours]
    coloured = any(max(colour) > min(colour) for colour in colours)
    if coloured and len(set(colours)) == len(colours) and NO_LABEL not in labels and labels != used.tolist():
        differ = next((index, label) for index, label in zip(used.tolist(), labels, strict=True) if index != label)
        raise UserError(
            f"“{name}” holds the index {differ[0]} in the colour that VOC gives to the label {differ[1]}, which leaves open "
            "what is meant. Save it as RGB, or as grey PNG of label values."
        )


def _colour_values(image: Image.Image) -> tuple[np.ndarray, list[int]]:
    """Label values (H, W) uint16 of VOC's colours, ``NO_LABEL`` for others, and those others; a strip of rows at a time."""
    labels = np.full(COLOURS, NO_LABEL, np.uint16)
    labels[CLASS_COLOURS @ np.array([1 << 16, 1 << 8, 1])] = np.arange(len(CLASS_COLOURS))
    strange = np.zeros(COLOURS, bool)
    values = np.empty((image.height, image.width), np.uint16)
    for top, rows in _strips(image):
        codes = np.frombuffer(rows.tobytes("raw", "BGRX"), "<u4")  # a number for each colour: 0xRRGGBB
        strip = labels[codes]
        if strip.max() == NO_LABEL:
            strange[codes[strip == NO_LABEL]] = True
        values[top : top + STRIP] = strip.reshape(-1, image.width)
    return values, np.flatnonzero(strange).tolist()


def _present(values: np.ndarray) -> np.ndarray:
    """The values that occur in (H, W) uint16, in order; sorting millions of them would take seconds and their memory again."""
    is_used = np.zeros(1 << 16, bool)
    for row in values:
        is_used[row] = True
    return np.flatnonzero(is_used)


def _grey_values(image: Image.Image) -> np.ndarray | None:
    """Label values (H, W) uint16 of a grey mask that was saved as RGB; None where its colours may be VOC's, as some greys are."""
    values = np.empty((image.height, image.width), np.uint16)
    for top, rows in _strips(image):
        red, green, blue = rows.split()
        if not red == green == blue:
            return None
        values[top : top + STRIP] = np.asarray(red)
    of_voc = {int(r) for r, g, b in CLASS_COLOURS if r == g == b} | {255}
    return None if set(_present(values)) <= of_voc else values


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """The first row of each strip, and the strip."""
    for top in range(0, image.height, STRIP):
        yield top, image.crop((0, top, image.width, min(top + STRIP, image.height)))


def _some(things: Sequence[object]) -> str:
    shown = ", ".join(str(thing) for thing in things[:5])
    return shown if len(things) <= 5 else f"{shown} and {len(things) - 5} more"
