"""Steps of a climb → frames of the player: small 8-bit layers, numbers for the charts, shares at every threshold."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from recam_core import (
    AdvCamOptions,
    CamResult,
    Evidence,
    RefineStep,
    climbed_evidence,
    read_out,
)
from recam_core.cam.methods import map_row
from recam_core.records import EMPTY_TEXT
from ui.components.player.frame import Frame, heat_layer, mask_layer, shares, shares_chart, signed_layer

PANELS: list[dict[str, str]] = [
    {
        "layer": "map",
        "kind": "heat",
        "label": "this step",
        "title": "1.0 is the peak of step 1",
        "help": "The map of the nudged picture. Its scale is fixed by step 1, so that steps can be compared.",
        "empty": EMPTY_TEXT,
    },
    {
        "layer": "total",
        "kind": "heat",
        "label": "accumulated",
        "title": "1.0 is its own peak",
        "help": "The sum of the maps of all steps so far, divided by its own maximum, as in evaluation.",
        "empty": EMPTY_TEXT,
    },
    {
        "layer": "change",
        "kind": "signed",
        "label": "perturbation",
        "title": "grey is no change",
        "help": "The nudged picture minus the original, many times larger than it is. Of large pictures every few pixels.",
        "empty": "No change yet: this is the picture itself.",
    },
    {
        "layer": "hold",
        "kind": "mask",
        "label": "held back (M)",
        "title": "map above τ",
        "help": "Where this step's map exceeds the mask level τ of its own maximum; there the regulariser holds it to step 1.",
        "empty": "Nothing is held back.",
    },
]


def climb_about(
    evidence: Evidence,
    name: str,
    title: str,
    settings: Sequence[tuple[str, str]],
    readout: str,
    class_name: str,
    has_truth: bool,
) -> dict[str, Any]:
    """What the player is told about a climb: panels, charts, title and settings; ``name`` is the picture's."""
    height, width = evidence.picture.shape[:2]
    lines = [
        ("score", f"y of {class_name}", "The class's score: its positive evidence, mean over the picture"),
        ("others", "Σ y of the others", "The scores of all other classes together"),
        ("held", "μ · regulariser", "How far the map left that of step 1 where it is held back, times μ"),
        ("objective", "objective", "y − Σ y of the others − μ · regulariser: what each step climbs"),
    ]
    return {
        "title": title,
        "settings": [list(pair) for pair in settings],
        "picture": {"width": width, "height": height, "name": name, "type": "image/jpeg"},
        "panels": PANELS,
        "charts": [
            {
                "title": "What is climbed",
                "percent": False,
                "lines": [{"key": key, "label": label, "help": text} for key, label, text in lines],
            },
            shares_chart(
                has_truth,
                map_row(readout).colour,
                {
                    "total": ("accumulated", "divided by its own maximum"),
                    "map": ("this step", "in the scale of step 1"),
                },
            ),
        ],
    }


def climb_frame(
    steps: Sequence[RefineStep], before: Evidence, options: AdvCamOptions, truth: np.ndarray | None
) -> Frame:
    """The frame of the last of the steps so far (valid ones, of one class); ``truth`` (1, H, W) as for curves."""
    step = steps[-1]
    scale = float(step.first_peak[0]) or float(step.map[0].max())
    here = _result(before, [step], "last")
    total = _result(before, steps, "accumulated")
    summed = _summed(steps)
    own = replace(here, maps=here.raw / np.float32(max(scale, 1e-12)))
    several = step.scale != 1 or len(before.options.scales) > 1
    return Frame(
        label=f"step {step.t + 1} of {step.steps}" + (f" at scale {step.scale:g}" if several else ""),
        layers={
            "map": heat_layer(step.map[0], scale),
            "total": heat_layer(summed, float(summed.max())),
            "change": signed_layer(step.change[0]),
            "hold": mask_layer(step.hold_mask[0]),
        },
        values={
            "score": step.score[0],
            "others": step.others[0],
            "regulariser": step.regulariser[0],
            "held": options.mu * step.regulariser[0],
            "objective": step.objective[0],
        },
        curves={"map": shares(own, truth), "total": shares(total, truth)},
        notes=step.notes,
        part=step.scale_index,
        first=step.t == 0,
    )


def _result(before: Evidence, steps: Sequence[RefineStep], kind: str) -> CamResult:
    evidence = climbed_evidence(before, steps, kind)
    return read_out(evidence, steps[-1].readout, evidence.classes)


def _summed(steps: Sequence[RefineStep]) -> np.ndarray:
    """The accumulated map (h, w) so far, of several scales at the finest grid among them."""
    maps = [step.accumulated[0] for step in {step.scale_index: step for step in steps}.values()]
    rows, columns = max(m.shape for m in maps)
    return np.sum([cv2.resize(m, (columns, rows), interpolation=cv2.INTER_LINEAR) for m in maps], axis=0)
