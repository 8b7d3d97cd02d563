"""Downloads of the Compare page: the figure, the evidence bundle."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from hashlib import sha256
from typing import Any

import numpy as np
import streamlit as st

from recam_core import REFINERS, DisplayOptions, Evidence, ModelPair, evidence_bundle, make_manifest, zip_bytes
from recam_core.cam.bundle import file_names
from recam_core.cam.methods import is_method
from recam_core.records import CAM
from ui.compare.maps import Shown, rates_at
from ui.compute.engine import brief_turn
from ui.widgets.subject import Subject

FIGURES = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
BUNDLE_WORDS = (
    "Overlays and masks as PNG, boxes and masks as COCO JSON, YOLO and VOC XML, raw maps as .npz, and a manifest with every "
    "setting, the model’s hash and versions"
)
RULE_WORDS = {
    "measured": "each map at its own threshold: the model card’s, else the reference’s 0.21",
    "same": "one threshold for all maps",
    "area": "each map at the threshold where it covers {area:.0f} % of the picture",
    "otsu": "each map at Otsu’s threshold",
}


def display_options(settings: Mapping[str, Any]) -> DisplayOptions:
    """The part of the heat view's settings that the engine knows."""
    return DisplayOptions(**{field.name: settings[field.name] for field in fields(DisplayOptions)})


def save_buttons(
    subject: Subject,
    pair: ModelPair,
    evidence: Evidence,
    look: Callable[[], Shown],
    ids: list[int],
    settings: Mapping[str, Any],
    link: str,
) -> None:
    """The figure as it stands on the screen, and behind "More files" the same for papers and everything else.

    Files are made when somebody asks. ``look`` finds the maps anew, because Streamlit keeps these functions as long as the
    session, also of somebody who left; the link is known here alone, as they are made where nobody knows the address.
    """
    stem = f"recam-{file_names([subject.picture.name])[0]}"

    def figure_button(kind: str, label: str, help: str) -> None:
        st.download_button(
            label,
            lambda: figure_file([(subject.picture.name, evidence, look())], pair, settings, kind),
            on_click="ignore",
            file_name=f"{stem}.{kind}",
            mime=FIGURES[kind],
            icon=":material/download:",
            key=f"figure-{kind}",
            help=help,
        )

    figure_button("png", "Save figure", "One picture for a slide: the maps with labels, colour bar and thresholds")
    with st.popover("More files", icon=":material/folder_zip:"):
        figure_button("svg", "Figure as SVG", "The same for papers and web pages")
        figure_button("pdf", "Figure as PDF", "The same for papers")
        st.download_button(
            "Evidence bundle",
            lambda: zip_bytes(subject_files(subject, pair, evidence, look(), ids, {**settings, "link": link})),
            on_click="ignore",
            file_name=f"{stem}.zip",
            mime="application/zip",
            icon=":material/download:",
            help=f"{BUNDLE_WORDS}.",
        )


def figure_file(
    pictures: Sequence[tuple[str, Evidence, Shown]], pair: ModelPair, settings: Mapping[str, Any], kind: str
) -> bytes:
    """The maps that are on the screen as one figure; of several pictures each with the picture itself before its maps."""
    # here, because matplotlib takes a second to load and few visitors save a figure
    from recam_core.cam.figure import colour_bar, figure_rows
    from recam_core.images.figure import Panel, figure_bytes

    display, mode, everything = display_options(settings), settings["mode"], settings["maps"] == "all"
    rows = []
    with brief_turn():
        for title, evidence, shown in pictures:
            made = figure_rows(
                [r for r in shown.results if everything or r.readout in (CAM, shown.best) or is_method(r.readout)],
                rates_at(shown, settings),
                display,
                mode=mode,
                own=settings["rule"] != "same",
                truth=shown.truth,
                with_boxes=settings["boxes"],
            )
            if len(pictures) > 1:
                photo = Panel(evidence.picture, title)
                made = [(name, [photo, *panels]) for name, panels in made]
            rows += made
        footer = _footer(pictures, pair, settings)
        return figure_bytes(rows, kind, bar=colour_bar(display, mode), footer=footer)


def _footer(pictures: Sequence[tuple[str, Evidence, Shown]], pair: ModelPair, settings: Mapping[str, Any]) -> str:
    """What was looked at, by which model, and where maps are cut."""
    title, evidence, shown = pictures[0]
    height, width = evidence.picture.shape[:2]
    named = [title, f"{width} × {height} px"] if len(pictures) == 1 else []
    scales = len(evidence.options.scales)
    looked = "one scale" if scales == 1 else f"{scales} scales"
    refined = [REFINERS[shown.refiner].words(REFINERS[shown.refiner].defaults(pair))] if shown.refiner else []
    return " · ".join(
        [
            *named,
            f"model {pair.name}",
            looked,
            RULE_WORDS[settings["rule"]].format(area=100 * settings["area"]),
            *refined,
        ]
    )


def subject_files(
    subject: Subject, pair: ModelPair, evidence: Evidence, shown: Shown, ids: list[int], settings: Mapping[str, Any]
) -> dict[str, bytes]:
    """The evidence bundle of the picture on the screen; the manifest also says which mask was used and what it gave."""
    described = make_manifest(subject.picture, pair, evidence)
    return bundle_files(described, shown, ids, settings, subject.mask, subject.mask_binary)


def bundle_files(
    described: Mapping[str, Any],
    shown: Shown,
    ids: list[int],
    settings: Mapping[str, Any],
    mask: np.ndarray | None,
    mask_binary: bool = False,
) -> dict[str, bytes]:
    """What is on the screen of one picture, which the manifest has ``described``, under these settings and their link."""
    described = {**described, "link": settings["link"], "view": settings["mode"]}
    if shown.refiner:
        described["refine"] = shown.refiner
    if mask is not None:
        described["mask"] = {
            "labels_sha256": sha256(mask.tobytes()).hexdigest(),  # of the decoded label values
            "kind": "object or not" if mask_binary else "label values",
            "at_threshold": rates_at(shown, settings),
        }
    own = None if settings["rule"] == "same" else shown.cuts(settings)
    with brief_turn():
        return evidence_bundle(
            shown.results,
            class_ids=ids,
            display=display_options(settings),
            manifest=described | {"rule": settings["rule"]},
            truth=shown.truth,
            own_thresholds=own,
        )
