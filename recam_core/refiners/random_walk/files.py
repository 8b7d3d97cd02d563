"""A walk as files: maps and labels before and after, boundaries, animations, maps on the way as numbers, and its trace."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from recam_core.cam.bundle import class_rows, file_names, map_files, with_manifest
from recam_core.images.animation import gif_bytes, webp_bytes
from recam_core.images.captions import captioned
from recam_core.images.visualise import label_ids, labels_from_maps, labels_overlay, outlined, overlay, png_bytes
from recam_core.networks.readouts import readout_label
from recam_core.records import CamResult, DisplayOptions, RandomWalkOptions, UserError, WalkStep
from recam_core.refiners.random_walk.result import enlarged, walked_result
from recam_core.system.files import npz_bytes

GAP = 4  # white columns between the two panels of a frame
ARRAYS = {
    "before": "the map the walk began with, divided by each class's own maximum + 1e-05",
    "after": "the map after the last step, divided by one maximum over all classes together, as the reference does",
    "raw_after": "the same in the units of the map the walk began with (no class is divided by anything)",
    "boundary": "(h, w) float32 on the quarter-size grid, 0 to 1: the boundary map B",
}


def walk_bundle(
    start: CamResult,
    steps: Sequence[WalkStep],
    boundary: np.ndarray,
    options: RandomWalkOptions,
    *,
    class_ids: Sequence[int],
    display: DisplayOptions,
    before_threshold: float,
    manifest: Mapping[str, Any],
    described: Mapping[str, Any] | None = None,
    truth: np.ndarray | None = None,
    milliseconds: int = 300,
) -> dict[str, bytes]:
    """Files of a walk, finished or stopped: relative name → contents, for a folder or an archive.

    ``steps`` are those to keep, the last of them is the result; ``boundary`` (h, w) is on the same grid. The threshold before
    the walk is ``before_threshold``, after it ``display.threshold``; ``described`` is what else the walk's settings should say.
    In ``before/`` and ``after/``: ``overlay_CLASS.png``, ``mask_CLASS.png``, ``labels.png`` with palette, and where ``truth``
    (n, H, W; 1, 0, 255 unknown) is given ``error_CLASS.png``. Once: ``picture.png``, ``boundary.png`` (white = boundary), per
    class ``walk_CLASS.webp`` and ``.gif``, ``maps.npz``, ``steps.npz`` (``t`` (T,) and ``maps`` (T, n, h, w)), ``trace.json``,
    ``manifest.json``. Raises ``UserError`` where there is no step yet.
    """
    if not steps:
        raise UserError("The walk has no step yet; let it make at least one.")
    results = [walked_result(start, step.maps) for step in steps]
    after, size = results[-1], start.picture.shape[:2]
    labels = [labels_from_maps(result.maps, label_ids(class_ids), display.threshold) for result in results]
    files = {
        "picture.png": png_bytes(start.picture),
        "boundary.png": png_bytes(np.rint(255 * np.clip(enlarged(boundary[None], size)[0], 0, 1)).astype(np.uint8)),
    }
    seeds = replace(display, threshold=before_threshold)
    files |= map_files("before", start, start.maps, class_ids, seeds, truth=truth)
    files |= map_files("after", after, after.maps, class_ids, display, truth=truth)
    for row, slug in enumerate(file_names(start.classes)):
        frames = walk_frames(results, labels, row, display, [step.t for step in steps])
        files[f"walk_{slug}.webp"] = webp_bytes(frames, milliseconds)
        files[f"walk_{slug}.gif"] = gif_bytes(frames, milliseconds)
    files["steps.npz"] = npz_bytes(
        {"t": np.array([step.t for step in steps]), "maps": np.stack([s.maps for s in steps])}
    )
    arrays = (start.maps, after.maps, after.raw, boundary.astype(np.float32))
    files["maps.npz"] = npz_bytes(dict(zip(ARRAYS, arrays, strict=True)))
    thresholds = {"before": before_threshold, "after": display.threshold}
    walk = {**asdict(options), **(described or {}), "steps_made": steps[-1].t, "thresholds": thresholds}
    trace = {
        "readout": start.readout,
        "classes": list(start.classes),
        "settings": walk,
        "complete": steps[-1].t == options.steps,
        "steps": [_row(step, label, class_ids) for step, label in zip(steps, labels, strict=True)],
    }
    files["trace.json"] = (json.dumps(trace, indent=1, ensure_ascii=False) + "\n").encode()
    about = {"classes": class_rows(start, class_ids), "readouts": [start.readout], **asdict(display)}
    return with_manifest(files, {**manifest, "walk": walk, **about, "arrays": ARRAYS})


def walk_frames(
    results: Sequence[CamResult],
    labels: Sequence[np.ndarray],
    row: int,
    display: DisplayOptions,
    times: Sequence[int],
) -> list[np.ndarray]:
    """A frame a kept step for one class (its ``row`` in the maps): its map beside the labels of all classes, RGB.

    Each under its words (``times`` are the steps t), the map outlined at the threshold. Maps end at one maximum over the
    classes, step by step, as for the labels: walking flattens them.
    """
    frames = []
    for result, label, t in zip(results, labels, times, strict=True):
        values = result.maps[row]
        painted = overlay(result.picture, values, display.palette, display.opacity, display.grow)
        words = f"t = {t} · {result.classes[row]} · {readout_label(result.readout)}"
        left = captioned(outlined(painted, values > np.float32(display.threshold)), words)
        right = captioned(
            labels_overlay(result.picture, label, display.opacity), f"labels above {display.threshold:.2f}"
        )
        gap = np.full((left.shape[0], GAP, 3), 255, np.uint8)
        frames.append(np.concatenate([left, gap, right], axis=1))
    return frames


def _row(step: WalkStep, labels: np.ndarray, class_ids: Sequence[int]) -> dict[str, Any]:
    """The figures of a step, and the share of the picture that each class's label covers."""
    covered = [round(float((labels == k + 1).mean()), 6) for k in label_ids(class_ids)]
    return {**step.to_json(), "covered": covered}
