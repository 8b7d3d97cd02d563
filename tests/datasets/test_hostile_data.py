"""Whatever a data set or a checkpoint holds, it is answered soon, with a report or a sentence."""

import time

import numpy as np
import pytest
from hostile_data import DATASETS, checkpoint

from recam_core.datasets.check import check_dataset
from recam_core.records import DataReport, UserError
from recam_core.system import unpickling

SECONDS = 5.0  # of processor time


def answered(act):
    """What comes of it, or the sentence that says why nothing does."""
    try:
        return act()
    except UserError as error:
        return str(error)


def read_checkpoint(path):
    unpickling._check_plainly(path)
    return unpickling.plain_tensors(path, 1 << 30)


def check(seed, root):
    """One hostile data set, and one checkpoint, of a number."""
    rng = np.random.default_rng([19, seed])
    kind, folder = DATASETS[seed % len(DATASETS)](rng, root)
    (root / "model.pth").write_bytes(checkpoint(rng))
    start = time.process_time()
    report = answered(lambda: list(check_dataset(kind, str(root / folder), "" if kind == "folder" else "train"))[-1])
    weights = answered(lambda: read_checkpoint(root / "model.pth"))
    assert time.process_time() - start < SECONDS
    assert isinstance(report, DataReport | str)
    assert isinstance(weights, unpickling.Weights) or "model.pth" in weights
    broken = report.broken if isinstance(report, DataReport) else ()
    assert not [fault for _, fault in broken if "it could not be read (" in fault]  # a fault of ours


@pytest.mark.parametrize("seed", [*range(20), 205])  # 205: an archive that says that it goes on in another file
def test_every_kind_of_hostile_data_is_answered(seed, tmp_path):
    check(seed, tmp_path)


@pytest.mark.thousand
def test_a_thousand_hostile_data_sets_and_checkpoints_are_answered(tmp_path):
    for seed in range(20, 1000):
        root = tmp_path / str(seed)
        root.mkdir()
        check(seed, root)
