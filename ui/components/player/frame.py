"""One frame of a run: small 8-bit layers, the numbers that belong to it, and what the browser is told about them.

A run describes itself to the browser once (``about``)::

    {"title": "cat · w", "settings": [["Step size ξ", "0.036"], …],
     "picture": {"width": W, "height": H, "name": "cat.jpg", "type": "image/jpeg"},
     "panels": [{"layer": "map", "kind": "heat" | "above" | "signed" | "mask", "label": "this step", "title": "…",
                 "help": "…", "empty": "…", "plain": true where figures make no sense}, …],
     "charts": [{"title": "…", "percent": false, "step": "t", "first": 0, "joined": true where lines go on into the next part,
                 "ticks": [[frame, "words"], …] where frames are not counted,
                 "lines": [{"key": "score", "label": "y", "help": "…", "colour": "#…" of its own, "dashed": true}, …]}, …],
     "one": "step", "many": "steps"}

A panel of the kind "above" shows where its layer exceeds the threshold. A layer that a frame lacks is that of the frame before.

A line's key names a value of every frame, or ``LAYER:covered`` / ``LAYER:iou``: that curve at the threshold of the slider.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from recam_core import CamResult, class_curves
from ui.components.heatview.maps import numbers

SIGNED_PIXELS = 12_000  # that a signed layer keeps: three channels of it are 36 kB a frame


@dataclass(frozen=True, eq=False)
class Layer:
    """A picture (h, w) or (h, w, 3) of bytes; ``peak`` is what 255 stands for.

    Of a heat layer in units of its scale, where 1 is the end of the colours; of a signed layer in units of its own, where
    128 is zero and 1 is −``peak``. ``most`` is the largest value that there was before sampling, in the same unit. ``note`` is
    what stands over an empty layer instead of what its panel says of empty ones.
    """

    values: np.ndarray
    peak: float
    most: float
    note: str = ""

    def entry(self, offset: int) -> dict[str, Any]:
        """Where the bytes lie and how to read them."""
        peak, most = round(float(self.peak), 6), round(float(self.most), 6)
        entry = {"grid": list(self.values.shape), "at": offset, "peak": peak, "most": most}
        return entry | {"note": self.note} if self.note else entry


def heat_layer(values: np.ndarray, scale: float) -> Layer:
    """A map (h, w) ≥ 0 whose colours end at ``scale``; stored to its own maximum, so that nothing is cut off."""
    peak = float(values.max())
    if not peak > 0 or not scale > 0:
        return Layer(np.zeros(values.shape, np.uint8), 0.0, 0.0)
    return Layer(np.rint(values / peak * 255).astype(np.uint8), peak / scale, peak / scale)


def mask_layer(mask: np.ndarray) -> Layer:
    """A yes/no map (h, w)."""
    return Layer(mask.astype(np.uint8) * 255, float(mask.any()), float(mask.any()))


def signed_layer(values: np.ndarray) -> Layer:
    """Differences (H, W, 3) around zero, of large pictures every k-th pixel: a mean would hide what changes signs quickly."""
    height, width = values.shape[:2]
    step = max(1, int(np.ceil((height * width / SIGNED_PIXELS) ** 0.5)))
    sampled = values[step // 2 :: step, step // 2 :: step].astype(np.float32)
    peak = float(np.abs(sampled).max())
    scaled = sampled / peak if peak > 0 else sampled
    return Layer(np.rint(128 + 127 * scaled).astype(np.uint8), peak, float(np.abs(values).max()))


@dataclass(frozen=True, eq=False)
class Frame:
    """What belongs to one step. ``part`` numbers a stretch of frames (a scale); ``first`` starts it, or starts it over.

    ``curves[layer]`` holds shares for thresholds 0.00 … 1.00: "covered", and "iou" where the truth is known.
    """

    label: str
    layers: Mapping[str, Layer]
    values: Mapping[str, float]
    curves: Mapping[str, Mapping[str, list[Any]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    part: int = 0
    first: bool = False

    @cached_property
    def blob(self) -> bytes:
        """The layers' bytes, one after another."""
        return b"".join(layer.values.tobytes() for layer in self.layers.values())

    @property
    def nbytes(self) -> int:
        """How many bytes that are."""
        return sum(layer.values.size for layer in self.layers.values())

    def entry(self, offset: int) -> dict[str, Any]:
        """The frame as JSON data, its layers from ``offset`` on."""
        layers = {}
        for name, layer in self.layers.items():
            layers[name] = layer.entry(offset)
            offset += layer.values.size
        return {
            "label": self.label,
            "part": self.part,
            "layers": layers,
            "values": {name: round(float(value), 6) for name, value in self.values.items()},
            "curves": {name: dict(curves) for name, curves in self.curves.items()},
            "notes": list(self.notes),
        }


def shares_chart(has_truth: bool, colour: str, lines: Mapping[str, tuple[str, str]], **more: Any) -> dict[str, Any]:
    """How the ``shares`` of some curves move: IoU where the truth is known, else what lies above the threshold.

    ``lines`` are curves, each with its label and what it is. They have the ``colour`` of their map in every chart; the first
    is that of the refined map, dashed as everywhere.
    """
    curve = "iou" if has_truth else "covered"
    return {
        "title": "IoU with the true mask, above the threshold" if has_truth else "Picture above the threshold",
        "percent": True,
        "lines": [
            {"key": f"{key}:{curve}", "label": label, "help": text, "colour": colour, "dashed": number == 0}
            for number, (key, (label, text)) in enumerate(lines.items())
        ],
        **more,
    }


def shares(result: CamResult, truth: np.ndarray | None) -> dict[str, list[Any]]:
    """Of the first class: the covered share, and IoU where the truth is known, at every threshold of the slider."""
    one = replace(
        result, classes=result.classes[:1], scores=result.scores[:1], raw=result.raw[:1], maps=result.maps[:1]
    )
    curves = class_curves(one, truth)
    shares_of = {"covered": curves.covered[0], "iou": None if curves.iou is None else curves.iou[0]}
    return {name: numbers(np.round(values, 4)) for name, values in shares_of.items() if values is not None}
