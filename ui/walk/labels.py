"""What the walk was for: labels before and after it, beside the true ones, and their files."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import streamlit as st

from recam_core import DisplayOptions, Evidence, make_manifest, zip_bytes
from recam_core.evaluation.metrics import Areas
from recam_core.images.masks import resize_labels
from recam_core.images.visualise import label_ids, labels_from_maps, labels_overlay, palette_png_bytes
from recam_core.records import IGNORE
from recam_core.records.names import percent
from recam_core.refiners.random_walk.files import walk_bundle
from ui.compute.engine import brief_turn
from ui.walk.runs import Order
from ui.widgets.escaping import plain
from ui.widgets.label_colours import label_colours, label_legend
from ui.widgets.subject import Subject
from ui.widgets.truth import class_truth

FARTHEST = 65_536
ROUNDING = 4e-7  # a step: the most that was seen between jumps and repeated products, t = 256 to 65,536


def show_labels(
    order: Order, subject: Subject, evidence: Evidence, t: int, settings: Mapping[str, Any], link: str
) -> None:
    """Pseudo masks of all classes before the walk and after ``t`` steps, at the threshold of the slider, and their files."""
    threshold, ids = settings["threshold"], label_ids(order.pair.class_ids(order.start.classes))
    t = _further(order, t)
    with brief_turn():
        walked, error = order.walked(t)
    before, after = (labels_from_maps(result.maps, ids, threshold) for result in (order.start, walked))
    truth = true_labels(subject, order, ids)
    rows = [("Before the walk", before), (f"After t = {t}", after)]
    if truth is not None:
        rows.append(("True mask", truth))
    colours = label_colours(ids)
    st.markdown(f"##### Labels: the strongest class, or background where none exceeds {threshold:.2f}", anchors=False)
    for column, (title, labels) in zip(st.columns(3), rows, strict=False):
        with column:
            shown = np.where(labels == IGNORE, 0, labels)
            st.image(labels_overlay(order.start.picture, shown, 0.65, colours), alt=f"Labels: {title}", width="stretch")
            st.caption(f"**{title}** · {_figures(labels, truth, ids, order.start.classes)}")
    st.html(label_legend(order.start.classes, [colours[k + 1] for k in ids]))
    if t > order.options.steps:
        st.caption(
            f"t = {t} was reached at once, by Chebyshev polynomials: the series leaves out at most {max(error, 1e-9):.0e}, and "
            f"single precision rounds off up to about {ROUNDING * t:.0e} of the start’s values, as it does in single steps."
        )
    st.caption(
        "Before the walk each map is divided by its own maximum; after it all classes by one maximum together, as the reference "
        "does. So the best threshold moves, and the slider above serves both."
    )
    stem = f"walk-{order.picture.sha256[:8]}-{order.start.readout}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Use as labels",
            lambda: palette_png_bytes(after),
            on_click="ignore",
            file_name=f"{stem}-labels.png",
            mime="image/png",
            icon=":material/label:",
            type="primary",
            key="walk-labels",
            help="The pseudo mask as an indexed PNG with VOC's palette: 0 background, class number + 1.",
        )
        st.download_button(
            "Evidence bundle",
            lambda: bundle_zip(order, subject, evidence, t, settings, link),
            on_click="ignore",
            file_name=f"{stem}.zip",
            mime="application/zip",
            icon=":material/download:",
            key="walk-bundle",
            help="Labels, overlays and masks before and after, boundaries, animation, maps on the way as numbers, and settings",
        )


def _further(order: Order, t: int) -> int:
    """The t of the labels: that of the player, or any other, also far beyond its last one."""
    chosen = st.number_input(
        "Labels at t",
        0,
        FARTHEST,
        t,
        key=f"walk-further-{order.options.steps}-{t}",  # who moves the scrubber starts from there
        width=180,
        help="That of the player, until you type another. Beyond its last step any t is reached at once, with about √t products "
        "instead of t.",
    )
    return int(chosen)


def true_labels(subject: Subject, order: Order, ids: Sequence[int]) -> np.ndarray | None:
    """The true mask at the working size; of a yes/no mask the object gets the class that is looked at."""
    if subject.mask is None:
        return None
    labels = resize_labels(subject.mask, order.start.picture.shape[:2])
    return np.where(labels == 1, ids[0] + 1, labels).astype(np.uint8) if subject.mask_binary else labels


def label_iou(labels: np.ndarray, truth: np.ndarray, class_id: int) -> float:
    """IoU of one class between two label maps where the truth is known; NaN where neither has it."""
    counted = truth != IGNORE
    mine, theirs = (labels == class_id + 1) & counted, (truth == class_id + 1) & counted
    return float(Areas((mine & theirs).sum(), theirs.sum(), mine.sum()).iou)


def bundle_zip(
    order: Order, subject: Subject, evidence: Evidence, t: int, settings: Mapping[str, Any], link: str
) -> bytes:
    """The files that the command writes, in an archive; the manifest also has the link."""
    known = {field.name for field in fields(DisplayOptions)}
    display = DisplayOptions(**{name: value for name, value in settings.items() if name in known})
    ids = order.pair.class_ids(order.start.classes)
    truth = None
    if subject.mask is not None:
        truth, _ = class_truth(
            subject.mask, order.start.picture.shape[:2], ids, ids[0] if subject.mask_binary else None
        )
    with brief_turn():
        files = walk_bundle(
            order.start,
            order.kept_steps(t),
            order.boundary,
            replace(order.options, steps=t),
            class_ids=ids,
            display=display,
            before_threshold=display.threshold,
            manifest=make_manifest(order.picture, order.pair, evidence) | {"link": link},
            described={"boundary": order.source, "start": order.origin},
            truth=truth,
        )
    return zip_bytes(files)


def _figures(labels: np.ndarray, truth: np.ndarray | None, ids: Sequence[int], names: Sequence[str]) -> str:
    if truth is None or labels is truth:
        return (
            ", ".join(f"{plain(name)} {percent((labels == k + 1).mean())}" for k, name in zip(ids, names, strict=True))
            + " of the picture"
        )
    return ", ".join(_score_words(label_iou(labels, truth, k), name) for k, name in zip(ids, names, strict=True))


def _score_words(iou: float, name: str) -> str:
    return f"{plain(name)}: not there" if np.isnan(iou) else f"{plain(name)} IoU {percent(iou)}"
