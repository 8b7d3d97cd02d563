"""What the figures are worth: the same counting for maps that know nothing of the picture, and for random weights."""

from typing import Any

import numpy as np
import streamlit as st

from recam_core import Store, UserError
from recam_core.evaluation.evaluate import BOXES_ALONE
from recam_core.evaluation.localisation import REQUIRED
from recam_core.evaluation.store.map_names import is_baseline, map_label
from recam_core.records.stored import BASELINES
from recam_core.system.folders import may_start
from ui.errors import runs
from ui.errors.headline import percent
from ui.errors.new import READ_ONLY
from ui.errors.sides import View
from ui.widgets import jobs
from ui.widgets.escaping import plain


def show_sanity(view: View) -> None:
    """A table of every map and of the baselines; they are measured on request."""
    st.markdown(
        "The image-level labels are given to every map here, so even a map that knows nothing gets points. "
        "A readout is worth what it has **beyond** these rows; if random weights come "
        "close, the figures say more about the data set than about training."
    )
    stores = _with_baselines(view.a.run, view.a.store)
    rows = [sanity_row(store, name, view.index) for store in stores for name in store.settings.maps]
    st.dataframe(
        rows, hide_index=True, width="stretch", height="content"
    )  # random weights stand last, and are to be seen
    lines = [f"**{map_label(name)}**: {words}" for name, words in BASELINES.items()]
    st.caption(
        f"{'; '.join(lines)}; **random weights**: the same networks, never trained. Where maps of several "
        "classes are alike, the first class has every pixel. Pointing: share of objects that a map's highest point lies on "
        "or within 15 px of, mean over classes."
    )
    for store in stores:
        _show_localisation(store)


def show_boxes(run: runs.Run, store: Store) -> None:
    """All that there is to an evaluation whose data set has boxes and no masks."""
    st.info(BOXES_ALONE, icon=":material/crop_free:")
    for there in _with_baselines(run, store):
        _show_localisation(there)


def differences(store: Store, baselines: Store) -> list[str]:
    """Why the rows of the baselines may not stand beside those of an evaluation: another model, or other pictures."""
    sentences = []
    if store.settings.sha256 != baselines.settings.sha256:
        sentences.append(
            "The model has changed between this evaluation and its baselines, so their rows are of two models. Evaluate it again "
            "and measure the baselines of that evaluation."
        )
    mine, theirs = int(store.counted.sum()), int(baselines.counted.sum())
    if mine != theirs:
        sentences.append(
            f"The rows are not of the same pictures: {mine} are counted in this evaluation, {theirs} for the baselines. Compare "
            "them when both are finished."
        )
    return sentences


def sanity_row(store: Store, name: str, index: int) -> dict[str, Any]:
    """Figures of one map at a threshold, at its best one, and its pointing game; percent."""
    total, curves = store.areas(name, index).total(), store.curves(name)
    return {
        "map": map_label(name),
        "mIoU": percent(float(np.asarray(total["miou"]))),
        "FP": percent(float(np.asarray(total["fp"]))),
        "FN": percent(float(np.asarray(total["fn"]))),
        "best mIoU": percent(float(curves.miou[curves.best])),
        "at": f"{store.thresholds[curves.best]:.2f}",
        "pointing": percent(store.pointing(name)),
    }


def localisation_row(store: Store, name: str) -> dict[str, Any]:
    """MaxBoxAcc and pixel average precision of one map; percent."""
    figures = store.localisation(name)
    at = {f"box, IoU {needed:g}": percent(rate) for needed, rate in zip(REQUIRED, figures.box_accuracy, strict=True)}
    return {"map": map_label(name), "MaxBoxAcc": percent(figures.max_box_acc), **at, "PxAP": percent(figures.pxap)}


def _show_localisation(store: Store) -> None:
    """The same maps as another field scores them, where that was counted."""
    if not store.objects:
        return
    objects = len(next(iter(store.objects.values())).label)
    st.markdown(
        f"**Localisation**: {objects} objects, a class of a picture each, at the thresholds that suit each map best."
    )
    st.dataframe([localisation_row(store, name) for name in store.objects], hide_index=True, width="stretch")
    st.caption(
        "MaxBoxAcc: share of objects where a box around a part of the map and one around a part of the object overlap by "
        "an IoU of 0.3, 0.5 and 0.7, and the mean of the three; PxAP: area under pixel precision over pixel recall. "
        "(Choe et al., CVPR 2020.)"
    )


def _with_baselines(run: runs.Run, store: Store) -> list[Store]:
    """An evaluation, and that of its baselines if they were measured apart; what does not fit together is said."""
    baselines = [] if any(is_baseline(name) for name in store.settings.maps) else _measured(run, store)
    for words in (sentence for other in baselines for sentence in differences(store, other)):
        st.warning(words, icon=":material/difference:")
    return [store, *baselines]


def _measured(run: runs.Run, store: Store) -> list[Store]:
    """The store of the baselines if there is one; else a button, or how far it is."""
    other = runs.baselines_of(run)
    if other is not None and other.job is not None and other.job.is_waiting:
        st.info(
            "The baselines are being measured; how far they are stands at the top.", icon=":material/hourglass_top:"
        )
        return []
    if other is not None:
        try:
            baselines = runs.store_of(other)
        except UserError as error:
            st.error(plain(str(error)))
        else:
            if baselines.finished:
                return [baselines]
        if other.job is not None:
            jobs.show_ended(other.job)
    _offer_baselines(run, store)
    return []


def _offer_baselines(run: runs.Run, store: Store) -> None:
    """A button that has them measured."""
    if not may_start():
        st.caption(READ_ONLY)
        return
    time = runs.estimate(store.settings.source, 2 * int(store.counted.sum()))
    if st.button("Measure the baselines", icon=":material/play_arrow:", help=f"On the same pictures, about {time}."):
        try:
            runs.start_baselines(run, store)
        except UserError as error:
            st.error(plain(str(error)))
        else:
            st.rerun()
