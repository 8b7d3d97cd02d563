"""mIoU over λ, drawn point by point beside full training, and the table of what was tried."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from recam_core import FeatureBank, ModelPair, Refit, RefitConfig
from recam_core.experiments.findings import read_study
from ui.balance.charts import Curve, common_bounds, fitted_curve, lambda_chart, trained_curve
from ui.balance.fits import FITS, fit_of
from ui.balance.knobs import RUNGS
from ui.balance.sets import PHOTOS, SCENES, LabelledSet
from ui.balance.words import flatness, table_rows

TRIED = "balance-tried"
STUDIES = {SCENES: "scenes-lambda", PHOTOS: "photos-lambda"}
Key = tuple[Any, ...]


def progress(place: Any, words: str) -> Callable[[int, int], None]:
    """Somebody who hears how far the work is and says it in a place, about twenty times."""

    def say(done: int, total: int) -> None:
        if done % max(1, total // 20) == 0:
            place.progress(done / total, f"{words}: {done} of {total}. Moving a knob or leaving the page stops it.")

    return say


def remember(key: Key, config: RefitConfig) -> None:
    """Put a fit that was asked for into the table."""
    tried: list[Any] = st.session_state.setdefault(TRIED, [])
    if (key, config) not in tried:
        tried.append((key, config))


def show_curve(pair: ModelPair, bank: FeatureBank, chosen: LabelledSet, key: Key, config: RefitConfig) -> None:
    """The live curve of these settings beside full training, then the table; the curve grows while it is looked at."""
    if not bank.masked.any():
        _table(key, "no true masks, so no scores")
        return
    study = None
    if part := STUDIES.get(chosen.kind):
        study = read_study(part)
    live, full = st.columns(2, gap="large")
    with live:
        st.markdown("**Heads and last block, live**" if config.last_block else "**Heads alone, live**")
        chart = st.empty()
        row = st.container(horizontal=True, vertical_alignment="center")
        note = st.empty()
        st.caption(_how(bank, chosen, config))
    trained = trained_curve(study) if study else {}
    with full:
        _full_training(study, trained, config)
    _table(key, "mIoU, %")
    with row:
        whole = st.toggle(
            "Fit every λ",
            value=not config.last_block,
            key=f"balance-whole-{config.last_block}",
            help="The other λ are fitted one after the other, and the curve grows. Switch it off to stop.",
        )
        place = st.empty()
    _draw(pair, bank, key, config, trained, (chart, place, note), whole)


def _draw(
    pair: ModelPair,
    bank: FeatureBank,
    key: Key,
    config: RefitConfig,
    trained: Curve,
    places: Sequence[Any],
    whole: bool,
) -> None:
    chart, place, note = places
    rungs = (config.recam_weight,) if config.objective == "sce" else RUNGS
    for missing in [None, *(rung for rung in rungs if whole and _find(key, config, rung) is None)]:
        if missing is not None:
            fit_of(key, pair, bank, replace(config, recam_weight=missing), progress(place, f"λ = {missing:g}"))
        fits = [fit for rung in rungs if (fit := _find(key, config, rung)) is not None]
        curve = fitted_curve(fits)
        figure = lambda_chart(curve, RUNGS, config.recam_weight, common_bounds(curve, trained))
        chart.plotly_chart(figure, key=f"balance-curve-{len(fits)}-{missing}", config={"displayModeBar": False})
        if told := flatness(fits):
            note.markdown(
                f":material/horizontal_rule: {told}{'' if config.last_block else ' Try “Unfreeze the last block”.'}"
            )
    place.empty()


def _find(key: Key, config: RefitConfig, weight: float) -> Refit | None:
    return FITS.kept.get((key, replace(config, recam_weight=weight)))


def _how(bank: FeatureBank, chosen: LabelledSet, config: RefitConfig) -> str:
    pixels = "fourth" if chosen.kind == SCENES else "eighth"
    return (
        f"mIoU of the seeds of {int(bank.masked.sum())} pictures that both heads were fitted on; the backbone is frozen"
        f"{' but for its last block' if config.last_block else ''}. One look without the mirror image, every {pixels} "
        "pixel of a row and a column, each half of the pictures at the threshold that is best for the other half. The "
        "dotted line is the λ above."
    )


def _full_training(study: dict[str, Any] | None, trained: Curve, config: RefitConfig) -> None:
    """What training the backbone too gives, precomputed: λ as the study had them, and one thing changed."""
    st.markdown("**Full training, backbone too** :gray[(measured before, not live)]")
    if study is None:
        st.info(
            "No run of full training was measured on these pictures. The study measured it on the drawn scenes and on the "
            "photos of coco128.",
            icon=":material/info:",
        )
        return
    rungs = sorted({weight for points in trained.values() for weight, _ in points})
    st.plotly_chart(
        lambda_chart(
            trained, rungs, config.recam_weight if config.recam_weight in rungs else None, common_bounds(trained)
        ),
        key="balance-full",
        config={"displayModeBar": False},
    )
    st.caption(
        f"`{study['command']}`, {study['date']}, {study['device']}. Stage 2 of the bundled model from its own stage 1, ReCAM "
        f"as published with λ changed, scored on all pictures with masks of the split “{study['split']}”, with thresholds from "
        "others: not counted as on the left, so compare the shapes, not the heights."
    )


def _table(key: Key, words: str) -> None:
    st.markdown(f"**What you tried** :gray[({words})]")
    asked = [entry for entry in st.session_state.get(TRIED, []) if entry[0][:3] == key[:3]]
    found = [FITS.kept.get(entry) for entry in reversed(asked)]
    st.dataframe(table_rows([fit for fit in found if fit is not None]), hide_index=True, width="stretch")
