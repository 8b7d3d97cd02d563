"""The evidence bundle: everything on the screen as files that others can open, check and compute with."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from recam_core.cam.annotations import annotation_files
from recam_core.cam.methods import is_method, map_row
from recam_core.cam.scales import SCALES, scaled_maps
from recam_core.images.visualise import (
    difference_overlay,
    error_overlay,
    label_ids,
    labels_from_maps,
    overlay,
    palette_png_bytes,
    png_bytes,
)
from recam_core.networks.readouts import READOUTS
from recam_core.records import CAM, IGNORE, CamResult, DisplayOptions, UserError
from recam_core.system.files import npz_bytes


def evidence_bundle(
    results: Sequence[CamResult],
    *,
    class_ids: Sequence[int],
    display: DisplayOptions,
    manifest: Mapping[str, Any],
    truth: np.ndarray | None = None,
    own_thresholds: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, bytes]:
    """Files of one picture under one or more readouts: relative name → contents, for a folder or an archive.

    ``results`` share picture and classes; ``class_ids`` (n,) are the positions of those classes in the model's list;
    ``display.scale`` holds for every file. Maps are cut at ``display.threshold``, or where ``own_thresholds`` are given
    (readout → a number a class) each at its own, as a share of its own maximum. Per readout: ``overlay_CLASS.png``,
    ``mask_CLASS.png`` (map > threshold), ``labels.png`` (classes competing with the background threshold),
    ``coco.json``, ``yolo.txt`` and ``voc.xml`` (masks and boxes around their regions), ``difference_CLASS.png`` (the
    map minus that of CAM, where CAM is among the readouts) and, where ``truth`` (n, H, W; 1, 0, 255 unknown) is
    given, ``error_CLASS.png``.
    Once: ``picture.png``, ``maps.npz`` (float32, rows = classes) and ``manifest.json`` (``manifest`` and the keys added by
    this function, which win).
    """
    first = _check(results, class_ids)
    files = {"picture.png": png_bytes(first.picture)}
    scaled = {result.readout: scaled_maps(result, display.scale) for result in results}
    arrays = {**scaled, **{f"raw_{r.readout}": r.raw.astype(np.float32, copy=False) for r in results}}
    for result, (readout, maps) in zip(results, scaled.items(), strict=True):
        base = None if readout == CAM else scaled.get(CAM)
        own = None if own_thresholds is None else (result.maps, own_thresholds[readout])
        files |= map_files(readout, first, maps, class_ids, display, base=base, truth=truth, cut=own)
    files["maps.npz"] = npz_bytes(arrays)
    described = {
        **manifest,
        "classes": class_rows(first, class_ids),
        "readouts": list(scaled),
        **asdict(display),
        **(
            {}
            if own_thresholds is None
            else {"own_thresholds": {name: list(row) for name, row in own_thresholds.items()}}
        ),
        "arrays": _explanations(results, display.scale),
    }
    return with_manifest(files, described)


def map_files(
    folder: str,
    result: CamResult,
    maps: np.ndarray,
    class_ids: Sequence[int],
    display: DisplayOptions,
    *,
    base: np.ndarray | None = None,
    truth: np.ndarray | None = None,
    cut: tuple[np.ndarray, Sequence[float]] | None = None,
) -> dict[str, bytes]:
    """Pictures of maps (n, H, W) of ``result``'s picture and classes in ``folder``: overlays, masks, labels.

    ``cut`` is what is compared with which threshold a class, where that is not ``maps`` with ``display.threshold``.
    Where ``base`` (n, H, W) is given also the maps minus those, where ``truth`` is given also what is right and wrong.
    """
    files: dict[str, bytes] = {}
    picture = result.picture
    compared, levels = cut or (maps, [display.threshold] * len(maps))
    masks = [values > np.float32(level) for values, level in zip(compared, levels, strict=True)]
    for i, (slug, values, above) in enumerate(zip(file_names(result.classes), maps, masks, strict=True)):
        painted = {
            "overlay": overlay(picture, values, display.palette, display.opacity, display.grow),
            "mask": above,
        }
        if base is not None:
            painted["difference"] = difference_overlay(picture, values - base[i], display.opacity, display.grow)
        if truth is not None and (truth[i] != IGNORE).any():
            painted["error"] = error_overlay(picture, above, truth[i], display.opacity)
        files |= {f"{folder}/{kind}_{slug}.png": png_bytes(image) for kind, image in painted.items()}
    files[f"{folder}/labels.png"] = palette_png_bytes(
        labels_from_maps(compared, label_ids(class_ids), np.array(levels))
    )
    annotations = annotation_files(masks, result.classes, class_ids)
    return files | {f"{folder}/{name}": data for name, data in annotations.items()}


def with_manifest(files: Mapping[str, bytes], described: Mapping[str, Any]) -> dict[str, bytes]:
    """The files and ``manifest.json``, which holds what is ``described`` and the hash of each."""
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    text = json.dumps({**described, "files": hashes}, indent=2, ensure_ascii=False)
    return {**files, "manifest.json": f"{text}\n".encode()}


def file_names(classes: Sequence[str]) -> list[str]:
    """A file-name part for each class: ASCII letters, digits and underscores, at most 60, no two alike.

    "wine glass" becomes ``wine_glass``; a name without any such letter becomes ``class``; a repeated one gets a number.
    """
    names: list[str] = []
    for label in classes:
        ascii_only = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
        # No capitals: on many disks Dog and dog are the same file.
        stem = re.sub(r"[^a-z0-9]+", "_", ascii_only.lower()).strip("_")[:60] or "class"
        name, number = stem, 2
        while name in names:
            name, number = f"{stem}_{number}", number + 1
        names.append(name)
    return names


def _check(results: Sequence[CamResult], class_ids: Sequence[int]) -> CamResult:
    if not results:
        raise UserError("There is nothing to save yet; choose at least one readout.")
    first = results[0]
    readouts = [result.readout for result in results]
    if len(set(readouts)) != len(readouts) or not all(name in READOUTS or is_method(name) for name in readouts):
        raise UserError(
            f"Each readout of {', '.join(READOUTS)} and each method can be saved once; got {', '.join(readouts)}."
        )
    if any(r.classes != first.classes or not np.array_equal(r.picture, first.picture) for r in results):
        raise UserError("The readouts saved together must be of the same picture and classes; save them one by one.")
    if len(class_ids) != len(first.classes):
        raise UserError(f"Expected one class id for each of {len(first.classes)} classes; got {len(class_ids)}.")
    return first


def class_rows(result: CamResult, class_ids: Sequence[int]) -> list[dict[str, Any]]:
    """What a manifest says about each class: its name, that in file names, its label value, its probability."""
    columns = (result.classes, file_names(result.classes), class_ids, label_ids(class_ids), result.scores)
    return [
        {"name": name, "file_name": slug, "id": int(k), "label": int(label) + 1, "probability": float(score)}
        for name, slug, k, label, score in zip(*columns, strict=True)
    ]


def _explanations(results: Sequence[CamResult], scale: str) -> dict[str, str]:
    """One line for each array and kind of picture in the bundle."""
    n, height, width = results[0].maps.shape
    shape = f"({n}, {height}, {width}) float32, rows = classes"
    lines = {
        "overlay_CLASS.png": "the map over the picture, RGB, for looking at; compute with maps.npz instead",
        "difference_CLASS.png": "the map minus that of CAM: red where it is higher, blue where it is lower",
        "error_CLASS.png": "blue found, orange wrong, purple missed, at the threshold; where a true mask was given",
        "mask_CLASS.png": "255 where the map is above the threshold, else 0",
        "labels.png": "indexed: 0 where the threshold is not exceeded by any class, else the label of the largest map",
    }
    for result in results:
        lines[result.readout] = f"{shape}; heatmap from 0 to 1; {SCALES[scale]}"
        lines[f"raw_{result.readout}"] = (
            f"{shape}; {map_row(result.readout).unit}, negative parts cut off, summed over scales and mirror images; "
            "not comparable with another readout's"
        )
    return lines
