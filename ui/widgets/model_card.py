"""A model's card: what to keep in mind, what it was trained on, what it was measured at, which files it was made of."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from recam_core import ModelPair
from recam_core.datasets.samples import SCENE_CLASSES, sample_model
from recam_core.networks.readouts import READOUTS
from ui.widgets.escaping import plain
from ui.widgets.subject import Subject


def caution(subject: Subject, pair: ModelPair) -> str:
    """What to keep in mind before reading these maps: the model's own warning, or that the picture is not of its world."""
    drawn = sample_model(subject.name) == "scenes" or "drawn scene" in subject.picture.notes
    if pair.classes == SCENE_CLASSES and not drawn:
        return (
            "This model has seen drawn scenes only; on any other picture its maps mean little. "
            "Choose another model in the panel."
        )
    if drawn and pair.classes != SCENE_CLASSES:
        return (
            f"This scene is drawn, and {pair.name} has other classes than the drawn scenes: its maps may mean little here. "
            "Choose the model scenes or a photo in the panel."
        )
    return str(pair.card.get("warning") or "")


def about_model(pair: ModelPair) -> None:
    """The model's card in short: data, training, scores."""
    card = pair.card
    training, scores = card.get("training", {}), card.get("scores", {})
    with st.popover("About this model", icon=":material/info:"):
        st.markdown(
            f"**{plain(pair.name)}** · {len(pair.classes)} classes · {pair.backbone} · sha256 `{pair.sha256[:12]}…`"
        )
        if about := card.get("about"):
            st.markdown(plain(about))
        if made := imported_words(card):
            st.caption(plain(made))
        if {"stage1_epochs", "stage2_epochs", "recam_weight", "seed"} <= set(training):
            st.caption(
                f"Stage 1: {training['stage1_epochs']} epochs of BCE. Stage 2: {training['stage2_epochs']} epochs of "
                f"BCE + {training['recam_weight']:g} · SCE. Seed {training['seed']}."
            )
        for where, measured in scores.items():
            show_scores(where, measured)
        if "measured" in card.get("walk", {}):
            show_walk(card["walk"])
        show_ranking(card.get("calibration", {}))
        if any("seeds" in measured for measured in scores.values()):
            st.caption(
                "mIoU, FP and FN are those of these weights where nothing else is said. Over CAM: mIoU points gained, with the "
                "95 % bootstrap interval over the pictures; an interval that contains 0 is no proof of a gain. The control is "
                "w after the same training without the softmax loss."
            )


def show_scores(where: str, measured: dict[str, Any]) -> None:
    """One table of a card: what was measured, on what, and how."""
    how = measured.get("how", "each readout at its best threshold")
    if seeds := measured.get("seeds"):
        how += f"; over CAM: {f'mean of {seeds} trainings' if seeds > 1 else 'one training'}"
    st.caption(f"Measured on {measured.get('pictures', 'some')} pictures of {plain(where)}, {plain(how)}:")
    rows = []
    for name, row in measured["readouts"].items():
        cells = {
            "readout": READOUTS[name].label if name in READOUTS else "control: λ = 0",
            "mIoU": _percent(row.get("miou")),
            "at": f"{row['threshold']:.2f}",
            "FP": _percent(row.get("fp")),
            "FN": _percent(row.get("fn")),
        }
        if gain := row.get("over_cam"):
            bounds = " … ".join(f"{100 * gain[key]:+.1f}" for key in ("low", "high"))
            cells["over CAM"] = "–" if name == "cam" else f"{100 * gain['mean']:+.1f} ({bounds})"
        rows.append(cells)
    st.dataframe(rows, hide_index=True)


def show_walk(walk: dict[str, Any]) -> None:
    """What the random walk made of the maps: with the reference's settings, and with those chosen on other pictures."""
    st.caption(
        f"mIoU before and after the random walk with this model's own boundaries, {walk['pictures']} pictures of "
        f"{plain(walk['split'])}, one scale; in brackets the gain with its 95 % interval:"
    )
    titles = {"reference": "walk of the reference", "chosen": "walk chosen elsewhere"}
    st.dataframe(
        [
            {"readout": READOUTS[name].label, "before": _percent(row["before"])}
            | {title: f"{_percent(row[kind]['miou'])} ({_gain(row[kind]['gain'])})" for kind, title in titles.items()}
            for name, row in walk["measured"].items()
        ],
        hide_index=True,
    )


def show_ranking(calibration: Mapping[str, Any]) -> None:
    """How well each class is ranked, the weakest first, and what makes probabilities of logits; nothing without figures."""
    if not (precisions := calibration.get("average_precision")):
        return
    sentences = [
        f"Average precision of each class on {calibration.get('pictures', 'some')} pictures of "
        f"{plain(calibration.get('split', 'a split'))}, mean {_percent(calibration.get('mean_ap'))} %."
    ]
    if "temperature" in calibration:
        sentences.append(f"Logits are divided by {calibration['temperature']:g}.")
    if {"preselect", "precision"} <= set(calibration):
        sentences.append(
            f"Classes above probability {calibration['preselect']:g} are preselected, else the most probable one: there "
            f"{_percent(calibration['precision'])} % of them are in the picture."
        )
    st.caption(" ".join(sentences))
    weakest = sorted(precisions.items(), key=lambda pair: pair[1])
    st.dataframe([{"class": name, "AP": _percent(value)} for name, value in weakest], hide_index=True, height=250)


def imported_words(card: Mapping[str, Any]) -> str:
    """Which files a model was made of; empty where it was not imported."""
    imported = card.get("imported")
    if not isinstance(imported, dict):
        return ""
    try:
        files = [f"{file['name']} ({file['kind']}, SHA-256 {file['sha256'][:12]}…)" for file in imported["files"]]
        onto = f"; added to {imported['onto']['name']}" if "onto" in imported else ""
        note = f"; {imported['note']}" if "note" in imported else ""
        note += f"; trained on pictures with {imported['input']}" if "input" in imported else ""
    except (KeyError, TypeError):  # a card of another hand
        return ""
    return f"Imported from {', '.join(files)}{onto}{note}."


def _gain(gain: dict[str, float]) -> str:
    return f"{100 * gain['mean']:+.1f}: " + " … ".join(f"{100 * gain[key]:+.1f}" for key in ("low", "high"))


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.1f}"
