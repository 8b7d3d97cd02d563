"""ReCAM Studio's engine: see why a classifier looks where it looks, and how ReCAM makes it look at the whole object.

The public names are loaded when they are first used, so that importing this package costs nothing.
"""

import importlib
from typing import Any

PUBLIC = {
    "allocator": ("few_arenas", "give_back"),
    "animation": ("gif_bytes", "webp_bytes"),
    "bundle": ("evidence_bundle",),
    "climb_files": ("climb_bundle", "climb_frames", "perturbation_picture"),
    "climbing": ("steps_at",),
    "climb_result": ("climb_defaults", "climbed_evidence", "grey_levels", "valid_steps"),
    "datasets": ("open_dataset", "streamed"),
    "device": ("device_name", "pick_device"),
    "counting": ("backbone_passes",),
    "faithfulness": ("CurveStep", "LogitCurves", "logit_curves"),
    "files": ("zip_bytes",),
    "gradients": (
        "bce_gradient",
        "bce_position_gradient",
        "sce_gradient",
        "sce_position_gradient",
        "sigmoid",
        "softmax",
    ),
    "images": ("read_image",),
    "jobs": (
        "Job",
        "find_job",
        "last_event",
        "list_jobs",
        "may_start",
        "read_events",
        "resume_job",
        "runs_folder",
        "start_job",
        "stop_job",
    ),
    "lesson": (
        "ChannelVotes",
        "MaskedFeature",
        "PictureFeatures",
        "RowShift",
        "channel_votes",
        "masked_feature",
        "picture_features",
        "row_shift",
        "sce_value",
        "signed_map",
    ),
    "masks": ("read_mask", "resize_labels"),
    "manifest": ("make_manifest",),
    "pipeline": ("default_classes", "explain", "gather_evidence", "read_out"),
    "quality": ("ClassCurves", "class_curves", "scaled_maps"),
    "records": (
        "CLIMB_RESULTS",
        "MULTI_SCALE",
        "READOUTS",
        "READOUT_LABELS",
        "OBJECTIVES",
        "REGULARISERS",
        "STEP_RULES",
        "AdvCamOptions",
        "CamResult",
        "DisplayOptions",
        "Evidence",
        "HeatmapOptions",
        "Flow",
        "Picture",
        "RandomWalkOptions",
        "RefineStep",
        "Refit",
        "RefitConfig",
        "UserError",
        "WalkStep",
    ),
    "records.stored": ("BASELINES", "POINT_TOLERANCE", "WALKED", "is_baseline", "map_label"),
    "refiners.advcam": ("climb",),
    "refiners.random_walk": ("KeptWalk", "RandomWalk", "walk"),
    "refiners.boundary": ("boundary_map", "boundary_sources"),
    "recipes": ("default_refit",),
    "resample": ("gain_of_areas",),
    "roots": ("allowed_folder", "coco_folders", "coco_splits", "data_roots"),
    "samples": ("SAMPLES", "SCENE_CLASSES", "read_sample", "sample_labels", "sample_model", "sample_title"),
    "shelf": ("find_model", "known_models", "load_pair", "read_header"),
    "store": (
        "Areas",
        "Note",
        "Store",
        "counts_csv",
        "counts_parquet",
        "open_store",
        "pictures_csv",
        "read_notes",
        "same_pictures",
        "write_note",
    ),
    "thresholds": ("seed_threshold", "walk_threshold"),
    "datasets.labelled": ("Labelled", "label_row"),
    "findings": ("Verdict", "read_study", "verdicts"),
    "study.when_maps": ("WhenMaps", "when_picture"),
    "training": ("FeatureBank", "StartLook", "gather_features", "refit_evidence", "refit_heads", "start_look"),
    "turns": ("Turns",),
    "visualise": ("DIVERGING", "PALETTES", "jpeg_bytes", "png_bytes"),
    "walk_files": ("walk_bundle",),
    "walk_result": ("Walker", "milestones", "walk_defaults", "walked_result"),
}
_HOME = {name: module for module, names in PUBLIC.items() for name in names}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
