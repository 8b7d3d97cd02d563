"""Which data set a folder holds, at the place where scripts look for it: see `recam_core.system.layouts`."""

from recam_core.system.layouts import coco_splits, folder_splits, layout_of, splits_of, voc_splits

__all__ = ["coco_splits", "folder_splits", "layout_of", "splits_of", "voc_splits"]
