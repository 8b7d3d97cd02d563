"""Teaching: two stages from pictures to a pair (``stages``), and both heads again on features that are kept (``refit``)."""

from recam_core.run_state import CHECKPOINT
from recam_core.training.bank import FeatureBank, gather_features
from recam_core.training.cost import estimate_cost
from recam_core.training.look import StartLook, refit_evidence, start_look
from recam_core.training.optimizer import build_optimizer, set_rates
from recam_core.training.refit import refit_heads
from recam_core.training.stages import MODEL, train
from recam_core.training.watching import read_epoch_maps, read_watched

__all__ = [
    "CHECKPOINT",
    "MODEL",
    "FeatureBank",
    "StartLook",
    "build_optimizer",
    "estimate_cost",
    "gather_features",
    "read_epoch_maps",
    "read_watched",
    "refit_evidence",
    "refit_heads",
    "set_rates",
    "start_look",
    "train",
]
