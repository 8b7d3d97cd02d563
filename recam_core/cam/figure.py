"""Heatmaps of one picture as a figure: a row a class, a column a readout, as the screen shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recam_core.cam.methods import map_title
from recam_core.cam.regions import boxes
from recam_core.cam.scales import scaled_maps
from recam_core.images.figure import ColourBar, Panel
from recam_core.images.visualise import DIVERGING, PALETTES, difference_overlay, error_overlay, mask_overlay, overlay
from recam_core.networks.readouts import READOUTS, RECAM
from recam_core.records import IGNORE, CamResult, DisplayOptions
from recam_core.records.names import percent

Rates = Mapping[str, Mapping[str, Mapping[str, Any]]]  # readout → class → threshold, iou, fn, fp (None: nobody knows)


def figure_rows(
    results: Sequence[CamResult],
    rates: Rates,
    display: DisplayOptions,
    *,
    mode: str = "heat",
    own: bool = True,
    truth: np.ndarray | None = None,
    with_boxes: bool = False,
) -> list[tuple[str, list[Panel]]]:
    """Rows of a figure: per class its name and a panel of each readout, cut at its threshold of ``rates``.

    ``own``: thresholds are shares of each map's own maximum, else on ``display.scale``. ``mode`` is heat, mask, difference
    (to the first of ``results``) or error, which needs ``truth`` (n, H, W; 1, 0, 255 unknown).
    """
    shown = [scaled_maps(result, display.scale) for result in results]
    rows = []
    for i, name in enumerate(results[0].classes):
        panels = []
        for result, maps in zip(results, shown, strict=True):
            rate = rates[result.readout][name]
            cut = result.maps[i] if own else maps[i]
            base = None if result is results[0] else shown[0][i]
            above = cut > np.float32(rate["threshold"])
            known = None if truth is None or (truth[i] == IGNORE).all() else truth[i]
            panels.append(
                Panel(
                    _painted(result.picture, maps[i], above, display, mode, base, known),
                    owned_label(result.readout),
                    _words(rate),
                    None if mode == "difference" and base is not None else cut,
                    rate["threshold"],
                    boxes(above) if with_boxes else (),
                )
            )
        rows.append((name, panels))
    return rows


def colour_bar(display: DisplayOptions, mode: str = "heat") -> ColourBar | None:
    """What the colours of such rows mean; None where words do, as for masks."""
    if mode == "difference":
        return ColourBar(DIVERGING, "map − that of the first column", -1.0, 1.0)
    if mode != "heat":
        return None
    largest = "each map’s own maximum" if display.scale == "each" else "the readout’s largest maximum"
    return ColourBar(PALETTES[display.palette], f"share of {largest}")


def owned_label(readout: str) -> str:
    """What a person reads for a map, with ReCAM before the readouts of its network."""
    is_recam = readout in READOUTS and READOUTS[readout].network == RECAM
    return f"ReCAM {map_title(readout)}" if is_recam else map_title(readout)


def _painted(
    picture: np.ndarray,
    values: np.ndarray,
    above: np.ndarray,
    display: DisplayOptions,
    mode: str,
    base: np.ndarray | None,
    truth: np.ndarray | None,
) -> np.ndarray:
    if mode == "mask":
        return mask_overlay(picture, above, display.palette, display.opacity)
    if mode == "difference" and base is not None:
        return difference_overlay(picture, values - base, display.opacity, display.grow)
    if mode == "error" and truth is not None:
        return error_overlay(picture, above, truth, display.opacity)
    return overlay(picture, values, display.palette, display.opacity, display.grow)


def _words(rate: Mapping[str, Any]) -> str:
    """The threshold, and what is known of the mask there."""
    at = f"threshold {rate['threshold']:.2f}"
    if rate.get("iou") is None:
        return at
    return f"IoU {percent(rate['iou'])} · missed {percent(rate['fn'])} · wrong {percent(rate['fp'])} · {at}"
