"""The maps of the page's picture under the heads that were fitted, in the one heat view."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from recam_core import CamResult, Evidence, Refit, class_curves, read_out
from recam_core.networks.readouts import READOUTS, recam_readouts
from recam_core.records import SCALE_NAMES
from ui.balance.words import untrained
from ui.components.heatview import heat_view
from ui.components.heatview.maps import heat_payload
from ui.compute import payloads
from ui.compute.engine import brief_turn
from ui.session.link import heat_settings, write_heat_settings

UNTRAINED = "untrained"
UNTRAINED_HELP = "FC2 took no part in this fit and is where it started, so what is read out with it means nothing"


def show_maps(
    evidence: Evidence, fitted: Refit, name: str, picture: str, truth: np.ndarray | None, known: Sequence[bool] | None
) -> tuple[dict[str, float], dict[str, Any]]:
    """Draw the maps of a class; returns the share that each covers at the threshold, and the settings of the view."""
    with brief_turn():
        results: list[CamResult] = [read_out(evidence, readout, [name]) for readout in READOUTS]
        curves = {scale: [class_curves(result, truth, scale, known) for result in results] for scale in SCALE_NAMES}
    absent = untrained(fitted.config)
    named = {
        readout: (READOUTS[readout].label, UNTRAINED, UNTRAINED_HELP)
        if readout in absent
        else (READOUTS[readout].label, _title(readout, fitted), READOUTS[readout].help)
        for readout in READOUTS
    }
    payload = heat_payload(results, curves, picture, truth, named, best_readout(fitted))
    settings = st.session_state.get("heat_settings") or heat_settings()
    view = heat_view(payloads.put(payload), key="balance-heat", initial=settings, large=True)
    st.session_state["heat_settings"] = settings = settings | (view.settings or {})
    write_heat_settings(settings)
    step = round(settings["threshold"] * 100)
    covered = {
        result.readout: float(rows.covered[0, step]) for result, rows in zip(results, curves["each"], strict=True)
    }
    return covered, settings


def best_readout(fitted: Refit) -> str:
    """The readout of a fit with the highest mIoU, of those that were trained; w where nothing is scored."""
    trained = [name for name in recam_readouts() if name not in untrained(fitted.config)]
    return max(trained, key=lambda name: fitted.scores[name].miou) if fitted.scores else "w"


def _title(readout: str, fitted: Refit) -> str:
    config = fitted.config
    if readout != "w":
        return READOUTS[readout].title
    if config.objective == "sce":
        return "SCE alone"
    return "BCE alone" if config.recam_weight == 0 else READOUTS[readout].title
