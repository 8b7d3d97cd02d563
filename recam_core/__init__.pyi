# What someone outside needs, with its types; read by type checkers, and by lazy_loader when the package is imported.

from .cam.bundle import evidence_bundle as evidence_bundle
from .cam.explanation import Explanation as Explanation
from .cam.explanation import explain as explain
from .cam.manifest import make_manifest as make_manifest
from .cam.methods import METHODS as METHODS
from .cam.methods.results import method_results as method_results
from .cam.pipeline import (
    default_classes as default_classes,
)
from .cam.pipeline import (
    gather_evidence as gather_evidence,
)
from .cam.pipeline import (
    read_out as read_out,
)
from .checkpoints.importers import import_checkpoint as import_checkpoint
from .checkpoints.pair_file import (
    known_models as known_models,
)
from .checkpoints.pair_file import (
    load_pair as load_pair,
)
from .checkpoints.pair_file import (
    read_header as read_header,
)
from .checkpoints.pair_file import (
    save_pair as save_pair,
)
from .datasets import open_dataset as open_dataset
from .datasets.samples import SAMPLES as SAMPLES
from .datasets.samples import read_sample as read_sample
from .datasets.samples import sample_mask as sample_mask
from .evaluation.curves import ClassCurves as ClassCurves
from .evaluation.curves import class_curves as class_curves
from .evaluation.evaluate import Evaluation as Evaluation
from .evaluation.evaluate import evaluate as evaluate
from .evaluation.pseudo_masks import PseudoMaskOptions as PseudoMaskOptions
from .evaluation.pseudo_masks import write_masks as write_masks
from .evaluation.store import Store as Store
from .evaluation.store import open_store as open_store
from .images.masks import read_mask as read_mask
from .images.pictures import read_image as read_image
from .networks.backbones import BACKBONES as BACKBONES
from .networks.backbones import Backbone as Backbone
from .networks.backbones import BackboneRow as BackboneRow
from .networks.heads import HEADS as HEADS
from .networks.heads import Head as Head
from .networks.pair import ModelPair as ModelPair
from .networks.pair import build_pair as build_pair
from .networks.readouts import READOUTS as READOUTS
from .networks.readouts import Readout as Readout
from .records import (
    MULTI_SCALE as MULTI_SCALE,
)
from .records import (
    AdvCamOptions as AdvCamOptions,
)
from .records import (
    BoundaryConfig as BoundaryConfig,
)
from .records import (
    CamResult as CamResult,
)
from .records import (
    DisplayOptions as DisplayOptions,
)
from .records import (
    Evidence as Evidence,
)
from .records import (
    HeatmapOptions as HeatmapOptions,
)
from .records import (
    Picture as Picture,
)
from .records import (
    RandomWalkOptions as RandomWalkOptions,
)
from .records import (
    RefineStep as RefineStep,
)
from .records import (
    Refit as Refit,
)
from .records import (
    RefitConfig as RefitConfig,
)
from .records import (
    TrainConfig as TrainConfig,
)
from .records import (
    UserError as UserError,
)
from .records import (
    WalkStep as WalkStep,
)
from .refiners import REFINERS as REFINERS
from .refiners import Refinement as Refinement
from .refiners import Refiner as Refiner
from .refiners.advcam.climb import climb as climb
from .refiners.advcam.result import climb_defaults as climb_defaults
from .refiners.advcam.result import climbed_evidence as climbed_evidence
from .refiners.random_walk.boundary import boundary_map as boundary_map
from .refiners.random_walk.result import walk_defaults as walk_defaults
from .refiners.random_walk.result import walked_result as walked_result
from .refiners.random_walk.walk import RandomWalk as RandomWalk
from .refiners.random_walk.walk import walk as walk
from .refiners.subject import Subject as Subject
from .system.device import pick_device as pick_device
from .system.files import write_folder as write_folder
from .system.files import zip_bytes as zip_bytes
from .system.progress import progress as progress
from .training.recipes import RECIPES as RECIPES
from .training.refit.feature_bank import FeatureBank as FeatureBank
from .training.refit.feature_bank import gather_features as gather_features
from .training.refit.look import refit_evidence as refit_evidence
from .training.refit.look import start_look as start_look
from .training.refit.refit import refit_heads as refit_heads
from .training.two_stage import train as train

__version__: str
