"""Checkpoints from elsewhere → ModelPair: the reference's own files, classifiers of known backbones, pairs of this project."""

from recam_core.checkpoints.classes import CLASS_LISTS, parse_class_names, read_class_names
from recam_core.checkpoints.importing import import_checkpoint, store_import
from recam_core.checkpoints.kinds import CHECKPOINT_KINDS, Recognised, recognise

__all__ = [
    "CHECKPOINT_KINDS",
    "CLASS_LISTS",
    "Recognised",
    "import_checkpoint",
    "parse_class_names",
    "read_class_names",
    "recognise",
    "store_import",
]
