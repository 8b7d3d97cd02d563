"""Steps of a walk → frames of the player: the walked map, its numbers, and shares at every threshold."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from recam_core import CamResult
from recam_core.cam.methods import map_row
from recam_core.records import EMPTY_TEXT
from ui.components.player.frame import Frame, heat_layer, shares, shares_chart


def walk_about(
    start: CamResult, name: str, title: str, settings: Sequence[tuple[str, str]], has_truth: bool
) -> dict[str, Any]:
    """What the player is told about a walk: panels, charts, title and settings; ``name`` is the picture's."""
    height, width = start.picture.shape[:2]
    several = len(start.classes) > 1
    unit = "1.0 is the peak of all classes" if several else "1.0 is its own peak"
    return {
        "title": title,
        "many": "maps",
        "settings": [list(pair) for pair in settings],
        "picture": {"width": width, "height": height, "name": name, "type": "image/jpeg"},
        "panels": [
            {
                "layer": "boundary",
                "kind": "heat",
                "label": "boundaries B",
                "title": "1.0 is a wall",
                "help": "How sure it is that a boundary lies here. Heat hardly passes where it is bright.",
                "empty": "No boundary anywhere: heat spreads freely.",
                "plain": True,
            },
            {
                "layer": "start",
                "kind": "heat",
                "label": "start, boundaries out",
                "title": "t = 0",
                "help": "The start map times 1 − B: what walks. Boundaries are taken out once, here.",
                "empty": EMPTY_TEXT,
            },
            {
                "layer": "map",
                "kind": "heat",
                "label": "walk",
                "title": unit,
                "help": "The map after t steps, divided by the largest value of any class at this t, as labels are made.",
                "empty": "Nothing is left: every position with heat lies on a boundary.",
            },
            {
                "layer": "map",
                "kind": "above",
                "label": "mask",
                "title": "walk above the threshold",
                "help": "Where the walked map exceeds the background threshold. Labels below also compare the classes.",
                "empty": "",
            },
        ],
        "charts": [
            shares_chart(
                has_truth,
                map_row(start.readout).colour,
                {
                    "map": ("walk", "after t steps"),
                    "begin": ("before the walk", "the start map, with its boundaries"),
                },
                step="t",
                first=0,
            ),
            {
                "title": "How heat spreads and fades",
                "percent": True,
                "step": "t",
                "first": 0,
                "lines": [
                    {"key": "peak", "label": "peak", "help": "The map's largest value, of that at t = 0"},
                    {
                        "key": "moved",
                        "label": "changed since t = 0",
                        "help": "Mean absolute change, of the mean at t = 0",
                    },
                ],
            },
        ],
    }


def walk_frame(t: int, maps: np.ndarray, walked: CamResult, first: np.ndarray, truth: np.ndarray | None) -> Frame:
    """The frame of one t; the class that is looked at stands first.

    ``maps`` (n, h, w) are walked and raw, ``walked`` the same as heatmaps; ``first`` (h, w) is the class's map at t = 0;
    ``truth`` (1, H, W) as for curves.
    """
    here = maps[0]
    return Frame(
        label=f"t = {t}",
        layers={"map": heat_layer(np.minimum(walked.grid[0], 1), 1.0)},
        values={
            "peak": _share(here.max(), first.max()),
            "moved": _share(np.abs(here - first).mean(), first.mean()),
        },
        curves={"map": shares(walked, truth)},
    )


def first_frame(frame: Frame, start: CamResult, boundary: np.ndarray, truth: np.ndarray | None) -> Frame:
    """The frame of t = 0 with what stays as it is: boundaries, what walks, and curves of the map before."""
    gated = start.grid[0] * (1 - boundary)
    layers = {"boundary": heat_layer(boundary, 1.0), "start": heat_layer(gated, float(gated.max()))}
    return replace(
        frame,
        layers={**layers, **frame.layers},
        curves={**frame.curves, "start": frame.curves["map"], "begin": shares(start, truth)},
        first=True,
    )


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else 0.0
