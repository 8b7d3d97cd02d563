"""One table from several training seeds: mean, spread, and the gain over CAM and over the control with its interval."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recam_core.evaluation.bootstrap import confusions, gain, row
from recam_core.evaluation.sweep import PixelCounts

Run = Mapping[str, tuple[Sequence[PixelCounts], Sequence[int]]]  # readout → its pictures and the threshold of each


def seed_table(runs: Sequence[Run], labels: int) -> dict[str, Any]:
    """Figures of each readout: one row a run, mIoU's mean and sample standard deviation, and paired gains.

    ``over_control`` is None where no control was measured.
    """
    matrices = {name: [confusions(run[name][0], labels, run[name][1]) for run in runs] for name in runs[0]}
    table = {}
    for name, ours in matrices.items():
        rows = [row(m, run[name][1]) for m, run in zip(ours, runs, strict=True)]
        miou = [r["miou"] for r in rows]
        table[name] = {
            "runs": rows,
            **{key: round(float(np.mean([r[key] for r in rows])), 5) for key in rows[0]},
            "spread": round(float(np.std(miou, ddof=1)), 5) if len(miou) > 1 else None,
            "over_cam": gain(ours, matrices["cam"]),
            "over_control": gain(ours, matrices["control"]) if "control" in matrices else None,
        }
    return {"pictures": len(matrices["cam"][0]), "readouts": table}


def one_seed_table(run: Run, labels: int) -> dict[str, Any]:
    """Figures and gains of each readout of a single run, which has no spread."""
    readouts: dict[str, Any] = seed_table([run], labels)["readouts"]
    return {name: {k: v for k, v in row.items() if k not in ("runs", "spread")} for name, row in readouts.items()}
