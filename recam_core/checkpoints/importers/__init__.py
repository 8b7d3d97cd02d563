"""Checkpoints from elsewhere → ModelPair: the reference's own files, classifiers of known backbones, pairs of this project."""

from recam_core.checkpoints.importers.classes import CLASS_LISTS, certain_list, parse_class_names, read_class_names
from recam_core.checkpoints.importers.importing import import_checkpoint, store_import, stride_note
from recam_core.checkpoints.importers.kinds import (
    CHECKPOINT_KINDS,
    EDGES,
    NETWORK,
    SECOND,
    WHOLE,
    Recognised,
    recognise,
)

__all__ = [
    "CHECKPOINT_KINDS",
    "CLASS_LISTS",
    "EDGES",
    "NETWORK",
    "SECOND",
    "WHOLE",
    "Recognised",
    "certain_list",
    "import_checkpoint",
    "parse_class_names",
    "read_class_names",
    "recognise",
    "store_import",
    "stride_note",
]
