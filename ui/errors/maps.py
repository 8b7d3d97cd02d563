"""Maps of single pictures of an evaluation, made on demand for what is on the screen; bounded, and kept between reruns."""

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from recam_core import (
    CamResult,
    Evidence,
    ModelPair,
    Picture,
    Store,
    UserError,
    gather_evidence,
    open_dataset,
    read_out,
)
from recam_core.cam.methods import is_method
from recam_core.cam.methods.results import method_results
from recam_core.datasets import streamed
from recam_core.evaluation.store.map_names import is_baseline
from recam_core.images.masks import resize_labels
from recam_core.images.visualise import error_overlay, labels_from_maps
from recam_core.records import IGNORE
from recam_core.refiners import REFINERS
from recam_core.refiners.subject import Subject
from recam_core.system.cache import Cache
from recam_core.system.layouts import changed
from ui.compute import engine
from ui.errors.runs import changed_words, source_of
from ui.errors.sides import Side

PICTURE_BYTES, MADE_BYTES = 64 * 2**20, 128 * 2**20
Shot = tuple[Picture, np.ndarray]  # a picture and its mask at the same size
_PICTURES: Cache[Shot] = Cache(PICTURE_BYTES, lambda shot: shot[0].pixels.nbytes + shot[1].nbytes)
CARD_SIDE = 240


@st.cache_resource(max_entries=4, show_spinner="Opening the data set …")
def _dataset(kind: str, root: str, split: str, stamp: int) -> Any:
    return streamed(open_dataset(kind, root, split))


def read_shot(store: Store, number: int) -> Shot:
    """Picture and mask of an evaluation; ``UserError`` where the data set is gone or is another one by now."""
    place = (store.settings.dataset, store.settings.root, store.settings.split)
    where = (*place, changed(*place))
    if (cached := _PICTURES.get((where, number))) is not None:
        return cached
    data, name = _dataset(*where), store.names[number]
    if len(data) != store.settings.total or data.name(number) != name:
        raise UserError(
            f"The data set has changed since it was evaluated: picture {number} is not {name} any more. Evaluate it again."
        )
    pixels, mask = data.image(number), data.mask(number)
    sha = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
    kind = ("drawn scene",) if store.settings.dataset == "scenes" else ()
    shot = (Picture(pixels, name, sha, (pixels.shape[1], pixels.shape[0]), kind), mask)
    _PICTURES.put((where, number), shot)
    return shot


def pair_of(store: Store) -> ModelPair:
    """The model of an evaluation, if it is still the same."""
    pair = engine.model_pair(source_of(store))
    if pair.sha256 != store.settings.sha256:
        raise UserError(changed_words(store))
    return pair


def results_of(store: Store, number: int, names: tuple[str, ...]) -> list[CamResult]:
    """Heatmaps of the picture's labelled classes for some kept maps; ``readout`` of each is its name in the store."""
    picture, _ = read_shot(store, number)
    pair, options = pair_of(store), store.settings.options
    classes = [pair.classes[k] for k in store.entries[number].ids]
    evidence = engine.EVIDENCE.get(
        (picture.sha256, pair.sha256, options), lambda: gather_evidence(picture.pixels, pair, options)
    )
    if any(is_baseline(name) for name in names):
        raise UserError("Baselines have no maps of their own to show; choose a readout.")
    with engine.brief_turn():
        results = {name: read_out(evidence, name, classes) for name in names if name in evidence.scale_maps}
    if methods := tuple(name for name in names if is_method(name)):
        key = (picture.sha256, pair.sha256, options, methods, tuple(classes))
        made = _MADE.get(key, lambda: method_results(evidence, pair, methods, classes))
        results |= {result.readout: result for result in made}
    if len(results) < len(names):
        results |= _refined(store, picture.sha256, evidence, classes)
    return [results[name] for name in names]


def error_card(
    picture: np.ndarray, maps: np.ndarray, ids: tuple[int, ...], mask: np.ndarray, threshold: float, only: int = 0
) -> Any:
    """A picture (H, W, 3) with what was found, wrongly claimed and missed at a threshold; of label ``only`` where given.

    Of all classes together, a pixel that is called another class than it is counts as wrongly claimed.
    """
    labels = labels_from_maps(maps, ids, threshold)
    truth = resize_labels(mask, picture.shape[:2])
    if only:
        called, there = labels == only, (truth == only).astype(np.uint8)
    else:
        called = labels > 0
        there = ((truth > 0) & ~(called & (labels != truth))).astype(np.uint8)
    there[truth == IGNORE] = IGNORE
    return error_overlay(picture, called, there)


def side_card(side: Side, position: int, threshold: float, only: int = 0) -> np.ndarray:
    """The small error picture of one side, for a card: at most 240 pixels on its long side."""
    number = int(side.numbers[position])
    picture, mask = read_shot(side.store, number)
    ids = side.store.entries[number].ids
    if ids:
        (result,) = results_of(side.store, number, (side.name,))
        small, maps = result.picture, result.maps
    else:
        small, maps = picture.pixels, np.zeros((0, *picture.pixels.shape[:2]), np.float32)
    card = error_card(small, maps, ids, mask, threshold, only)
    step = max(1, -(-max(card.shape[:2]) // CARD_SIDE))
    return card[::step, ::step]


def _refined(store: Store, sha256: str, evidence: Evidence, classes: list[str]) -> dict[str, CamResult]:
    name, pair = store.settings.refine, pair_of(store)
    readouts = tuple(readout for readout in store.settings.maps if readout in evidence.scale_maps)

    def compute() -> list[CamResult]:
        options = REFINERS[name].options(**(store.settings.refinement or {}))
        return REFINERS[name].results(Subject(pair, evidence, tuple(classes), readouts), options)

    key = (sha256, pair.sha256, store.settings.options, name, repr(store.settings.refinement), readouts, tuple(classes))
    results = _MADE.get(key, compute)
    return {f"{r.readout}-{name}": replace(r, readout=f"{r.readout}-{name}") for r in results}


def _bytes(results: list[CamResult]) -> int:
    return sum(r.raw.nbytes + r.maps.nbytes + r.grid.nbytes for r in results)


_MADE: engine.TurnCache[list[CamResult]] = engine.TurnCache(MADE_BYTES, _bytes, engine.EVIDENCE.queue)
