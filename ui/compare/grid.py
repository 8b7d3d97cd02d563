"""Several pictures below one another: rows are pictures, columns CAM and readouts; one class choice, one threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from recam_core import (
    SAMPLES,
    Evidence,
    ModelPair,
    Picture,
    UserError,
    default_classes,
    make_manifest,
    sample_mask,
    zip_bytes,
)
from recam_core.cam.bundle import file_names
from recam_core.datasets.samples import sample_picture
from ui.compare.doors import UPLOADER, upload_door
from ui.compare.files import BUNDLE_WORDS, bundle_files, figure_file
from ui.compare.link import view_settings, write_view
from ui.compare.maps import Shown, shown_maps
from ui.components.heatview import heat_view
from ui.compute import payloads
from ui.compute.engine import explain_picture
from ui.session import uploads
from ui.session.link import address, read_list, write
from ui.widgets.escaping import plain
from ui.widgets.pictures import BESIDE, PICTURES
from ui.widgets.subject import Subject
from ui.widgets.truth import class_truth

MOST = 12
CLASS = "grid-class"  # in the session
EACH = "the most probable of each"


@dataclass(frozen=True, eq=False)
class Row:
    """One picture of the grid and the classes that are shown, without its maps and its file, which a session would keep."""

    name: str  # of a sample, or the hash of an upload
    title: str
    sha256: str
    evidence: Evidence
    classes: list[str]
    described: dict[str, Any]  # for its bundle

    def mask(self, pair: ModelPair) -> np.ndarray | None:
        """The true mask that a sample or a picture of a data set came with, at the picture's size."""
        if self.name in SAMPLES:
            return sample_mask(self.name, pair.classes)
        return uploads.truth_of({}, self.name, tuple(pair.classes))

    def look(self, pair: ModelPair) -> Shown:
        """The maps, made when their turn has come or found."""
        mask = self.mask(pair)
        ids, size = pair.class_ids(self.classes), self.evidence.picture.shape[:2]
        truth = None if mask is None else class_truth(mask, size, ids)[0]
        key = ((self.sha256, pair.sha256, self.evidence.options), tuple(self.classes), mask is None, self.title)
        return shown_maps(key, self.evidence, pair, self.classes, self.title, truth, None)


def grid_pictures(subject: Subject) -> list[str]:
    """Names of the pictures that are asked for together, in the session or in a link; empty where it is one.

    Whoever chooses another picture meanwhile wants to see that one.
    """
    names: list[str] = st.session_state.setdefault(PICTURES, read_list("pictures"))
    if names and st.session_state.setdefault(BESIDE, subject.name) != subject.name:
        names = []
    if len(names) > MOST:
        st.info(f"At most {MOST} pictures stand together; the first {MOST} of {len(names)} are shown.")
    names = st.session_state[PICTURES] = names[:MOST]
    if not names:
        st.session_state.pop(BESIDE, None)
    write("pictures", ",".join(names), "")
    return names


def show_grid(names: Sequence[str], subject: Subject, pair: ModelPair) -> None:
    """All pictures under one control bar; those that were not looked at yet wait for their turn."""
    if not pair.readouts:
        st.info("Several pictures stand beside one another with maps of readouts, which this model has none of.")
    pictures = [(name, picture) for name in names if pair.readouts and (picture := _open(name))]
    if pair.readouts and (lost := len(names) - len(pictures)):
        st.info(f"{lost} of {len(names)} pictures are not on this server any more; upload them again.")
    offered = [EACH, *pair.classes]
    if st.session_state.get(CLASS) not in offered:  # of another model
        st.session_state[CLASS] = EACH
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("What is in the pictures?", offered, key=CLASS, width=300)
        if st.button("Back to one picture", icon=":material/arrow_back:"):
            st.session_state[PICTURES] = []
            st.rerun()
    if rows := _rows(pictures, subject, pair):
        _show_rows(rows, pair)


def _open(name: str) -> Picture | None:
    return sample_picture(name) if name in SAMPLES else uploads.find(st.session_state, name)


def _rows(pictures: Sequence[tuple[str, Picture]], subject: Subject, pair: ModelPair) -> list[Row]:
    """Look at one picture after the other; what the model cannot look at is said and left out."""
    choice, rows = st.session_state[CLASS], []
    progress = st.progress(0.0)
    for number, (name, picture) in enumerate(pictures):
        progress.progress(number / len(pictures), f"{number + 1} of {len(pictures)}: {plain(picture.name)}")
        try:
            evidence = explain_picture(picture, subject.model, subject.options)
        except UserError as error:
            st.error(plain(str(error)), icon=":material/block:")
            continue
        classes = default_classes(evidence)[:1] if choice == EACH else [choice]
        described = make_manifest(picture, pair, evidence)
        rows.append(Row(name, picture.name, picture.sha256, evidence, classes, described))
        rows[-1].look(pair)
    progress.empty()
    return rows


@st.fragment
def _show_rows(rows: Sequence[Row], pair: ModelPair) -> None:
    settings = st.session_state.get("heat_settings") or view_settings()
    first, *more = [payloads.put(row.look(pair).payload) for row in rows]
    view = heat_view(first, key="heat", initial=settings, large=True, more=more, uploader=UPLOADER)
    st.session_state["heat_settings"] = settings = settings | (view.settings or {})
    write_view(settings)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        upload_door()
        for kind, label in (("png", "Save figure"), ("svg", "SVG"), ("pdf", "PDF")):
            st.download_button(
                label,
                partial(grid_figure, rows, pair, settings, kind),
                on_click="ignore",
                file_name=f"recam-{len(rows)}-pictures.{kind}",
                icon=":material/download:",
                key=f"grid-{kind}",
            )
        st.download_button(
            "Evidence bundles",
            partial(grid_bundles, rows, pair, settings | {"link": address()}),
            on_click="ignore",
            file_name=f"recam-{len(rows)}-pictures.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            help=f"{BUNDLE_WORDS}; a folder for each picture.",
        )


def grid_figure(rows: Sequence[Row], pair: ModelPair, settings: Mapping[str, Any], kind: str) -> bytes:
    """The whole grid as one figure, the picture itself in the first column."""
    return figure_file([(row.title, row.evidence, row.look(pair)) for row in rows], pair, settings, kind)


def grid_bundles(rows: Sequence[Row], pair: ModelPair, settings: Mapping[str, Any]) -> bytes:
    """An archive with the evidence bundle of each picture, in a folder of its name."""
    files: dict[str, bytes] = {}
    for folder, row in zip(file_names([row.title for row in rows]), rows, strict=True):
        made = bundle_files(row.described, row.look(pair), pair.class_ids(row.classes), settings, row.mask(pair))
        files |= {f"{folder}/{name}": data for name, data in made.items()}
    return zip_bytes(files)
