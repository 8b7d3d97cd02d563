"""Events: what long work says while it goes on; page, CLI and tests read the same stream."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class RefineStep:
    """One step of a refinement of n classes of a picture at one scale: everything here belongs to the picture x_t.

    Maps are raw, ReLU'd and summed over picture and mirror image, at the feature grid; so are the sums ``score`` y_k,
    ``others`` Σ_{j≠k} y_j and ``objective`` y_k − Σ y_j − μ · ``regulariser``. A step with t = 0 starts a scale, or starts
    it over (``notes`` say why); what an earlier start of the same ``scale_index`` gave is void.
    """

    t: int
    steps: int  # T at this scale
    scale: float
    scale_index: int
    readout: str
    classes: tuple[str, ...]
    map: np.ndarray  # (n, h, w) float32, that of this step
    accumulated: np.ndarray  # (n, h, w) float32, the sum of the maps so far
    hold_mask: np.ndarray  # (n, h, w) bool, M: where the regulariser holds the map to that of step 0
    change: np.ndarray  # (n, H, W, 3) float16, x_t − x_0 in grey levels of 255, without the mirror image
    score: np.ndarray  # (n,)
    others: np.ndarray  # (n,)
    regulariser: np.ndarray  # (n,), without μ
    objective: np.ndarray  # (n,)
    first_peak: np.ndarray  # (n,) maximum of the map of step 0: the scale of a climb is fixed by it
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def exceeds(self) -> np.ndarray:
        """How many times the maximum of step 0 this step's map reaches, (n,); 0 where step 0 was empty."""
        peaks = self.map.max(axis=(1, 2))
        return np.divide(peaks, self.first_peak, out=np.zeros_like(peaks), where=self.first_peak > 0)

    def to_json(self) -> dict[str, Any]:
        """The figures of the step, without its pictures."""
        return {
            **{name: getattr(self, name) for name in ("t", "steps", "scale", "readout")},
            "classes": list(self.classes),
            **{
                name: [round(float(value), 6) for value in getattr(self, name)]
                for name in ("score", "others", "regulariser", "objective", "exceeds")
            },
            "seconds": round(self.seconds, 4),
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        figures = "".join(
            f"  {name}: y {y:.3f}  others {others:.3f}  regulariser {regulariser:.4f}  objective {objective:.3f}"
            for name, y, others, regulariser, objective in zip(
                self.classes, self.score, self.others, self.regulariser, self.objective, strict=True
            )
        )
        notes = "".join(f"  ({note})" for note in self.notes)
        return f"step {self.t + 1}/{self.steps} at scale {self.scale:g}{figures}{notes}"


@dataclass(frozen=True)
class EvalStep:
    """One more picture was measured."""

    done: int
    total: int
    name: str

    def __str__(self) -> str:
        return f"{self.done}/{self.total} {self.name}"


@dataclass(frozen=True)
class Finished:
    """The work is done; ``where`` is what it left behind, ``detail`` a few figures about it."""

    where: str
    seconds: float
    detail: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        figures = "".join(f"  {name} {value:.4g}" for name, value in self.detail.items())
        return f"finished in {self.seconds:.1f} s: {self.where}{figures}"
