"""Checkpoints from elsewhere → ModelPair: the reference's own files, classifiers of known backbones, pairs of this project."""

from recam_core.checkpoints.classes import CLASS_LISTS, read_class_names
from recam_core.checkpoints.importing import import_checkpoint, store_import
from recam_core.checkpoints.kinds import KINDS, Recognised, recognise

__all__ = [
    "CLASS_LISTS",
    "KINDS",
    "Recognised",
    "import_checkpoint",
    "read_class_names",
    "recognise",
    "store_import",
]
