"""Opening picture files that anybody may have sent: size, kind and header are checked before anything large is decoded.

Every refusal is a ``UserError`` that names the file, what was expected, what came, and what to do.
"""

import contextlib
import io
import re
import stat
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, TiffImagePlugin

from recam_core.records import UserError

MAX_FILE_BYTES = 20 * 2**20
MAX_PIXELS = 120_000_000
MAX_WEBP_PIXELS = 50_000_000  # its decoder holds a picture four times
MAX_SCANNED = 20 * MAX_PIXELS  # pixels of a JPEG times its scans; a progressive one has about ten
SCAN = b"\xff\xda"
NATIVE = {
    "I;16BS": "I;16NS",
    "I;32BS": "I;32NS",
    "F;32BF": "F;32NF",
}  # Pillow's names of big-endian numbers: the machine's
FORMATS = {"JPEG": "JPEG", "PNG": "PNG", "WEBP": "WebP", "BMP": "BMP", "TIFF": "TIFF", "GIF": "GIF"}
_FORMAT_LIST = "JPEG, PNG, WebP, BMP, TIFF or GIF"

# What people bring along instead; only used to say what came.
_FOREIGN = (
    (4, b"ftyp", "a HEIC, AVIF or video file"), (0, b"%PDF", "a PDF"), (0, b"8BPS", "a Photoshop file"),
    (0, b"\x00\x00\x00\x0cjP", "a JPEG 2000 file"), (0, b"PK\x03\x04", "a ZIP archive"), (0, b"<svg", "an SVG drawing"),
    (0, b"\x00\x00\x01\x00", "an icon file"),
)  # fmt: skip

# Decoding one file at a time bounds the memory of a server, and warning filters are shared by all threads.
_one_at_a_time = threading.Lock()


def display_name(name: str, fallback: str = "the picture") -> str:
    """The base name of a file as it may be shown: no folders, nothing unprintable, at most 60 characters."""
    base = re.split(r"[\\/]", name)[-1].strip()
    base = "".join(c if c.isprintable() else "?" for c in base)
    return (base if len(base) <= 60 else f"{base[:40]}…{base[-19:]}") or fallback


def read_bytes(source: bytes | str | Path, name: str, max_bytes: int) -> bytes:
    """The bytes of a file, or those given, if there are some and not too many; ``UserError`` for anything else."""
    if isinstance(source, bytes):
        data, size = source, len(source)
    else:
        try:
            status = Path(source).stat()
            if not stat.S_ISREG(status.st_mode):
                kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
                raise UserError(f"“{name}” is {kind}; expected a picture file. Name one file in it.")
            with Path(source).open("rb") as stream:
                data = stream.read(
                    min(status.st_size, max_bytes) + 1
                )  # a reader makes room for all that it is asked for
                if len(data) > status.st_size:  # never more than that, whatever the file system says about its size
                    data += stream.read(max_bytes + 1 - len(data))
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
def decoding(name: str, alone: bool = True) -> Iterator[None]:
    """Whatever a decoder throws at damaged bytes becomes a ``UserError``; quiet, and ``alone`` among this process's threads."""
    damaged = f"“{name}” is damaged or cut short, so it cannot be decoded. Copy, export or upload it again."
    try:
        with _quiet_and_alone() if alone else contextlib.nullcontext():
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


@contextlib.contextmanager
def _quiet_and_alone() -> Iterator[None]:
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def open_image(data: bytes, name: str, formats: tuple[str, ...]) -> Image.Image:
    """Read the header of one of ``formats``.

    Pillow's own ``open`` warns from 89 million pixels on and hides the size behind an exception beyond 179 million;
    asking its plugins directly leaves the limit, and the sentence about it, to us. Raises ``UserError`` for another format.
    """
    Image.init()
    for kind in formats:
        factory, accept = Image.OPEN[kind]
        if accept is None or accept(data[:16]) is not True:
            continue
        if kind == "WEBP":  # its decoder takes the memory of the whole picture when it is made
            _check_pixels(*_webp_size(data), MAX_WEBP_PIXELS, name)
        try:
            image = factory(io.BytesIO(data), "")
        except (SyntaxError, KeyError):
            if kind == "TIFF" and (words := _tiff_words(data)):
                raise UserError(f"“{name}” is {words}, which is not read here. Save it as 8-bit PNG or TIFF.") from None
            raise
        if kind == "TIFF":
            _check_planes(image, name)
            _expect_native_order(image)
        _check_pixels(image.width, image.height, MAX_PIXELS, name)
        if kind == "JPEG":
            _check_scans(image, data.count(SCAN), name)
        return image
    wanted = "a mask must be a PNG" if formats == ("PNG",) else f"expected {_FORMAT_LIST}"
    raise UserError(f"“{name}” cannot be read: {wanted}, got {_what_came(data)}. "
                    "Open it in an image program and save it as PNG.")  # fmt: skip


def _check_planes(image: Image.Image, name: str) -> None:
    """Refuse a TIFF that holds 16-bit values plane by plane: Pillow takes them for 8-bit ones and shows noise."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    if tags.get(284) == 2 and len(tags.get(258, ())) > 1 and max(tags[258]) > 8:
        raise UserError(f"“{name}” is a TIFF whose 16-bit colours lie one after the other (planar), which is not read "
                        "here. Save it as 8-bit PNG or TIFF.")  # fmt: skip


def _expect_native_order(image: Image.Image) -> None:
    """libtiff gives numbers in this machine's order; of signed and float ones Pillow expects the file's, and shows noise."""
    image.tile = [  # type: ignore[attr-defined]
        part._replace(args=(NATIVE.get(part.args[0], part.args[0]), *part.args[1:]))
        if part.codec_name == "libtiff"
        else part
        for part in image.tile  # type: ignore[attr-defined]
    ]


def _check_pixels(width: int, height: int, most: int, name: str) -> None:
    if width * height > most:
        raise UserError(f"“{name}” is {width:,}×{height:,} pixels; at most {most // 10**6} million pixels are read. "
                        "Save it smaller.")  # fmt: skip


def _check_scans(image: Image.Image, scans: int, name: str) -> None:
    if scans * image.width * image.height > MAX_SCANNED:
        raise UserError(f"“{name}” is a JPEG that shows its {image.width:,}×{image.height:,} pixels in {scans} steps, which "
                        "takes too long. Save it as a plain JPEG, or smaller.")  # fmt: skip


def _webp_size(data: bytes) -> tuple[int, int]:
    """(width, height) of a WebP by the header of its first chunk; (0, 0) where there is none."""
    if data[12:16] == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if data[12:16] == b"VP8L":
        both = int.from_bytes(data[21:25], "little")
        return 1 + (both & 0x3FFF), 1 + (both >> 14 & 0x3FFF)
    return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF


def _tiff_words(data: bytes) -> str:
    """What a whole TIFF is that Pillow has no pixel type or compression for; "" for one that is damaged."""
    if data[:4] == b"MM\0+":
        return "a BigTIFF in big-endian order"
    try:
        stream = io.BytesIO(data)
        tags = TiffImagePlugin.ImageFileDirectory_v2(stream.read(16 if data[2] == 43 else 8))  # 43: BigTIFF
        stream.seek(tags.next)
        tags.load(stream)
        bits, bands = max(tags.get(258, (1,))), tags.get(277, 1)
        whole = all(offset < len(data) for offset in tags.get(273, tags.get(324, (len(data),))))
    except Exception:  # whatever a damaged header brings about
        return ""
    kinds = {1: "whole numbers", 2: "signed numbers", 3: "floating-point numbers"}
    numbers = kinds.get(max(tags.get(339, (1,))), "numbers of another kind")
    if not whole or not tags.get(256):
        return ""
    return f"a TIFF of {bits}-bit {numbers} in {bands} band{'s' * (bands != 1)} (compression {tags.get(259, 1)})"


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


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.1f}".removesuffix(".0")
