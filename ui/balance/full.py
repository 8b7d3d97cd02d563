"""Full training as it was measured: mIoU over λ, and on sample photos the maps of each λ under a slider."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from recam_core import CamResult, Evidence, HeatmapOptions, ModelPair, class_curves, read_out
from recam_core.datasets.class_names import COCO_CLASSES, VOC_CLASSES
from recam_core.datasets.samples import PHOTO_MODEL, SCENE_CLASSES
from recam_core.experiments.findings import read_study
from recam_core.experiments.lambda_maps import lambda_result, trained_weights
from recam_core.networks.readouts import READOUTS
from recam_core.records import CAM, SCALE_NAMES
from ui.balance.charts import common_bounds, lambda_chart, trained_curve
from ui.balance.knobs import DEFAULT_LAMBDA
from ui.components.heatview import heat_view
from ui.components.heatview.maps import heat_payload
from ui.compute import payloads
from ui.compute.engine import brief_turn
from ui.session.choices import carry_over
from ui.session.link import heat_settings
from ui.widgets.class_choice import climb_class_key
from ui.widgets.ladder import as_text, ladder
from ui.widgets.subject import Subject
from ui.widgets.truth import known_truth

STUDIES = {VOC_CLASSES: "voc-lambda", SCENE_CLASSES: "scenes-lambda", COCO_CLASSES: "photos-lambda"}
LAMBDA = "balance-full-lambda"


def study_of(pair: ModelPair) -> dict[str, Any] | None:
    """What full training with every λ gave to the bundled model of such classes, where the study measured it."""
    part = STUDIES.get(pair.classes)
    return read_study(part) if part else None


@st.fragment
def show_full_training(subject: Subject, pair: ModelPair, evidence: Evidence) -> None:
    """What training the backbone too gives, precomputed: λ as the study had them, and one thing changed."""
    study = study_of(pair)
    if study is None:
        st.info("Full training with every λ was not measured for a model of these classes.", icon=":material/info:")
        return
    trained = trained_curve(study)
    rungs = sorted({rung for points in trained.values() for rung, _ in points})
    label = str(st.session_state[climb_class_key(subject)])
    is_alike = subject.model == PHOTO_MODEL and evidence.options == HeatmapOptions()  # as those maps were made
    weights = trained_weights(subject.name, label) if is_alike else ()
    maps, curve = st.columns([1.15, 1], gap="large") if weights else (st.empty(), st.container())
    with curve:
        st.session_state.setdefault(LAMBDA, DEFAULT_LAMBDA)
        carry_over(LAMBDA)
        weight = ladder("λ of full training", LAMBDA, rungs, "The values of λ that the backbone too was trained with.")
        st.plotly_chart(
            lambda_chart(trained, rungs, weight, common_bounds(trained)),
            key="balance-full",
            config={"displayModeBar": False},
        )
        st.caption(
            f"`{study['command']}`, {study['date']}, {study['device']}. Stage 2 of the bundled model from its own stage 1, "
            f"ReCAM as published with λ changed, scored on all pictures with masks of the split “{study['split']}”, with "
            "thresholds from others: not counted as in the live curve, so compare the shapes, not the heights."
        )
    if weight in weights:
        with maps:
            _show_maps(subject, pair, evidence, label, weight)


def _show_maps(subject: Subject, pair: ModelPair, evidence: Evidence, label: str, weight: float) -> None:
    """CAM, and beside it w of the model that was trained with a λ."""
    truth, known, _ = known_truth(subject, evidence, [label], pair.class_ids([label]))
    with brief_turn():
        results: list[CamResult] = [
            read_out(evidence, CAM, [label]),
            lambda_result(subject.name, label, weight, evidence),
        ]
        curves = {scale: [class_curves(result, truth, scale, known) for result in results] for scale in SCALE_NAMES}
    named: Mapping[str, tuple[str, str, str]] = {
        CAM: (READOUTS[CAM].label, READOUTS[CAM].title, READOUTS[CAM].help),
        "w": (READOUTS["w"].label, f"trained with λ = {as_text(weight)}", READOUTS["w"].help),
    }
    payload = heat_payload(results, curves, subject.picture.name, truth, named, "w")
    heat_view(payloads.put(payload), key="balance-full-heat", initial=heat_settings(), large=True)
