"""The store of an evaluation: counts of every picture and map on disk, from which every figure at every threshold follows."""

from recam_core.evaluation.metrics import Areas, PictureFigures
from recam_core.evaluation.store.layout import StoreSettings, read_entries, read_settings
from recam_core.evaluation.store.maps import MapMaker, reset_pair
from recam_core.evaluation.store.notes import Note, read_notes, write_note
from recam_core.evaluation.store.reading import Curves, Store, open_store, same_pictures
from recam_core.evaluation.store.table import counts_csv, counts_parquet, pictures_csv
from recam_core.evaluation.store.writing import evaluate_into

__all__ = [
    "Areas",
    "Curves",
    "MapMaker",
    "Note",
    "PictureFigures",
    "Store",
    "StoreSettings",
    "counts_csv",
    "counts_parquet",
    "evaluate_into",
    "open_store",
    "pictures_csv",
    "read_entries",
    "read_notes",
    "read_settings",
    "reset_pair",
    "same_pictures",
    "write_note",
]
