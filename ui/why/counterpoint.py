"""Step 8: what SCE does not settle, live, and what was measured, from the models' own cards."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import streamlit as st

from recam_core import UserError, known_models, read_header
from recam_core.cam.lesson import row_shift
from recam_core.networks.readouts import READOUTS, recam_readouts
from ui.why.example import Example
from ui.why.shift import shift_view
from ui.why.symbols import FK, WPRIME, F, signed, tex
from ui.why.task import demo, idea, try_this
from ui.widgets.escaping import plain

CONTROL = "control"


def show(example: Example) -> None:
    """A slider adds a vector to every row of W′: SCE stays, the map changes; then the measured scores."""
    v = tex("v", "g")
    idea(
        f"SCE compares classes, so what all of them share cancels: add one vector ${v}$ to **every** row of W′ and "
        "every score z′ rises by the same number. SCE and its gradients stay as they are; every w′ map gets a new "
        f"layer of ${v}^{{\\top}}{F}$. The loss does not say which of these maps is meant; the start of FC2 and the "
        "way of training do.",
        rf"\begin{{aligned}}&\mathrm{{softmax}}\big(z' + c\,{v}^{{\top}}\! {FK}\big) = \mathrm{{softmax}}\big(z'\big)\\ "
        rf"&({WPRIME} + c\,{v})^{{\top}} {F}\\ &\quad = {WPRIME}^{{\top}} {F} + c\,{v}^{{\top}} {F}\end{{aligned}}",
    )
    wprime = example.features.weights["wprime"]
    mean = example.features.stage2.mean(axis=(1, 2))
    size = float(np.linalg.norm(wprime[example.k]))
    vectors = {
        "the mean feature of this picture": mean * size / max(float(np.linalg.norm(mean)), 1e-12),
        f"minus w′ of {example.name}": -wprime[example.k],
    } | {f"w′ of {example.evidence.classes[k]}": wprime[k] for k in example.strongest(example.masked_logits, 2)[1:]}
    shifts = {
        words: row_shift(example.features.stage2, wprime, example.k, example.masked.pooled, vector)
        for words, vector in vectors.items()
    }
    with demo():
        shift_view(example, shifts)
        _show_measured(example)
    try_this(
        f"Choose “minus w′ of {plain(example.name)}” and move c to 1. How much does SCE change, and what is left of the "
        "map?",
        f"SCE does not change by a single digit, and the w′ map of {plain(example.name)} is gone everywhere: its row is "
        "now 0, and the other rows carry the difference. Both classifiers are equally good in the eyes of SCE. A "
        "good w′ map is therefore not something that SCE asks for, and the scale of w′ against w decides what w⊕w′ "
        "and w⊗w′ show.",
    )


def _show_measured(example: Example) -> None:
    st.markdown("**What was measured**")
    for model, card in _cards(example).items():
        for sentence, how in measured(card):
            st.markdown(f"- **{plain(model)}**, {plain(sentence)} :gray[{plain(how)}]")
    st.container(key="why-aside").caption(
        "From the cards of the models. Points are mIoU × 100 over CAM, with the 95 % bootstrap interval over "
        "the pictures. The control is w after the same training without the softmax loss: what exceeds CAM but not "
        "the control cannot be credited to SCE."
    )


def _cards(example: Example) -> dict[str, Mapping[str, Any]]:
    """The card of this model, and that of the drawn scenes, which the lesson's claim stands on."""
    cards: dict[str, Mapping[str, Any]] = {example.pair.name: example.pair.card}
    if example.pair.name != "scenes" and "scenes" in known_models():
        with suppress(UserError):  # a file of that name that cannot be read says nothing
            cards["scenes"] = read_header(known_models()["scenes"])["card"]
    return cards


def measured(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a model's card says of ReCAM against its control: for every measurement a sentence, and how it was taken."""
    rows = []
    for where, table in (card.get("scores") or {}).items():
        gains = {name: row["over_cam"] for name, row in table["readouts"].items() if row.get("over_cam")}
        ours = {name: gains[name] for name in recam_readouts() if name in gains}
        if not ours:
            continue
        best = max(ours, key=lambda name: ours[name]["mean"])
        gain = f"{where}: the best readout, {READOUTS[best].label}, {_points(ours[best])} points over CAM"
        seeds = table.get("seeds", 1)
        how = (
            f"{table.get('pictures', 'some')} pictures, {table.get('how', 'each readout at its best threshold')}; "
            f"{'one training' if seeds == 1 else f'mean of {seeds} trainings'}."
        )
        rows.append((f"{gain}; {_verdict(ours[best], gains.get(CONTROL))}.", how))
    return rows or [("nothing was measured, so its card has no scores.", "")]


def _verdict(best: Mapping[str, float], control: Mapping[str, float] | None) -> str:
    if control is None:
        return "no control was trained here"
    ahead = best["mean"] - control["mean"]
    if ahead <= 0:
        return f"the control {_points(control)}: ReCAM does not beat its control here"
    overlap = ", but the intervals overlap" if best["low"] <= control["high"] else ""
    return f"the control {_points(control)}: ahead of its control by {signed(100 * ahead, 1)}{overlap}"


def _points(gain: Mapping[str, float]) -> str:
    low, high = (signed(100 * gain[name], 1) for name in ("low", "high"))
    return f"{signed(100 * gain['mean'], 1)} ({low} … {high})"
