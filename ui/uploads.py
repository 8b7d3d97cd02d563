"""Pictures that people brought along: kept decoded and bounded on the server, found again by the hash in a link.

An operator who does not want that sets ``RECAM_KEEP_UPLOADS=0``; then a picture lives in its own session only.
"""

import os
import threading
from collections.abc import MutableMapping
from typing import Any

from cachetools import LRUCache

from recam_core import Picture, read_image

STORE_BYTES = 256 * 2**20
_STORE: LRUCache[str, Picture] = LRUCache(STORE_BYTES, getsizeof=lambda picture: picture.pixels.nbytes)
_LOCK = threading.Lock()
OWN = "own_pictures"  # session state: {hash: Picture}, in the order they came
MAX_OWN = 24


def keeps_uploads() -> bool:
    """Whether links to uploaded pictures work on this server."""
    return os.environ.get("RECAM_KEEP_UPLOADS", "1") != "0"


def take_in(session: MutableMapping[Any, Any], name: str, data: bytes) -> Picture:
    """Decode an upload and remember it for this session (and for links); raises ``UserError`` for a bad file."""
    return keep(session, read_image(data, name=name))


def keep(session: MutableMapping[Any, Any], picture: Picture) -> Picture:
    """Remember a picture as if it had been uploaded."""
    own = session.setdefault(OWN, {})
    own[picture.sha256] = picture
    while len(own) > MAX_OWN:
        own.pop(next(iter(own)))
    if keeps_uploads():
        with _LOCK:
            _STORE[picture.sha256] = picture
    return picture


def find(session: MutableMapping[Any, Any], sha256: str) -> Picture | None:
    """A picture of this session, or one that a link names and the server still has."""
    own: dict[str, Picture] = session.get(OWN, {})
    if sha256 in own:
        return own[sha256]
    if not keeps_uploads():
        return None
    with _LOCK:
        return _STORE.get(sha256)
