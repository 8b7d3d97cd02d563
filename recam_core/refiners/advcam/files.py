"""A climb as files: the evidence bundle of its result, frames, animations, every map as numbers, and its trace."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np

from recam_core.cam.bundle import evidence_bundle, file_names
from recam_core.cam.pipeline import read_out
from recam_core.images.animation import gif_bytes, webp_bytes
from recam_core.images.captions import captioned
from recam_core.images.visualise import outlined, overlay, png_bytes
from recam_core.networks.readouts import readout_label
from recam_core.records import AdvCamOptions, DisplayOptions, Evidence, RefineStep
from recam_core.refiners.advcam.result import climbed_evidence, valid_steps
from recam_core.system.files import npz_bytes

GAP = 4  # white columns between the two panels of a frame
RAW = (
    "Grad-CAM in the reference's scale: positive evidence over the number of positive weights, weighted with the share of "
    "positive positions of each view, added over mirror image, steps and scales"
)


def climb_bundle(
    before: Evidence,
    steps: Sequence[RefineStep],
    options: AdvCamOptions,
    *,
    class_ids: Sequence[int],
    display: DisplayOptions,
    manifest: Mapping[str, Any],
    truth: np.ndarray | None = None,
    milliseconds: int = 200,
) -> dict[str, bytes]:
    """Files of a climb, finished or stopped: relative name → contents, for a folder or an archive.

    The evidence bundle of the climbed maps (see ``evidence_bundle``); per class ``frames/CLASS_00.png`` and on (map of the step
    beside the accumulated one), ``climb_CLASS.webp``, ``climb_CLASS.gif``, ``perturbation_CLASS.png``; once
    ``steps.npz`` (float32, per scale i ``map_i``, ``accumulated_i``, ``hold_mask_i``: steps, classes, h, w) and ``trace.json``.
    """
    steps = valid_steps(steps)
    evidence = climbed_evidence(before, steps, options.result)
    described = {**manifest, "climb": {**asdict(options), "steps_made": len(steps), "raw": RAW}}
    result = read_out(evidence, steps[0].readout, evidence.classes)
    files = evidence_bundle([result], class_ids=class_ids, display=display, manifest=described, truth=truth)
    for i, slug in enumerate(file_names(evidence.classes)):
        frames = climb_frames(before.picture, steps, i, display)
        files |= {f"frames/{slug}_{t:02}.png": png_bytes(frame) for t, frame in enumerate(frames)}
        files[f"climb_{slug}.webp"] = webp_bytes(frames, milliseconds)
        files[f"climb_{slug}.gif"] = gif_bytes(frames, milliseconds)
        files[f"perturbation_{slug}.png"] = png_bytes(perturbation_picture(*_gained(steps[-1].change[i])))
    files["steps.npz"] = npz_bytes(_arrays(steps))
    files["trace.json"] = (json.dumps(_trace(steps, options, before), indent=1, ensure_ascii=False) + "\n").encode()
    return files


def climb_frames(
    picture: np.ndarray, steps: Sequence[RefineStep], row: int, display: DisplayOptions
) -> list[np.ndarray]:
    """A frame a step for one class (its ``row`` in the maps): the map of the step beside the accumulated one, RGB.

    Each under its words, and outlined at the threshold.

    The map of the step is in the scale of step 0, so that steps can be compared (what exceeds it takes the end colour);
    the accumulated one ends at its own maximum, as in evaluation.
    """
    frames = []
    for step in steps:
        scale = f" · scale {step.scale:g}" if step.scale != 1 else ""
        subject = f"{step.classes[row]} · {readout_label(step.readout)}"
        panels = [
            _panel(picture, values[row] / max(peak, 1e-12), display, words)
            for values, peak, words in (
                (step.map, step.first_peak[row], f"step {step.t + 1}/{step.steps}{scale} · {subject}"),
                (step.accumulated, step.accumulated[row].max(), "accumulated"),
            )
        ]
        gap = np.full((panels[0].shape[0], GAP, 3), 255, np.uint8)
        frames.append(np.concatenate([panels[0], gap, panels[1]], axis=1))
    return frames


def _panel(picture: np.ndarray, values: np.ndarray, display: DisplayOptions, words: str) -> np.ndarray:
    values = _at_size(values, picture)
    painted = overlay(picture, values, display.palette, display.opacity, display.grow)
    return captioned(outlined(painted, values > np.float32(display.threshold)), words)


def perturbation_picture(change: np.ndarray, gain: float) -> np.ndarray:
    """Differences (H, W, 3) in grey levels as a picture: middle grey where nothing changed, ``gain`` times the change."""
    return np.rint(np.clip(128 + gain * change.astype(np.float32), 0, 255)).astype(np.uint8)


def _gained(change: np.ndarray) -> tuple[np.ndarray, float]:
    """The gain that lets the largest change end at black or white."""
    return change, 127 / max(float(np.abs(change).max()), 1e-6)


def _at_size(values: np.ndarray, picture: np.ndarray) -> np.ndarray:
    size = (picture.shape[1], picture.shape[0])
    return cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)


def _arrays(steps: Sequence[RefineStep]) -> dict[str, np.ndarray]:
    arrays = {}
    for index in sorted({step.scale_index for step in steps}):
        for name in ("map", "accumulated", "hold_mask"):
            maps = [getattr(step, name) for step in steps if step.scale_index == index]
            arrays[f"{name}_{index}"] = np.stack(maps).astype(np.float32)
    return arrays


def _trace(steps: Sequence[RefineStep], options: AdvCamOptions, before: Evidence) -> dict[str, Any]:
    """Settings and, for every step, y_k, Σ y_j, regulariser and objective of each class."""
    scales, last = before.options.scales, steps[-1]
    return {
        "readout": last.readout,
        "classes": list(last.classes),
        "settings": asdict(options),
        "scales": list(scales),
        "complete": last.scale_index == len(scales) - 1 and last.t == last.steps - 1,
        "perturbation_gain": [round(_gained(change)[1], 3) for change in last.change],
        "steps": [step.to_json() for step in steps],
    }
