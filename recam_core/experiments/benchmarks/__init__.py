"""Paired timings: our form against the plain form of the same arithmetic, in one process, alternating.

Forms that must agree are checked equal first. Speed claims are ratios of medians from one run; a time alone says more
about the machine than about the code.
"""

from collections.abc import Callable, Iterator

import torch

from recam_core.experiments.benchmarks.climb import climb_rows
from recam_core.experiments.benchmarks.evaluate import evaluate_rows
from recam_core.experiments.benchmarks.explain import explain_rows
from recam_core.experiments.benchmarks.measure import Row
from recam_core.experiments.benchmarks.refit import refit_rows
from recam_core.experiments.benchmarks.serve import serve_rows
from recam_core.experiments.benchmarks.share import share_rows
from recam_core.experiments.benchmarks.store import store_rows
from recam_core.experiments.benchmarks.train import train_rows
from recam_core.experiments.benchmarks.walk import walk_rows

BENCHMARKS: dict[str, Callable[[torch.device], Iterator[Row]]] = {
    "explain": explain_rows,
    "train": train_rows,
    "climb": climb_rows,
    "walk": walk_rows,
    "refit": refit_rows,
    "evaluate": evaluate_rows,
    "store": store_rows,
    "share": share_rows,
    "serve": serve_rows,
}
