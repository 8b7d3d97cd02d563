"""The packed payload of the heat view: a JSON header and a few blobs in one piece of bytes.

Layout: uint32 little-endian length of the header, the header as UTF-8 JSON, then the blobs one after another.

Header, version 1 (V views, n classes, T thresholds 0, 1/(T-1) … 1)::

    {"version": 1,
     "picture": {"width": W, "height": H, "name": "dog.jpg", "type": "image/jpeg" | "image/png"},
     "grid": [gh, gw],
     "views": [{"key": "cam", "label": "CAM", "title": "BCE alone", "help": "…", "reference": true}, …],   help: optional,
                                           and "threshold" (its measured one), "family" ("ReCAM")
     "classes": [{"name": "dog", "score": 0.94}, …],
     "peaks": [V][n],                      raw maximum of each map; 0 = no positive evidence
     "empty_text": "No positive evidence for this class …",
     "thresholds": 101,
     "covered": {"each": [V][n][T], "together": [V][n][T]},           fractions of the picture above each threshold
     "quality": null | {"each": [V][n] of null | {"iou": [T], "fn": [T], "fp": [T], "best": 0.31}, "together": …},
     "otsu": [V][n],                       optional, with a "threshold" of each view: where maps are cut by their own rules
     "compare": "product",                 optional: the view that sentences compare with the reference; else the last
     "blobs": [{"name", "offset", "length"}, …]}                      added by `pack`; offsets from the header's end

Blobs: ``picture`` (the encoded file, upright, W × H), ``maps`` (V × n × gh × gw uint8, row-major, each map divided by
its own maximum, 255 = maximum) and, where a mask is known, ``mask`` (n × H × W uint8: 1 class, 0 not, 255 ignore).
"each" is the scale on which every map ends at 1; "together" multiplies by its peak over the view's largest peak.
"""

import hashlib
import json
import struct
from typing import Any

VERSION = 1
_LENGTH = struct.Struct("<I")


def pack(header: dict[str, Any], blobs: dict[str, bytes]) -> bytes:
    """Pack a header (without "blobs") and its blobs.

    Raises ValueError when a blob's size does not follow from the header, or a number is not finite.
    """
    _check(header, blobs)
    return join(header, blobs)


def join(header: dict[str, Any], blobs: dict[str, bytes]) -> bytes:
    """Pack any header (without "blobs") and its blobs in this layout; ValueError when a number is not finite."""
    places, offset = [], 0
    for name, blob in blobs.items():
        places.append({"name": name, "offset": offset, "length": len(blob)})
        offset += len(blob)
    text = json.dumps(header | {"blobs": places}, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    return b"".join((_LENGTH.pack(len(text)), text, *blobs.values()))


def unpack(payload: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return what `pack` was given, the header with its "blobs"."""
    header = read_header(payload)
    start = _LENGTH.size + _LENGTH.unpack_from(payload)[0]
    return header, {
        b["name"]: payload[start + b["offset"] : start + b["offset"] + b["length"]] for b in header["blobs"]
    }


def read_header(payload: bytes) -> dict[str, Any]:
    """Return the header alone."""
    (length,) = _LENGTH.unpack_from(payload)
    header: dict[str, Any] = json.loads(payload[_LENGTH.size : _LENGTH.size + length])
    return header


def payload_id(payload: bytes) -> str:
    """Return the name under which a payload is fetched: its SHA-256, 64 hex characters."""
    return hashlib.sha256(payload).hexdigest()


def _check(header: dict[str, Any], blobs: dict[str, bytes]) -> None:
    views, classes = len(header["views"]), len(header["classes"])
    rows, columns = header["grid"]
    expected = {"maps": views * classes * rows * columns}
    if "mask" in blobs:
        expected["mask"] = classes * header["picture"]["height"] * header["picture"]["width"]
    for name in ("picture", "maps"):
        if not blobs.get(name):
            raise ValueError(f"A payload needs the blob {name!r}; got {sorted(blobs)}.")
    for name, size in expected.items():
        if len(blobs[name]) != size:
            raise ValueError(f"Blob {name!r} should have {size} bytes by its header; got {len(blobs[name])}.")
