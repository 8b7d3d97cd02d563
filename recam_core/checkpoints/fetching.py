"""ImageNet weights from torchvision's own server: a file, checked, and no code that runs."""

import hashlib
import http.client
import urllib.request
from collections.abc import Callable
from pathlib import Path

from recam_core.records import UserError

IMAGENET_FILE = "resnet50-0676ba61.pth"  # IMAGENET1K_V1, as the reference, which is older than V2
_ADDRESS = f"https://download.pytorch.org/models/{IMAGENET_FILE}"
_DIGEST = "0676ba61"  # torchvision names its files by the start of their SHA-256
_TIMEOUT = 10.0  # seconds without a byte
_PIECE = 1 << 20
_LARGEST = 200 << 20  # bytes; it has 98 MB


def fetch_imagenet(folder: Path, say: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """Download torchvision's ResNet-50 classifier (98 MB) into a folder; ``say`` hears bytes done and in total.

    Raises ``UserError`` where the server cannot be reached or sends something else; nothing is left then.
    """
    path, digest = folder / IMAGENET_FILE, hashlib.sha256()
    try:
        with urllib.request.urlopen(_ADDRESS, timeout=_TIMEOUT) as answer, path.open("wb") as file:
            total, done = int(answer.headers.get("Content-Length") or 0), 0
            while piece := answer.read(_PIECE):
                file.write(piece)
                digest.update(piece)
                done += len(piece)
                if done > _LARGEST:
                    raise ValueError(f"it sent more than {_LARGEST >> 20} MB")
                say(done, total)
    except (
        OSError,
        ValueError,
        http.client.HTTPException,
    ) as error:  # no name service, no route, no space, half an answer
        path.unlink(missing_ok=True)
        reason = str(getattr(error, "reason", error))[:200]  # urllib puts what happened inside of an error of its own
        raise UserError(
            f"The ImageNet weights could not be fetched ({reason}). Download {_ADDRESS} on another computer and import the "
            "file here, or go online."
        ) from error
    if not digest.hexdigest().startswith(_DIGEST):
        path.unlink()
        raise UserError(f"What {_ADDRESS} sent is not {IMAGENET_FILE}: its hash is another one. Try again later.")
    return path
