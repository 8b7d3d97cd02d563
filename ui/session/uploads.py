"""Pictures that people brought along: kept as their files, bounded, on the server, found again by the hash in a link.

A photo's file is about a tenth of its pixels, so that is what is kept, and only the picture that a session looks at is decoded.
An operator who wants nothing kept sets ``RECAM_KEEP_UPLOADS=0``; then a picture lives in its own session only.
"""

import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from recam_core import Picture, read_image
from recam_core.images.visualise import jpeg_bytes
from recam_core.system.cache import Cache

STORE_BYTES = 16 * 2**20
OWN = "own_pictures"  # session state: {hash: Upload}, in the order they came
OPEN = "open_picture"  # session state: the picture that was looked at last, decoded
MAX_OWN = 24


@dataclass(frozen=True, eq=False)
class Truth:
    """The true mask (H, W) uint8 that a picture of a data set comes with, and the classes that its labels 1 … K name."""

    mask: np.ndarray
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Upload:
    """A picture at rest: its file, or the decoded picture where that is smaller, and a small JPEG of it."""

    name: str
    content: bytes | Picture
    thumbnail: bytes
    truth: Truth | None = None

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        own = self.content.pixels.nbytes if isinstance(self.content, Picture) else len(self.content)
        return own + len(self.thumbnail) + (0 if self.truth is None else self.truth.mask.nbytes)

    def open(self) -> Picture:
        """The picture, decoded once more where its file is kept: the same pixels as at first."""
        return self.content if isinstance(self.content, Picture) else read_image(self.content, name=self.name)


_STORE: Cache[Upload] = Cache(STORE_BYTES, lambda upload: upload.nbytes)


def keeps_uploads() -> bool:
    """Whether links to uploaded pictures work on this server."""
    return os.environ.get("RECAM_KEEP_UPLOADS", "1") != "0"


def take_in(session: MutableMapping[Any, Any], name: str, data: bytes) -> Picture:
    """Decode an upload and remember it for this session (and for links); raises ``UserError`` for a bad file."""
    return keep(session, read_image(data, name=name), data)


def keep(
    session: MutableMapping[Any, Any], picture: Picture, data: bytes | None = None, truth: Truth | None = None
) -> Picture:
    """Remember a picture as if it had been uploaded; ``data`` is its file, where there is one."""
    smaller = picture if data is None or picture.pixels.nbytes <= len(data) else data
    upload = Upload(picture.name, smaller, thumbnail(picture.pixels), truth)
    own = session.setdefault(OWN, {})
    own[picture.sha256] = upload
    while len(own) > MAX_OWN:
        own.pop(next(iter(own)))
    session[OPEN] = picture
    if keeps_uploads():
        _STORE.put(picture.sha256, upload)
    return picture


def find(session: MutableMapping[Any, Any], sha256: str) -> Picture | None:
    """A picture of this session, or one that a link names and the server still has."""
    if (upload := _upload(session, sha256)) is None:
        return None
    picture: Picture | None = session.get(OPEN)
    if picture is None or picture.sha256 != sha256:
        picture = session[OPEN] = upload.open()
    return picture


def truth_of(session: MutableMapping[Any, Any], sha256: str, classes: tuple[str, ...]) -> np.ndarray | None:
    """The true mask that a picture came with, where a model tells exactly its classes apart: others would be background."""
    upload = _upload(session, sha256)
    return upload.truth.mask if upload is not None and upload.truth and upload.truth.classes == classes else None


def _upload(session: MutableMapping[Any, Any], sha256: str) -> Upload | None:
    upload: Upload | None = session.get(OWN, {}).get(sha256)
    return _STORE.get(sha256) if upload is None and keeps_uploads() else upload


def thumbnail(pixels: np.ndarray, side: int = 160) -> bytes:
    """The middle square of a picture as a small JPEG, so that all thumbnails are alike."""
    height, width = pixels.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    step = max(1, short // side)
    return jpeg_bytes(np.ascontiguousarray(pixels[top : top + short : step, left : left + short : step]))
