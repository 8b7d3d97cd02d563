"""mIoU over λ, drawn point by point, and the table of what was tried."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from recam_core import FeatureBank, ModelPair, Refit, RefitConfig
from ui.balance.charts import Curve, common_bounds, fitted_curve, lambda_chart, trained_curve
from ui.balance.fits import FITS, fit_of
from ui.balance.full import study_of
from ui.balance.knobs import RUNGS
from ui.balance.sets import QUICK, SCENES, LabelledSet
from ui.balance.words import flatness, table_rows
from ui.widgets.ladder import as_text

TRIED = "balance-tried"
FEW = (0.0, 0.1, 1.0, 10.0)  # λ that begin the curve where a fit takes seconds
PAUSE = 0.5  # seconds between two words of progress
Key = tuple[Any, ...]


def progress(place: Any, words: str) -> Callable[[int, int], None]:
    """Somebody who hears how far the work is and says it in a place now and then: to paint it takes a browser's processor."""
    last = -math.inf

    def say(done: int, total: int) -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= PAUSE:
            last = now
            place.progress(done / total, f"{words}: {done} of {total}. Moving a knob or leaving the page stops it.")

    return say


def remember(key: Key, config: RefitConfig) -> None:
    """Put a fit that was asked for into the table."""
    tried: list[Any] = st.session_state.setdefault(TRIED, [])
    if (key, config) not in tried:
        tried.append((key, config))


@dataclass(frozen=True, eq=False)
class Live:
    """The curve of some settings, and the places where it grows: chart, progress, and what there is to say of it."""

    pair: ModelPair
    bank: FeatureBank
    chosen: LabelledSet
    key: Key
    config: RefitConfig
    places: Sequence[Any] = ()
    whole: bool = False

    @property
    def trained(self) -> Curve:
        """The points of full training of such a model, where it was measured."""
        study = study_of(self.pair)
        return trained_curve(study) if study else {}

    def grow(self) -> None:
        """Draw what there is, and fit the other λ one after the other where that is asked for."""
        if not self.places:
            return
        chart, place, note = self.places
        rungs = (self.config.recam_weight,) if self.config.objective == "sce" else RUNGS
        few = FEW if self.chosen.kind == QUICK else ()
        missing = [rung for rung in rungs if (self.whole or rung in few) and self._find(rung) is None]
        for weight in [None, *missing]:
            if weight is not None:
                config = replace(self.config, recam_weight=weight)
                fit_of(self.key, self.pair, self.bank, config, progress(place, f"λ = {weight:g}"))
            fits = [fit for rung in rungs if (fit := self._find(rung)) is not None]
            curve = fitted_curve(fits)
            figure = lambda_chart(curve, RUNGS, self.config.recam_weight, common_bounds(curve, self.trained))
            chart.plotly_chart(figure, key=f"balance-curve-{len(fits)}-{weight}", config={"displayModeBar": False})
            if sentence := flatness(fits):
                more = "" if self.config.last_block else " Try “Unfreeze the last block”."
                note.caption(f":material/horizontal_rule: {sentence}{more}")
        place.empty()

    def show_tried(self) -> None:
        """A row for every fit that was asked for on these pictures."""
        scored = self.bank.masked.any()
        keys = [entry for entry in st.session_state.get(TRIED, []) if entry[0][:3] == self.key[:3]]
        fits = [FITS.cache.get(entry) for entry in reversed(keys)]
        rows = table_rows([fit for fit in fits if fit is not None])
        st.dataframe(rows, hide_index=True, width="stretch")
        st.caption("mIoU, %." if scored else "No true masks, so no scores.")

    def _find(self, weight: float) -> Refit | None:
        return FITS.cache.get((self.key, replace(self.config, recam_weight=weight)))


def place_curve(pair: ModelPair, bank: FeatureBank, chosen: LabelledSet, key: Key, config: RefitConfig) -> Live:
    """The places of the live curve, which grows when the rest of the page is there; none where nothing can be scored."""
    if not bank.masked.any():
        st.info(
            "These pictures are fitted on without true masks, so there is no mIoU over λ: see “Full training” below.",
            icon=":material/info:",
        )
        return Live(pair, bank, chosen, key, config)
    with st.container(horizontal=True, vertical_alignment="center"):
        what = "Heads and last block, live" if config.last_block else "Heads alone, live"
        st.markdown(f"**mIoU over λ** :gray[({what})]", help=_how(bank, chosen, config))
        whole = st.toggle(
            "Fit every λ",
            value=not config.last_block,
            key=f"balance-whole-{config.last_block}",
            help="The other λ are fitted one after the other, and the curve grows. Switch it off to stop. Of the quick set "
            f"{', '.join(as_text(rung) for rung in FEW)} are fitted in any case.",
        )
    chart, place, note = st.empty(), st.empty(), st.empty()
    return Live(pair, bank, chosen, key, config, (chart, place, note), bool(whole))


def _how(bank: FeatureBank, chosen: LabelledSet, config: RefitConfig) -> str:
    pixels = "fourth" if chosen.kind in (QUICK, SCENES) else "eighth"
    return (
        f"mIoU of the seeds of {int(bank.masked.sum())} pictures that both heads were fitted on; the backbone is frozen"
        f"{' but for its last block' if config.last_block else ''}. One look without the mirror image, every {pixels} "
        "pixel of a row and a column, each half of the pictures at the threshold that is best for the other half. The "
        "dotted line is the λ of the maps."
    )
