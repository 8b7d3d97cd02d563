"""Refiners: heatmaps → better heatmaps, frame by frame.

Contract: called with (picture, pair, classes, options, …), an iterator of ``RefineStep``; it leaves no trace in the model,
and closing it frees everything. The random walk (``random_walk``) needs no model but a boundary map (``boundary``), so it
stands beside them.
"""

from collections.abc import Callable, Iterator

from recam_core.records import RefineStep
from recam_core.refiners.advcam.climb import climb

REFINERS: dict[str, Callable[..., Iterator[RefineStep]]] = {"advcam": climb}
