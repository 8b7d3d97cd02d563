"""Picture and mask files → arrays: upright RGB, checked for size before anything large is decoded.

Every refusal is a ``UserError`` that names the file, what was expected, what came, and what to do.
"""

import contextlib
import hashlib
import io
import math
import re
import stat
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from recam_core.records import IGNORE, Picture, UserError
from recam_core.visualise import CLASS_COLOURS

MAX_FILE_BYTES = 20 * 2**20
MAX_PIXELS = 120_000_000
MIN_SIDE = 32
KEEP_SIDE = 1024
FORMATS = {"JPEG": "JPEG", "PNG": "PNG", "WEBP": "WebP", "BMP": "BMP", "TIFF": "TIFF", "GIF": "GIF"}
_FORMAT_LIST = "JPEG, PNG, WebP, BMP, TIFF or GIF"

# What people bring along instead; only used to say what came.
_FOREIGN = (
    (4, b"ftyp", "a HEIC, AVIF or video file"), (0, b"%PDF", "a PDF"), (0, b"8BPS", "a Photoshop file"),
    (0, b"\x00\x00\x00\x0cjP", "a JPEG 2000 file"), (0, b"PK\x03\x04", "a ZIP archive"), (0, b"<svg", "an SVG drawing"),
    (0, b"\x00\x00\x01\x00", "an icon file"),
)  # fmt: skip

# EXIF orientation → what turns the stored pixels upright (1 is upright already).
_UPRIGHT = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_90}  # fmt: skip

# Decoding one file at a time bounds the memory of a server, and warning filters are shared by all threads.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, eq=False)
class Mask:
    """What a mask file says: ``labels`` (H, W) uint8 at the picture's working size.

    ``binary`` False: 0 background, class id + 1, 255 ignore. ``binary`` True: the file only says "object or not";
    labels are 0 and 1, and 1 stands for whichever one class the person chooses.
    """

    labels: np.ndarray
    binary: bool


def read_image(
    source: bytes | str | Path, *, name: str = "", max_bytes: int = MAX_FILE_BYTES, keep_side: int = KEEP_SIDE
) -> Picture:
    """Read a picture from a path or from the bytes of a file.

    Returns upright RGB pixels (H, W, 3) uint8, brought down to a long side of ``keep_side`` where larger. Of animations
    the first frame; transparency over white; 16-bit, 32-bit and CMYK values as 8-bit RGB; ``notes`` say what was done.
    Raises ``UserError`` for anything missing, empty, too large, too small, too narrow, damaged or no picture.
    """
    name = display_name(name or ("" if isinstance(source, bytes) else str(source)))
    data = _read_bytes(source, name, max_bytes)
    with _decoding(name):
        image = _open(data, name, tuple(FORMATS))
        width, height = image.size
        target = _target_size(width, height, keep_side)
        _check_sides(width, height, target, name)
        notes = _frame_notes(data, name, image.format)
        image.draft(None, (2 * target[0], 2 * target[1]))  # lets JPEG decode small; others ignore it
        image.load()
        orientation = image.getexif().get(0x0112, 1)  # TIFF turns itself on loading and then says 1
        upright = _to_rgb(image, target, name, notes)
    if orientation in _UPRIGHT:
        upright = upright.transpose(_UPRIGHT[orientation])
        notes.append(f"turned upright (EXIF orientation {orientation})")
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    if upright.size != (width, height):
        notes.append(f"brought down from {width}×{height} to {upright.width}×{upright.height}")
    return Picture(np.array(upright), name, hashlib.sha256(data).hexdigest(), (width, height), tuple(notes))


def resize_long_side(pixels: np.ndarray, long_side: int) -> np.ndarray:
    """Bring (H, W, 3) or (H, W) uint8 down to a long side of at most ``long_side``; smaller ones come back as is.

    Bicubic over the whole source area of each pixel, so fine patterns do not alias.
    """
    height, width = pixels.shape[:2]
    if max(height, width) <= long_side:
        return pixels
    size = _target_size(width, height, long_side)
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def resize_labels(labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Label values (H, W) uint8 at another ``shape`` (rows, columns), by nearest neighbour: no value is invented."""
    if labels.shape == shape:
        return labels
    return np.array(Image.fromarray(labels).resize((shape[1], shape[0]), Image.Resampling.NEAREST))


def read_mask(source: bytes | str | Path, *, picture: Picture, classes: Sequence[str], name: str = "") -> Mask:
    """Read a mask PNG for ``picture`` as label values of ``classes`` (K names), or as "object or not".

    Label maps: grey or indexed 0 background, 1 … K class id + 1, 255 ignore, or RGB in the VOC label colours. A 1-bit
    PNG, or one with 0 and a single other value that is no label of ``classes`` (such as 255), is "object or not".
    The file must have the picture's stored (upright) or working size; it is reduced by nearest neighbour.
    Raises ``UserError`` for other files, sizes, values or colours.
    """
    name = display_name(name or ("" if isinstance(source, bytes) else str(source)), "the mask")
    data = _read_bytes(source, name, MAX_FILE_BYTES)
    height, width = picture.pixels.shape[:2]
    with _decoding(name):
        image = _open(data, name, ("PNG",))
        _check_mask_size(image.size, picture, name)
        values = _mask_values(image, name)
    present = np.unique(values)
    objects = present[present != 0]
    binary = image.mode == "1" or (len(objects) == 1 and not 1 <= objects[0] <= len(classes))
    unknown = [int(value) for value in objects if value > len(classes) and value != IGNORE]
    if unknown and not binary:
        raise UserError(
            f"“{name}” holds the label values {_some(unknown)}, but there are {len(classes)} classes: expected 0 "
            f"(background), 1 to {len(classes)}, or {IGNORE} (ignore). Choose the model this mask was made for, "
            "or change those values."
        )
    labels = (values != 0).astype(np.uint8) if binary else values.astype(np.uint8)
    return Mask(resize_labels(labels, (height, width)), binary)


def display_name(name: str, fallback: str = "the picture") -> str:
    """The base name of a file as it may be shown: no folders, nothing unprintable, at most 60 characters."""
    base = re.split(r"[\\/]", name)[-1].strip()
    base = "".join(c if c.isprintable() else "?" for c in base)
    return (base if len(base) <= 60 else f"{base[:40]}…{base[-19:]}") or fallback


def _read_bytes(source: bytes | str | Path, name: str, max_bytes: int) -> bytes:
    if isinstance(source, bytes):
        data, size = source, len(source)
    else:
        try:
            status = Path(source).stat()
            if not stat.S_ISREG(status.st_mode):
                kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
                raise UserError(f"“{name}” is {kind}; expected a picture file. Name one file in it.")
            with Path(source).open("rb") as stream:
                data = stream.read(max_bytes + 1)  # never more, whatever the file system says about its size
            size = max(status.st_size, len(data))
        except FileNotFoundError:
            raise UserError(f"There is no file “{name}” at the place given; check the path.") from None
        except UserError:
            raise
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(f"“{name}” could not be read ({reason}); check the path and its permissions.") from None
    if size == 0:
        raise UserError(f"“{name}” is empty (0 bytes); expected a picture. Save or upload it again.")
    if size > max_bytes:
        raise UserError(f"“{name}” has {_megabytes(size)} MB; at most {_megabytes(max_bytes)} MB are read. "
                        "Save it smaller, or as JPEG.")  # fmt: skip
    return data


@contextlib.contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Quiet and alone; whatever a decoder throws at damaged bytes becomes one sentence."""
    damaged = f"“{name}” is damaged or cut short, so it cannot be decoded. Copy, export or upload it again."
    try:
        with _one_at_a_time, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UserError:
        raise
    except MemoryError:
        raise UserError(f"There is not enough memory to decode “{name}”. Save it with fewer pixels.") from None
    except Image.DecompressionBombError:
        raise UserError(f"“{name}” claims more pixels than the {MAX_PIXELS // 10**6} million that are read. "
                        "Save it smaller.") from None  # fmt: skip
    except Exception:  # decoders raise a dozen kinds of errors on hostile bytes
        raise UserError(damaged) from None


def _open(data: bytes, name: str, formats: tuple[str, ...]) -> Image.Image:
    """Read the header of one of ``formats``.

    Pillow's own ``open`` warns from 89 million pixels on and hides the size behind an exception beyond 179 million;
    asking its plugins directly leaves the limit, and the sentence about it, to us.
    """
    Image.init()
    for kind in formats:
        factory, accept = Image.OPEN[kind]
        if accept is None or accept(data[:16]) is not True:
            continue
        image = factory(io.BytesIO(data), "")
        if image.width * image.height > MAX_PIXELS:
            raise UserError(f"“{name}” is {image.width:,}×{image.height:,} pixels; at most "
                            f"{MAX_PIXELS // 10**6} million pixels are read. Save it smaller.")  # fmt: skip
        return image
    wanted = "a mask must be a PNG" if formats == ("PNG",) else f"expected {_FORMAT_LIST}"
    raise UserError(f"“{name}” cannot be read: {wanted}, got {_what_came(data)}. "
                    "Open it in an image program and save it as PNG.")  # fmt: skip


def _what_came(data: bytes) -> str:
    for kind, label in FORMATS.items():
        accept = Image.OPEN[kind][1]
        if accept is not None and accept(data[:16]) is True:
            return f"a {label}"
    for offset, magic, label in _FOREIGN:
        if data[offset:].startswith(magic):
            return label
    try:
        text = data[:512].decode("utf-8", errors="strict" if len(data) <= 512 else "ignore")
    except UnicodeDecodeError:
        return "a file of another kind"
    return "text" if all(c.isprintable() or c.isspace() for c in text) else "a file of another kind"


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


def _frame_notes(data: bytes, name: str, kind: str | None) -> list[str]:
    if kind not in ("GIF", "WEBP", "PNG", "TIFF"):  # a phone's JPEG may carry a depth map as its second picture
        return []
    try:
        count = getattr(_open(data, name, (kind,)), "n_frames", 1)  # on a copy: counting moves the reader
    except Exception:  # a later frame is damaged; the first may be whole
        return []
    return [f"first of {count} {'pages' if kind == 'TIFF' else 'frames'}"] if count > 1 else []


def _to_rgb(image: Image.Image, target: tuple[int, int], name: str, notes: list[str]) -> Image.Image:
    """8-bit RGB at no more than ``target`` size (turned or not, as stored) from whatever mode the file has."""
    if image.mode.startswith("I;16"):
        grey = (np.asarray(image).astype(np.uint32) + 128) // 257  # 65535 → 255, to the nearest
        image = Image.fromarray(grey.astype(np.uint8))
        notes.append("16-bit grey brought to 8 bits")
    elif image.mode in ("I", "F"):
        image = _stretch(np.asarray(image), name, notes)
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


def _stretch(values: np.ndarray, name: str, notes: list[str]) -> Image.Image:
    """32-bit values have no agreed white; black is their smallest and white their largest."""
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UserError(f"“{name}” holds values that are not finite numbers (NaN or infinity). Save it as 8-bit PNG.")
    span = (high - low) or 1.0
    notes.append(f"values {low:g} to {high:g} stretched to 0–255")
    return Image.fromarray(np.rint((values.astype(np.float64) - low) * (255 / span)).astype(np.uint8))


def _check_mask_size(size: tuple[int, int], picture: Picture, name: str) -> None:
    (width, height), stored = size, picture.original_size
    working = (picture.pixels.shape[1], picture.pixels.shape[0])
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


def _some(things: Sequence[object]) -> str:
    shown = ", ".join(str(thing) for thing in things[:5])
    return shown if len(things) <= 5 else f"{shown} and {len(things) - 5} more"


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.1f}".removesuffix(".0")
