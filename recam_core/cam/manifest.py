"""What an evidence bundle says about itself: everything needed to make the same maps again."""

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from recam_core.networks.pair import ModelPair
from recam_core.records import Evidence, Picture

PACKAGES = ("torch", "torchvision", "timm", "numpy", "opencv-python-headless", "pillow")


def make_manifest(picture: Picture, pair: ModelPair, evidence: Evidence) -> dict[str, Any]:
    """Picture, model, settings, scores, device, versions and time as plain JSON data."""
    height, width = evidence.picture.shape[:2]
    return {
        "picture": {
            "name": picture.name,
            "sha256": picture.sha256,
            "original_size": list(picture.original_size),
            "working_size": [width, height],
            "notes": list(picture.notes),
        },
        "model": {
            "name": pair.name,
            "sha256": pair.sha256,
            "backbone": pair.backbone,
            "probabilities": evidence.activation,
            "training": pair.card.get("training", {}),
            "warning": pair.card.get("warning"),
        },
        "options": {
            "scales": list(evidence.options.scales),
            "flip": evidence.options.flip,
            "long_side": evidence.options.long_side,
            **({"stretch": True} if evidence.options.stretch else {}),
        },
        "scores": {name: round(float(s), 6) for name, s in zip(evidence.classes, evidence.scores, strict=True)},
        "computed": {
            "device": evidence.device,
            "seconds": round(evidence.seconds, 3),
            "backbone_passes": evidence.backbone_passes,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        },
        "versions": {"python": platform.python_version(), **{name: package_version(name) for name in PACKAGES}},
    }


def package_version(name: str) -> str:
    """The installed version of a package, or "not installed"."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
