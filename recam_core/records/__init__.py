"""Every value that crosses a boundary: names, settings, results, events and the error meant for people.

Settings are frozen dataclasses and hold the only defaults; results are detached numpy arrays on the CPU.
This package imports no torch, so a page can read it without loading the engine.
"""

from recam_core.records.boundary import BOUNDARIES, SEED_REFINEMENTS, BoundaryConfig, BoundaryEpoch, BoundaryStep
from recam_core.records.checks import MOST_RATE
from recam_core.records.data import CheckStep, DataReport
from recam_core.records.events import EvalStep, Finished, RefineStep
from recam_core.records.flags import flags_of
from recam_core.records.names import (
    ACTIVATIONS,
    CAM,
    CLIMB_RESULTS,
    EMPTY_TEXT,
    EPSILON,
    IGNORE,
    LIBRARIES,
    OBJECTIVES,
    PALETTE_NAMES,
    PROBABILITY,
    REGULARISERS,
    SCALE_NAMES,
    STEP_RULES,
    UserError,
    is_library_name,
    listed_names,
)
from recam_core.records.plain_data import from_plain
from recam_core.records.pseudo_masks import MaskStep
from recam_core.records.refit import LAMBDA_LIMIT, Refit, RefitConfig, RefitStep, SeedScore
from recam_core.records.results import CamResult, Evidence, Picture
from recam_core.records.settings import (
    MULTI_SCALE,
    AdvCamOptions,
    Calibration,
    DisplayOptions,
    HeatmapOptions,
)
from recam_core.records.training import (
    PRECISIONS,
    TRAIN_LIMITS,
    Cost,
    EpochEnd,
    EpochMaps,
    MapsKept,
    PictureSkipped,
    TrainConfig,
    TrainStep,
    Validated,
    WatchedPicture,
)
from recam_core.records.walk import Flow, RandomWalkOptions, WalkStep

__all__ = [
    "ACTIVATIONS",
    "BOUNDARIES",
    "CAM",
    "CLIMB_RESULTS",
    "EMPTY_TEXT",
    "EPSILON",
    "IGNORE",
    "LAMBDA_LIMIT",
    "LIBRARIES",
    "MOST_RATE",
    "MULTI_SCALE",
    "OBJECTIVES",
    "PALETTE_NAMES",
    "PRECISIONS",
    "PROBABILITY",
    "REGULARISERS",
    "SCALE_NAMES",
    "SEED_REFINEMENTS",
    "STEP_RULES",
    "TRAIN_LIMITS",
    "AdvCamOptions",
    "BoundaryConfig",
    "BoundaryEpoch",
    "BoundaryStep",
    "Calibration",
    "CamResult",
    "CheckStep",
    "Cost",
    "DataReport",
    "DisplayOptions",
    "EpochEnd",
    "EpochMaps",
    "EvalStep",
    "Evidence",
    "Finished",
    "Flow",
    "HeatmapOptions",
    "MapsKept",
    "MaskStep",
    "Picture",
    "PictureSkipped",
    "RandomWalkOptions",
    "RefineStep",
    "Refit",
    "RefitConfig",
    "RefitStep",
    "SeedScore",
    "TrainConfig",
    "TrainStep",
    "UserError",
    "Validated",
    "WalkStep",
    "WatchedPicture",
    "flags_of",
    "from_plain",
    "is_library_name",
    "listed_names",
]
